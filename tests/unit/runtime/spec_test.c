// SPDX-License-Identifier: Apache-2.0
/* runtime/spec.c: every property of a full config arrives in its member, errors name the pointer. */
#include <sched.h>

#include "runtime/runtime.h"
#include "runtime/spec.h"
#include "tests/unit/runtime/kit.h"

/* One of each; ' stands for ". */
static const char full_config[] =
        "{'ociVersion':'1.3.0','hostname':'h','domainname':'d',"
        "'root':{'path':'rootfs','readonly':true},"
        "'annotations':{'a':'1','b':''},"
        "'process':{'terminal':true,'consoleSize':{'height':24,'width':80},"
        "'user':{'uid':1000,'gid':1001,'umask':18,'additionalGids':[5,4294967294],"
        "'username':'nobody'},"
        "'args':['/bin/sh','-c',''],'env':['A=1','B=','C=x=y'],'cwd':'/w',"
        "'capabilities':{'bounding':['CAP_KILL','CAP_CHOWN'],'effective':['CAP_KILL'],"
        "'inheritable':[],'permitted':['CAP_KILL'],'ambient':['CAP_KILL']},"
        "'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':2},"
        "{'type':'RLIMIT_MEMLOCK','soft':18446744073709551615,'hard':18446744073709551615}],"
        "'noNewPrivileges':true,'apparmorProfile':'p','oomScoreAdj':-1000,"
        "'selinuxLabel':''},"
        "'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"
        "{'destination':'data','type':'bind','source':'/d','options':['rbind','ro']}],"
        "'hooks':{'prestart':[],'poststop':null},"
        "'linux':{'namespaces':[{'type':'pid'},{'type':'network','path':'/run/netns/x'},"
        "{'type':'mount'},{'type':'ipc'},{'type':'uts'},{'type':'user'},{'type':'cgroup'}],"
        "'uidMappings':[{'containerID':0,'hostID':100000,'size':65536}],"
        "'gidMappings':[{'containerID':0,'hostID':200000,'size':4294967295}],"
        "'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229,'fileMode':438,"
        "'uid':1,'gid':2},{'path':'/dev/pipe','type':'p'}],"
        "'cgroupsPath':'/a/b','rootfsPropagation':'rslave',"
        "'resources':{'memory':{'limit':1048576},'pids':{'limit':0}},"
        "'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,"
        "'architectures':['SCMP_ARCH_X86_64'],'flags':['SECCOMP_FILTER_FLAG_LOG'],"
        "'syscalls':[{'names':['read','write'],'action':'SCMP_ACT_ALLOW',"
        "'args':[{'index':5,'value':18446744073709551615,'valueTwo':9223372036854775808,"
        "'op':'SCMP_CMP_MASKED_EQ'}]},"
        "{'names':['kill'],'action':'SCMP_ACT_ERRNO','errnoRet':0}]},"
        "'sysctl':{'net.core.somaxconn':'1'},"
        "'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys','/proc/bus'],"
        "'personality':{'domain':'LINUX32','flags':[]}},"
        "'windows':{'layerFolders':['x']},'x-extension':{'y':1}}";

static void load(const char *text, struct spec *ret)
{
    struct err e = {0};
    json_auto_t *doc = kit_json(text);
    OK(spec_load(doc, ret, &e));
}

static void test_spec_reads_what_stands_at_the_top(void **state)
{
    (void)state;
    struct spec s;
    load(full_config, &s);
    assert_string_equal(s.oci_version, "1.3.0");
    assert_string_equal(s.hostname, "h");
    assert_string_equal(s.domainname, "d");
    assert_true(s.has_root && s.has_process && s.has_linux);
    assert_string_equal(s.root.path, "rootfs");
    assert_true(s.root.readonly.v);
    assert_int_equal(s.annotations.n, 2);
    assert_string_equal(json_map_get(&s.annotations, "a"), "1");
    assert_string_equal(json_map_get(&s.annotations, "b"), "");
    assert_int_equal(s.n_mounts, 2);
    assert_string_equal(s.mounts[1].destination, "data");
    assert_string_equal(s.mounts[1].options[1], "ro");
    assert_int_equal(s.mounts[0].n_options, 0);
    spec_release(&s);
    assert_null(s.process.args);
}

static void test_spec_reads_a_process(void **state)
{
    (void)state;
    struct spec s;
    load(full_config, &s);
    const struct spec_process *p = &s.process;
    assert_true(p->terminal.v && p->no_new_privileges.v && p->has_console_size && p->has_caps);
    assert_int_equal(p->console_size.height.v, 24);
    assert_int_equal(p->console_size.width.v, 80);
    assert_int_equal(p->user.uid.v, 1000);
    assert_int_equal(p->user.gid.v, 1001);
    assert_int_equal(p->user.umask.v, 022);
    assert_int_equal(p->user.n_additional_gids, 2);
    assert_int_equal(p->user.additional_gids[1], 4294967294);
    assert_int_equal(p->n_args, 3);
    assert_string_equal(p->args[2], "");
    assert_null(p->args[3]);
    assert_string_equal(p->env[2], "C=x=y");
    assert_string_equal(p->cwd, "/w");
    assert_int_equal(p->caps.n_bounding, 2);
    assert_string_equal(p->caps.bounding[1], "CAP_CHOWN");
    assert_int_equal(p->caps.n_effective, 1);
    assert_int_equal(p->caps.n_inheritable, 0);
    assert_int_equal(p->caps.n_permitted, 1);
    assert_int_equal(p->caps.n_ambient, 1);
    assert_string_equal(p->apparmor_profile, "p");
    assert_int_equal(p->oom_score_adj.v, -1000);
    spec_release(&s);
}

