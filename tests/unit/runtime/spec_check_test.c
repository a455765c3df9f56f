// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/spec_check.c: each check, by a patch of a config that passes. A patch is a JSON object
 * that is laid over the base, object by object; null takes a property away.
 */
#include <sched.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include "runtime/spec.h"
#include "tests/unit/runtime/kit.h"

static const char base[] = "{'ociVersion':'1.0.2','root':{'path':'r'},"
                           "'process':{'args':['a'],'cwd':'/'},"
                           "'linux':{'namespaces':[{'type':'mount'},{'type':'uts'}]}}";

static void lay_over(json_t *to, json_t *patch)
{
    const char *key;
    json_t *value;
    json_object_foreach(patch, key, value)
    {
        json_t *old = json_object_get(to, key);
        if (json_is_object(value) && json_is_object(old))
            lay_over(old, value);
        else if (json_is_null(value))
            json_object_del(to, key);
        else
            json_object_set(to, key, value);
    }
}

static int load_patched(const char *patch, struct spec *ret, struct err *e)
{
    json_auto_t *doc = kit_json(base);
    json_auto_t *over = kit_json(patch);
    lay_over(doc, over);
    return spec_load(doc, ret, e);
}

static void assert_accepted(const char *patch)
{
    struct err e = {0};
    struct spec s;
    if (load_patched(patch, &s, &e) < 0)
        fail_msg("%s: %s", patch, e.text);
    spec_release(&s);
}

static void assert_refused(const char *patch, enum err_kind kind, const char *words)
{
    struct err e = {0};
    struct spec s = {0};
    if (load_patched(patch, &s, &e) == 0)
        fail_msg("%s: accepted", patch);
    if (!strstr(e.text, words))
        fail_msg("%s: '%s' lacks '%s'", patch, e.text, words);
    assert_int_equal(e.kind, kind);
    assert_null(s.oci_version);
}

static void assert_wrong(const char *patch, const char *words)
{
    assert_refused(patch, ERR_CONFIG, words);
}

static void test_spec_check_wants_version_1(void **state)
{
    (void)state;
    assert_accepted("{'ociVersion':'1.0.0-rc1'}");
    assert_accepted("{'ociVersion':'1.99.0'}");
    assert_wrong("{'ociVersion':'2.0.0'}", "/ociVersion: '2.0.0' is not 1.x");
    assert_wrong("{'ociVersion':'0.9'}", "/ociVersion: ");
    assert_wrong("{'ociVersion':'10.0'}", "/ociVersion: ");
}

static void test_spec_check_wants_root_process_and_linux(void **state)
{
    (void)state;
    assert_wrong("{'root':null}", "/root: missing");
    assert_wrong("{'process':null}", "/process: missing");
    assert_wrong("{'linux':null}", "/linux: missing");
}

static void test_spec_check_wants_something_to_run(void **state)
{
    (void)state;
    assert_wrong("{'process':{'args':[]}}", "/process/args: empty");
    assert_wrong("{'process':{'args':null}}", "/process/args: empty");
    assert_wrong("{'process':{'args':['']}}", "/process/args/0: empty");
    assert_accepted("{'process':{'args':['a','']}}");
}

static void test_spec_check_wants_an_absolute_cwd(void **state)
{
    (void)state;
    assert_wrong("{'process':{'cwd':'a'}}", "/process/cwd: 'a' is not an absolute path");
    assert_wrong("{'process':{'cwd':''}}", "/process/cwd: '' is not an absolute path");
}

static void test_spec_check_wants_env_as_pairs(void **state)
{
    (void)state;
    assert_accepted("{'process':{'env':['A=','A=b=c']}}");
    assert_wrong("{'process':{'env':['A=','B']}}", "/process/env/1: 'B' is not NAME=VALUE");
    assert_wrong("{'process':{'env':['=x']}}", "/process/env/0: '=x' is not NAME=VALUE");
    assert_wrong("{'process':{'env':['']}}", "/process/env/0: '' is not NAME=VALUE");
}

