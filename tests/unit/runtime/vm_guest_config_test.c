// SPDX-License-Identifier: Apache-2.0
/* runtime/vm/guest_config.c and size.c: one document in, one out. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/json.h"
#include "base/own.h"
#include "runtime/vm/guest_config.h"
#include "runtime/vm/size.h"
#include "runtime/vm/vm.h"

static json_t *doc(const char *text)
{
    struct err e;
    json_t *d = NULL;
    if (json_parse(text, strlen(text), "test", &d, &e) < 0)
        fail_msg("%s", e.text);
    return d;
}

/* The result as text, or the error's text. */
static char *made(const char *text, bool allow, struct guest_config *keep)
{
    struct err e = {0};
    struct guest_config g;
    json_t *d = doc(text);
    int r = guest_config_make(d, "web", allow, &g, &e);
    json_decref(d);
    if (r < 0)
        return str_dup(e.text);
    char *out = json_text(g.config, false);
    if (keep)
        *keep = g;
    else
        guest_config_release(&g);
    return out;
}

static void same(const char *in, const char *want)
{
    autofree char *got = made(in, false, NULL);
    if (strncmp(want, "VM: ", 4) == 0) {
        assert_string_equal(got, want);
        return;
    }
    json_t *a = doc(got), *b = doc(want);
    if (!json_equal(a, b))
        fail_msg("got %s\nwant %s", got, want);
    json_decref(a);
    json_decref(b);
}

#define LINUX "\"linux\":{\"cgroupsPath\":\"/web\"}"
#define ROOT "\"root\":{\"path\":\"/run/islet/root\"}"

static void test_guest_config_moves_root_and_cgroup_and_keeps_the_rest(void **state)
{
    (void)state;
    same("{\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","
         "\"process\":{\"args\":[\"sh\"],\"rlimits\":[{\"type\":\"RLIMIT_MEMLOCK\","
         "\"hard\":18446744073709551615,\"soft\":1}]},"
         "\"linux\":{\"cgroupsPath\":\"/machine/x\",\"resources\":{\"memory\":{\"limit\":7}}}}",
            "{\"root\":{\"path\":\"/run/islet/root\",\"readonly\":true},\"hostname\":\"h\","
            "\"process\":{\"args\":[\"sh\"],\"rlimits\":[{\"type\":\"RLIMIT_MEMLOCK\","
            "\"hard\":18446744073709551615,\"soft\":1}]},"
            "\"linux\":{\"cgroupsPath\":\"/web\",\"resources\":{\"memory\":{\"limit\":7}}}}");
    same("{\"root\":{\"path\":\"r\"}}", "{" ROOT "," LINUX "}");
    same("{}", "VM: /root: missing");
}

static void test_guest_config_does_not_touch_the_original(void **state)
{
    (void)state;
    struct err e;
    struct guest_config g;
    const char *text = "{\"root\":{\"path\":\"r\"},\"hooks\":{\"prestart\":[{\"path\":\"/x\"}]},"
                       "\"linux\":{\"namespaces\":[{\"type\":\"network\"}]}}";
    json_t *a = doc(text), *b = doc(text);
    assert_int_equal(guest_config_make(a, "web", false, &g, &e), 0);
    assert_true(json_equal(a, b));
    guest_config_release(&g);
    json_decref(a);
    json_decref(b);
}

static void test_guest_config_hooks_of_the_host_go(void **state)
{
    (void)state;
    same("{\"root\":{\"path\":\"r\"},\"hooks\":{\"prestart\":[{\"path\":\"/x\"}],"
         "\"startContainer\":[{\"path\":\"/in\"}],\"poststop\":[{\"path\":\"/y\"}]}}",
            "{" ROOT "," LINUX ",\"hooks\":{\"startContainer\":[{\"path\":\"/in\"}]}}");
    same("{\"root\":{\"path\":\"r\"},\"hooks\":{\"createContainer\":[{\"path\":\"/x\"}]}}",
            "VM: /hooks/createContainer: needs the host's files and the guest's namespaces");
}