/* RLIM_INFINITY is 2^64-1: what Docker writes for `--ulimit memlock=-1`. */
static void test_spec_keeps_the_largest_limits(void **state)
{
    (void)state;
    struct spec s;
    load(full_config, &s);
    assert_int_equal(s.process.n_rlimits, 2);
    assert_string_equal(s.process.rlimits[1].type, "RLIMIT_MEMLOCK");
    assert_true(s.process.rlimits[1].soft.v == UINT64_MAX);
    assert_true(s.process.rlimits[1].hard.v == UINT64_MAX);
    const struct spec_syscall_arg *a = &s.linux_.seccomp.syscalls[0].args[0];
    assert_true(a->value.v == UINT64_MAX);
    assert_true(a->value_two.v == UINT64_C(1) << 63);
    spec_release(&s);
}

static void test_spec_reads_linux(void **state)
{
    (void)state;
    struct spec s;
    load(full_config, &s);
    const struct spec_linux *l = &s.linux_;
    assert_int_equal(l->n_namespaces, 7);
    assert_string_equal(spec_namespace(&s, SPEC_NS_NETWORK)->path, "/run/netns/x");
    assert_null(spec_namespace(&s, SPEC_NS_PID)->path);
    assert_null(spec_namespace(&s, SPEC_NS_TIME));
    assert_int_equal(l->uid_mappings[0].host_id.v, 100000);
    assert_int_equal(l->gid_mappings[0].size.v, 4294967295);
    assert_int_equal(l->n_devices, 2);
    assert_int_equal(l->devices[0].minor.v, 229);
    assert_int_equal(l->devices[0].file_mode.v, 0666);
    assert_string_equal(l->cgroups_path, "/a/b");
    assert_string_equal(l->rootfs_propagation, "rslave");
    assert_int_equal(l->resources.memory.limit.v, 1048576);
    assert_true(l->resources.pids.limit.is_set);
    assert_true(l->has_seccomp);
    assert_int_equal(l->seccomp.default_errno_ret.v, 38);
    assert_string_equal(l->seccomp.syscalls[0].names[1], "write");
    assert_int_equal(l->seccomp.syscalls[0].args[0].index.v, 5);
    assert_true(l->seccomp.syscalls[1].errno_ret.is_set);
    assert_string_equal(json_map_get(&l->sysctl, "net.core.somaxconn"), "1");
    assert_string_equal(l->masked_paths[0], "/proc/kcore");
    assert_int_equal(l->n_readonly_paths, 2);
    assert_true(l->has_personality);
    assert_string_equal(l->personality.domain, "LINUX32");
    spec_release(&s);
}

/* What `islet spec` writes is a config that can be run. */
static void test_spec_takes_the_default_config(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    json_auto_t *doc = rt_default_config();
    assert_non_null(doc);
    OK(spec_load(doc, &s, &e));
    assert_false(s.linux_.has_seccomp);
    spec_release(&s);
}