static void test_spec_check_wants_sensible_limits(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
            {"{'type':'RLIMIT_X','soft':1,'hard':1}",                                             "/process/rlimits/0/type: no such limit"},
            {"{'type':'NOFILE','soft':1,'hard':1}",                                               "/process/rlimits/0/type: no such limit"},
            {"{'type':'RLIMIT_','soft':1,'hard':1}",                                              "/process/rlimits/0/type: no such limit"},
            {"{'type':'rlimit_core','soft':1,'hard':1}",                                          "/process/rlimits/0/type: no such limit"},
            {"{'type':'RLIMIT_CORE','soft':1}",                                                   "/process/rlimits/0: needs both"        },
            {"{'type':'RLIMIT_CORE','hard':1}",                                                   "/process/rlimits/0: needs both"        },
            {"{'type':'RLIMIT_CORE','soft':2,'hard':1}",                                          "/process/rlimits/0/soft: above"        },
            {"{'type':'RLIMIT_CORE','soft':1,'hard':1},{'type':'RLIMIT_CORE','soft':1,'hard':1}",
             "/process/rlimits/1/type: 'RLIMIT_CORE' stands twice"                                                                        },
            {"{'type':'RLIMIT_CORE','soft':18446744073709551615,'hard':18446744073709551614}",
             "/process/rlimits/0/soft: above"                                                                                             },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *patch = str_fmt("{'process':{'rlimits':[%s]}}", rows[i][0]);
        assert_wrong(patch, rows[i][1]);
    }
    assert_accepted("{'process':{'rlimits':[{'type':'RLIMIT_CORE','soft':0,'hard':0},"
                    "{'type':'RLIMIT_NICE','soft':40,'hard':18446744073709551615}]}}");
}

static void test_spec_check_wants_each_namespace_once(void **state)
{
    (void)state;
    assert_wrong("{'linux':{'namespaces':[{'type':'mount'},{'type':'pid'},{'type':'pid'}]}}",
            "/linux/namespaces/2/type: stands twice");
    assert_wrong("{'linux':{'namespaces':[{'type':'pid'}]}}", "no mount namespace");
    assert_wrong("{'linux':{'namespaces':[]}}", "no mount namespace");
    assert_wrong("{'linux':{'namespaces':[{'type':'mount'},{'type':'pid','path':'proc/1'}]}}",
            "/linux/namespaces/1/path: not absolute");
    assert_accepted("{'linux':{'namespaces':[{'type':'mount'},{'type':'pid','path':''}]}}");
}

static void test_spec_check_wants_maps_with_a_user_namespace(void **state)
{
    (void)state;
    const char *map = "[{'containerID':0,'hostID':1000,'size':1}]";
    autofree char *without = str_fmt("{'linux':{'uidMappings':%s}}", map);
    assert_wrong(without, "/linux/uidMappings: given without a user namespace");
    autofree char *gids = str_fmt("{'linux':{'gidMappings':%s}}", map);
    assert_wrong(gids, "given without a user namespace");
    const char *fresh = "'namespaces':[{'type':'mount'},{'type':'user'}]";
    const char *joined = "'namespaces':[{'type':'mount'},{'type':'user','path':'/proc/1/ns/user'}]";
    autofree char *none = str_fmt("{'linux':{%s}}", fresh);
    assert_wrong(none, "a new user namespace needs uidMappings and gidMappings");
    autofree char *half = str_fmt("{'linux':{%s,'uidMappings':%s}}", fresh, map);
    assert_wrong(half, "a new user namespace needs uidMappings and gidMappings");
    autofree char *both =
            str_fmt("{'linux':{%s,'uidMappings':%s,'gidMappings':%s}}", fresh, map, map);
    assert_accepted(both);
    autofree char *join = str_fmt("{'linux':{%s}}", joined);
    assert_accepted(join);
    /* an empty path is the same as none: a new one */
    assert_wrong("{'linux':{'namespaces':[{'type':'mount'},{'type':'user','path':''}]}}",
            "a new user namespace needs uidMappings and gidMappings");
}

static void test_spec_check_wants_uts_for_names(void **state)
{
    (void)state;
    const char *only_mount = "'linux':{'namespaces':[{'type':'mount'}]}";
    autofree char *host = str_fmt("{'hostname':'h',%s}", only_mount);
    autofree char *domain = str_fmt("{'domainname':'d',%s}", only_mount);
    autofree char *empty = str_fmt("{'hostname':'','domainname':'',%s}", only_mount);
    assert_wrong(host, "/hostname: needs a uts namespace");
    assert_wrong(domain, "/domainname: needs a uts namespace");
    assert_accepted(empty);
    assert_accepted("{'hostname':'h','domainname':'d'}");
}

static void assert_sysctl(const char *key, const char *namespace, const char *words)
{
    autofree char *patch = str_fmt("{'linux':{'namespaces':[{'type':'mount'}%s%s%s],"
                                   "'sysctl':{'%s':'1'}}}",
            namespace ? ",{'type':'" : "", namespace ? namespace : "",
            namespace ? "','path':'/x'}" : "", key);
    if (words)
        assert_wrong(patch, words);
    else
        assert_accepted(patch);
}