static void test_guest_config_drops_network_and_paths_of_namespaces(void **state)
{
    (void)state;
    struct guest_config g;
    const char *in = "{\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"
                     "{\"type\":\"network\",\"path\":\"/run/netns/x\"},{\"type\":\"ipc\","
                     "\"path\":\"/proc/1/ns/ipc\"},{\"type\":\"mount\"}],\"sysctl\":{"
                     "\"net.ipv4.ping_group_range\":\"0 0\",\"kernel.msgmax\":\"65536\"}}}";
    autofree char *got = made(in, false, &g);
    autofree char *want = str_dup("{\"linux\":{\"cgroupsPath\":\"/web\",\"namespaces\":["
                                  "{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"mount\"}],"
                                  "\"sysctl\":{\"kernel.msgmax\":\"65536\"}}," ROOT "}");
    json_t *a = doc(got), *b = doc(want);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    assert_string_equal(g.sysctls[0], "net.ipv4.ping_group_range=0 0");
    assert_null(g.sysctls[1]);
    assert_string_equal(g.gaps[0], "/linux/namespaces/1: not connected: the guest has only lo yet");
    assert_string_equal(g.gaps[1], "/linux/namespaces/2: a namespace of the host is not shared");
    assert_null(g.gaps[2]);
    guest_config_release(&g);
}

static void test_guest_config_mirrors_shm_and_client_files_and_refuses_other_binds(void **state)
{
    (void)state;
    struct guest_config g;
    const char *in =
            "{\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"/proc\",\"type\":"
            "\"proc\",\"source\":\"proc\"},{\"destination\":\"/dev/shm\",\"type\":\"bind\","
            "\"source\":\"/var/shm\",\"options\":[\"bind\"]},{\"destination\":"
            "\"/etc/hosts\",\"type\":\"bind\",\"source\":\"/h/hosts\",\"options\":"
            "[\"rbind\",\"ro\"]},{\"destination\":\"/etc/resolv.conf\",\"type\":\"none\","
            "\"source\":\"/h/resolv\",\"options\":[\"rbind\"]}]}";
    autofree char *got = made(in, false, &g);
    assert_non_null(strstr(got, "\"source\":\"shm\""));
    assert_non_null(strstr(got, "\"source\":\"/run/islet/files/0\""));
    assert_non_null(strstr(got, "\"source\":\"/run/islet/files/1\""));
    assert_null(strstr(got, "/h/"));
    assert_string_equal(g.files[0], "/h/hosts");
    assert_string_equal(g.files[1], "/h/resolv");
    assert_string_equal(g.gaps[0],
            "/mounts/3: '/etc/resolv.conf' is a copy: what is written stays in the guest");
    assert_null(g.gaps[1]);
    guest_config_release(&g);
    same("{\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"/proc\"},{\"destination\":"
         "\"/data\",\"type\":\"none\",\"source\":\"/srv\",\"options\":[\"rbind\"]}]}",
            "VM: /mounts/1: '/srv' of the host cannot be mounted at '/data' in a VM yet");
}

static void test_guest_config_takes_devices_that_every_kernel_has(void **state)
{
    (void)state;
    same("{\"root\":{\"path\":\"r\"},\"linux\":{\"devices\":[{\"path\":\"/dev/fuse\",\"type\":"
         "\"c\",\"major\":10,\"minor\":229}]}}",
            "{" ROOT ",\"linux\":{\"cgroupsPath\":\"/web\",\"devices\":[{\"path\":\"/dev/fuse\","
            "\"type\":\"c\",\"major\":10,\"minor\":229}]}}");
    same("{\"root\":{\"path\":\"r\"},\"linux\":{\"devices\":[{\"path\":\"/dev/sda\",\"type\":"
         "\"b\",\"major\":8,\"minor\":0}]}}",
            "VM: /linux/devices/0: '/dev/sda' of the host is not to be had in a guest");
}