static void test_spec_names_the_pointer_of_a_wrong_type(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
            {"[]",                                             "not an object"                    },
            {"{}",                                             "/ociVersion: missing"             },
            {"{'ociVersion':''}",                              "/ociVersion: empty"               },
            {"{'ociVersion':1}",                               "/ociVersion: not a string"        },
            {"{'process':{'cwd':'/','args':['a',1]}}",         "/process/args/1: not a string"    },
            {"{'process':{'args':['a']}}",                     "/process/cwd: missing"            },
            {"{'process':{'user':{'uid':-1}}}",                "/process/user/uid: "              },
            {"{'process':{'user':{'uid':4294967295}}}",        "/process/user/uid: "              },
            {"{'process':{'user':{'umask':512}}}",             "/process/user/umask: "            },
            {"{'process':{'user':{'additionalGids':[1,-1]}}}", "/process/user/additionalGids/1: " },
            {"{'process':{'oomScoreAdj':1001}}",               "/process/oomScoreAdj: "           },
            {"{'process':{'oomScoreAdj':-1001}}",              "/process/oomScoreAdj: "           },
            {"{'process':{'rlimits':[{'soft':-1}]}}",          "/process/rlimits/0/soft: "        },
            {"{'process':{'rlimits':[{'soft':1,'hard':1}]}}",  "/process/rlimits/0/type: missing" },
            {"{'root':{'path':''}}",                           "/root/path: empty"                },
            {"{'root':{}}",                                    "/root/path: missing"              },
            {"{'mounts':[{'destination':''}]}",                "/mounts/0/destination: empty"     },
            {"{'mounts':[{'type':'bind'}]}",                   "/mounts/0/destination: missing"   },
            {"{'linux':{'namespaces':[{}]}}",                  "/linux/namespaces/0/type: missing"},
            {"{'linux':{'namespaces':[{'type':'net'}]}}",      "/linux/namespaces/0/type: "       },
            {"{'linux':{'devices':[{'path':'/a'}]}}",          "/linux/devices/0/type: missing"   },
            {"{'linux':{'seccomp':{}}}",                       "/linux/seccomp/defaultAction: "   },
            {"{'linux':{'sysctl':{'a':1}}}",                   "/linux/sysctl/a: not a string"    },
            {"{'linux':{'personality':{}}}",                   "/linux/personality/domain: "      },
            {"{'annotations':{'a':{}}}",                       "/annotations/a: not a string"     },
            {"{'hooks':{'prestart':[{'path':'/x'}]}}",         "/hooks/prestart: not supported"   },
            {"{'vm':{'kernel':{'path':'/x'}}}",                "/vm/kernel: not supported"        },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        struct spec s = {0};
        json_auto_t *doc = kit_json(rows[i][0]);
        if (spec_load(doc, &s, &e) == 0)
            fail_msg("%s: loaded", rows[i][0]);
        if (!strstr(e.text, rows[i][1]))
            fail_msg("%s: '%s' lacks '%s'", rows[i][0], e.text, rows[i][1]);
        assert_null(s.oci_version);
    }
}

static void test_spec_limits_seccomp_numbers(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
            {"'args':[{'index':6,'op':'SCMP_CMP_EQ'}]", "/linux/seccomp/syscalls/0/args/0/index: "},
            {"'args':[{'index':1}]",                    "/args/0/op: missing"                     },
            {"'errnoRet':4095",                         "/linux/seccomp/syscalls/0/errnoRet: "    },
            {"'names':[]",                              "/linux/seccomp/syscalls/0/names: empty"  },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        struct spec s = {0};
        autofree char *text =
                str_fmt("{'linux':{'seccomp':{'defaultAction':'x','syscalls':[{%s}]}}}",
                        rows[i][0]);
        json_auto_t *doc = kit_json(text);
        REFUSED(spec_load(doc, &s, &e), ERR_CONFIG, rows[i][1]);
    }
}

/* exec --process: the same object, pointers start at the process. */
static void test_spec_process_load_reads_a_process_of_its_own(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec_process p = {0};
    json_auto_t *good = kit_json("{'args':['a'],'cwd':'/','env':['A=b']}");
    OK(spec_process_load(good, &p, &e));
    assert_string_equal(p.args[0], "a");
    assert_false(p.has_caps || p.has_console_size || p.terminal.v);
    spec_process_release(&p);
    assert_null(p.args);
    json_auto_t *bare = kit_json("{'args':['a'],'cwd':'relative'}");
    REFUSED(spec_process_load(bare, &p, &e), ERR_CONFIG, "/cwd: 'relative' is not an absolute");
    assert_null(p.args);
    json_auto_t *typed = kit_json("{'args':['a'],'cwd':'/','env':[1]}");
    REFUSED(spec_process_load(typed, &p, &e), ERR_CONFIG, "/env/0: not a string");
}

static void test_spec_of_the_largest_size_is_read(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    json_auto_t *doc = kit_json(full_config);
    json_t *maps = json_array(); /* CVE-2021-43784: many mappings, long strings */
    for (int i = 0; i < 70000; i++)
        json_array_append_new(maps,
                json_pack("{s:i,s:i,s:i}", "containerID", i, "hostID", i, "size", 1));
    json_object_set_new(json_object_get(doc, "linux"), "uidMappings", maps);
    autofree char *text = mem_new(65536 + 1, 1);
    memset(text, 'x', 65536);
    json_object_set_new(doc, "hostname", json_string(text));
    OK(spec_load(doc, &s, &e));
    assert_int_equal(s.linux_.n_uid_mappings, 70000);
    assert_int_equal(s.linux_.uid_mappings[69999].host_id.v, 69999);
    assert_int_equal(strlen(s.hostname), 65536);
    spec_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_spec_reads_what_stands_at_the_top),
            cmocka_unit_test(test_spec_reads_a_process),
            cmocka_unit_test(test_spec_keeps_the_largest_limits),
            cmocka_unit_test(test_spec_reads_linux),
            cmocka_unit_test(test_spec_takes_the_default_config),
            cmocka_unit_test(test_spec_names_the_pointer_of_a_wrong_type),
            cmocka_unit_test(test_spec_limits_seccomp_numbers),
            cmocka_unit_test(test_spec_process_load_reads_a_process_of_its_own),
            cmocka_unit_test(test_spec_of_the_largest_size_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