/* A sysctl is the container's only when a namespace of its own holds it. */
static void test_spec_check_wants_sysctls_of_a_namespace(void **state)
{
    (void)state;
    static const char *const ours[][2] = {
            {"net.ipv4.ip_forward",     "network"},
            {"net/ipv4/ip_forward",     "network"},
            {"fs.mqueue.msg_max",       "ipc"    },
            {"kernel.shmmax",           "ipc"    },
            {"kernel/shmmax",           "ipc"    },
            {"kernel.sem",              "ipc"    },
            {"kernel.shm_rmid_forced",  "ipc"    },
            {"user.max_net_namespaces", "user"   },
            {"kernel.domainname",       "uts"    },
    };
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        assert_sysctl(ours[i][0], ours[i][1], NULL);
        assert_sysctl(ours[i][0], NULL, "needs a namespace of its own");
        assert_sysctl(ours[i][0], "pid", "needs a namespace of its own");
    }
}

static void test_spec_check_refuses_sysctls_of_the_host(void **state)
{
    (void)state;
    static const char *const hosts[] = {"kernel.core_pattern", "kernel/core_pattern",
            "vm.overcommit_memory", "fs.file-max", "kernel.shmmax2", "netx.a", "net", "",
            "net.ipv4/../../kernel/core_pattern", "net/../kernel/core_pattern", "net..ipv4",
            ".net.a", "/net/a", "user", "../net.a", "kernel"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        assert_sysctl(hosts[i], "network", "it would change the host");
        assert_sysctl(hosts[i], "ipc", "it would change the host");
    }
    assert_sysctl("kernel.hostname", "uts", "use /hostname");
    assert_sysctl("kernel/hostname", "uts", "use /hostname");
}

static void test_spec_check_wants_whole_devices(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
            {"{'path':'dev/a','type':'c','major':1,'minor':1}",   "/linux/devices/0/path: not abs"},
            {"{'path':'/dev/a','type':'','major':1,'minor':1}",   "/linux/devices/0/type: ''"     },
            {"{'path':'/dev/a','type':'x','major':1,'minor':1}",  "/linux/devices/0/type: 'x'"    },
            {"{'path':'/dev/a','type':'cc','major':1,'minor':1}", "/linux/devices/0/type: 'cc'"   },
            {"{'path':'/dev/a','type':'c','major':1}",            "needs major and minor"         },
            {"{'path':'/dev/a','type':'u','minor':1}",            "needs major and minor"         },
            {"{'path':'/dev/a','type':'b'}",                      "needs major and minor"         },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *patch = str_fmt("{'linux':{'devices':[%s]}}", rows[i][0]);
        assert_wrong(patch, rows[i][1]);
    }
    assert_accepted("{'linux':{'devices':[{'path':'/dev/a','type':'p'},"
                    "{'path':'/dev/b','type':'u','major':0,'minor':0}]}}");
}

static void test_spec_check_wants_a_known_propagation(void **state)
{
    (void)state;
    static const char *const known[] = {"shared", "rshared", "slave", "rslave", "private",
            "rprivate", "unbindable", "runbindable", ""};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        autofree char *patch = str_fmt("{'linux':{'rootfsPropagation':'%s'}}", known[i]);
        assert_accepted(patch);
    }
    assert_wrong("{'linux':{'rootfsPropagation':'ro'}}", "/linux/rootfsPropagation: no such");
    assert_wrong("{'linux':{'rootfsPropagation':'SHARED'}}", "/linux/rootfsPropagation: no such");
}

static void test_spec_check_wants_a_known_personality(void **state)
{
    (void)state;
    assert_accepted("{'linux':{'personality':{'domain':'LINUX'}}}");
    assert_wrong("{'linux':{'personality':{'domain':'linux'}}}", "/linux/personality/domain: ");
    assert_refused("{'linux':{'personality':{'domain':'LINUX32','flags':['x']}}}", ERR_UNSUPPORTED,
            "/linux/personality/flags: ");
}

static void test_spec_check_wants_absolute_hidden_paths(void **state)
{
    (void)state;
    assert_wrong("{'linux':{'maskedPaths':['/a','b']}}", "/linux/maskedPaths/1: 'b'");
    assert_wrong("{'linux':{'readonlyPaths':['']}}", "/linux/readonlyPaths/0: ''");
    assert_accepted("{'linux':{'maskedPaths':['/a','/a'],'readonlyPaths':['/']}}");
}

static void test_spec_check_refuses_a_time_namespace(void **state)
{
    (void)state;
    assert_refused("{'linux':{'namespaces':[{'type':'mount'},{'type':'time'}]}}", ERR_UNSUPPORTED,
            "/linux/namespaces/1/type: time: not supported");
}