static void test_guest_config_refuses_labels_or_records_the_gap(void **state)
{
    (void)state;
    struct guest_config g;
    const char *in = "{\"root\":{\"path\":\"r\"},\"process\":{\"apparmorProfile\":\"p\"}}";
    same(in, "VM: /process/apparmorProfile: no policy is loaded in a guest "
             "(--allow-degraded runs it without)");
    autofree char *got = made(in, true, &g);
    assert_null(strstr(got, "apparmor"));
    assert_string_equal(g.gaps[0], "/process/apparmorProfile: no policy is loaded in a guest");
    guest_config_release(&g);
    same("{\"root\":{\"path\":\"r\"},\"process\":{\"apparmorProfile\":\"\"}}",
            "{" ROOT "," LINUX ",\"process\":{}}");
    same("{\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":{\"listenerPath\":\"/s\"}}}",
            "VM: /linux/seccomp/listenerPath: a socket of the host cannot be reached from a guest");
}

/* -- size -------------------------------------------------------------------------------------- */

static struct vm_size sized(const char *resources, uint64_t memory, unsigned cpus, bool emulated)
{
    struct err e;
    struct vm_size s = {0};
    struct vm_size_host h = {.memory = memory, .cpus = cpus, .is_emulated = emulated};
    autofree char *text = str_fmt("{\"linux\":{\"resources\":%s}}", resources);
    json_t *d = doc(text);
    assert_int_equal(vm_size_plan(d, &h, &s, &e), 0);
    json_decref(d);
    return s;
}

#define GIB (1ull << 30)

static void test_size_follows_the_limits(void **state)
{
    (void)state;
    assert_int_equal(sized("{}", 24 * GIB, 8, false).memory, 2 * GIB);
    assert_int_equal(sized("{}", 3 * GIB, 8, false).memory, 3 * GIB / 2);
    assert_int_equal(sized("{}", 24 * GIB, 8, false).vcpus, 8);
    assert_int_equal(sized("{}", 24 * GIB, 8, true).vcpus, 2);
    assert_int_equal(sized("{\"memory\":{\"limit\":268435456}}", 24 * GIB, 1, false).memory,
            268435456ull + VMW_MEMORY_OVERHEAD);
    assert_int_equal(sized("{\"memory\":{\"limit\":1000}}", 24 * GIB, 1, false).memory, 128u << 20);
    assert_int_equal(sized("{\"memory\":{\"limit\":-1}}", 24 * GIB, 1, false).memory, 2 * GIB);
    assert_int_equal(
            sized("{\"memory\":{\"limit\":18446744073709551615}}", 4 * GIB, 1, false).memory,
            4 * GIB);
    assert_int_equal(sized("{\"cpu\":{\"quota\":150000}}", 4 * GIB, 8, false).vcpus, 2);
    assert_int_equal(
            sized("{\"cpu\":{\"quota\":150000,\"period\":50000}}", 4 * GIB, 8, false).vcpus, 3);
    assert_int_equal(sized("{\"cpu\":{\"quota\":1}}", 4 * GIB, 8, false).vcpus, 1);
    assert_int_equal(sized("{\"cpu\":{\"quota\":9000000}}", 4 * GIB, 8, false).vcpus, 8);
    assert_int_equal(sized("{\"cpu\":{\"quota\":-1}}", 4 * GIB, 8, false).vcpus, 8);
}

static void test_size_host_resources_carry_the_sum(void **state)
{
    (void)state;
    json_t *d = doc("{\"linux\":{\"resources\":{\"memory\":{\"limit\":1048576,\"swap\":-1},"
                    "\"pids\":{\"limit\":5},\"devices\":[{\"allow\":false}],\"cpu\":{\"shares\":"
                    "2}}}}");
    json_t *want = doc("{\"memory\":{\"limit\":101711872,\"swap\":-1},\"cpu\":{\"shares\":2}}");
    json_t *got = vmw_host_resources(d);
    assert_true(json_equal(got, want));
    json_decref(d);
    json_decref(want);
    json_decref(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_guest_config_moves_root_and_cgroup_and_keeps_the_rest),
            cmocka_unit_test(test_guest_config_does_not_touch_the_original),
            cmocka_unit_test(test_guest_config_hooks_of_the_host_go),
            cmocka_unit_test(test_guest_config_drops_network_and_paths_of_namespaces),
            cmocka_unit_test(
                    test_guest_config_mirrors_shm_and_client_files_and_refuses_other_binds),
            cmocka_unit_test(test_guest_config_takes_devices_that_every_kernel_has),
            cmocka_unit_test(test_guest_config_refuses_labels_or_records_the_gap),
            cmocka_unit_test(test_size_follows_the_limits),
            cmocka_unit_test(test_size_host_resources_carry_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