static void test_spec_check_knows_every_limit(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int number;
    } limits[] = {
            {"RLIMIT_AS",         RLIMIT_AS        },
            {"RLIMIT_CORE",       RLIMIT_CORE      },
            {"RLIMIT_CPU",        RLIMIT_CPU       },
            {"RLIMIT_DATA",       RLIMIT_DATA      },
            {"RLIMIT_FSIZE",      RLIMIT_FSIZE     },
            {"RLIMIT_LOCKS",      RLIMIT_LOCKS     },
            {"RLIMIT_MEMLOCK",    RLIMIT_MEMLOCK   },
            {"RLIMIT_MSGQUEUE",   RLIMIT_MSGQUEUE  },
            {"RLIMIT_NICE",       RLIMIT_NICE      },
            {"RLIMIT_NOFILE",     RLIMIT_NOFILE    },
            {"RLIMIT_NPROC",      RLIMIT_NPROC     },
            {"RLIMIT_RSS",        RLIMIT_RSS       },
            {"RLIMIT_RTPRIO",     RLIMIT_RTPRIO    },
            {"RLIMIT_RTTIME",     RLIMIT_RTTIME    },
            {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
            {"RLIMIT_STACK",      RLIMIT_STACK     },
    };
    assert_int_equal(ARRAY_LEN(limits), RLIM_NLIMITS);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        assert_int_equal(spec_rlimit_number(limits[i].name), limits[i].number);
    assert_int_equal(spec_rlimit_number("RLIMIT_NOFILES"), -1);
    assert_int_equal(spec_rlimit_number(""), -1);
}

static void test_spec_check_maps_namespaces_to_clone_flags(void **state)
{
    (void)state;
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_NONE), 0);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_PID), CLONE_NEWPID);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_NETWORK), CLONE_NEWNET);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_MOUNT), CLONE_NEWNS);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_IPC), CLONE_NEWIPC);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_UTS), CLONE_NEWUTS);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_USER), CLONE_NEWUSER);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_CGROUP), CLONE_NEWCGROUP);
    assert_int_equal(spec_ns_clone_flag(SPEC_NS_TIME), 0x80);
}

static uint64_t mask_of(const char *name, const char **ret_unknown)
{
    char *names[] = {str_dup(name)};
    uint64_t mask = spec_cap_mask(names, 1, NULL);
    const char *unknown = NULL;
    assert_true(spec_cap_mask(names, 1, &unknown) == mask);
    *ret_unknown = unknown ? name : NULL;
    mem_free(names[0]);
    return mask;
}

/* Unknown names are left out (runtime-spec config#process), the first is told. */
static void test_spec_check_makes_masks_of_capabilities(void **state)
{
    (void)state;
    char *names[3];
    const char *unknown = NULL;
    names[0] = str_dup("CAP_CHOWN");
    names[1] = str_dup("CAP_NEVER");
    names[2] = str_dup("CAP_SYS_ADMIN");
    assert_true(spec_cap_mask(names, 3, &unknown) == (1u | 1u << CAP_SYS_ADMIN));
    assert_string_equal(unknown, "CAP_NEVER");
    assert_true(spec_cap_mask(names, 3, NULL) == (1u | 1u << CAP_SYS_ADMIN));
    assert_true(spec_cap_mask(NULL, 0, NULL) == 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        mem_free(names[i]);
    static const char *const wrong[] = {"", "KILL", "CAP_", "CAP_KILL ", " CAP_KILL", "CAP_KILL,",
            "CAP_KILL=ep", "CAP_KILLX", "21", "0x15", "5abc", "ALL", "CAP_ALL", "-1", "64"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (mask_of(wrong[i], &unknown) || !unknown)
            fail_msg("'%s' is taken for a capability", wrong[i]);
    assert_true(mask_of("CAP_CHECKPOINT_RESTORE", &unknown) == UINT64_C(1) << 40);
    assert_null(unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_spec_check_wants_version_1),
            cmocka_unit_test(test_spec_check_wants_root_process_and_linux),
            cmocka_unit_test(test_spec_check_wants_something_to_run),
            cmocka_unit_test(test_spec_check_wants_an_absolute_cwd),
            cmocka_unit_test(test_spec_check_wants_env_as_pairs),
            cmocka_unit_test(test_spec_check_wants_sensible_limits),
            cmocka_unit_test(test_spec_check_wants_each_namespace_once),
            cmocka_unit_test(test_spec_check_wants_maps_with_a_user_namespace),
            cmocka_unit_test(test_spec_check_wants_uts_for_names),
            cmocka_unit_test(test_spec_check_wants_sysctls_of_a_namespace),
            cmocka_unit_test(test_spec_check_refuses_sysctls_of_the_host),
            cmocka_unit_test(test_spec_check_wants_whole_devices),
            cmocka_unit_test(test_spec_check_wants_a_known_propagation),
            cmocka_unit_test(test_spec_check_wants_a_known_personality),
            cmocka_unit_test(test_spec_check_wants_absolute_hidden_paths),
            cmocka_unit_test(test_spec_check_refuses_a_time_namespace),
            cmocka_unit_test(test_spec_check_knows_every_limit),
            cmocka_unit_test(test_spec_check_maps_namespaces_to_clone_flags),
            cmocka_unit_test(test_spec_check_makes_masks_of_capabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
