// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/seccomp.c: profiles are compiled and the filters asked, by cbpf.h. What libseccomp makes of
 * a profile is part of what is tested: it must mean what runtime-spec config-linux#seccomp says.
 */
#include <errno.h>
#include <seccomp.h>

#include "runtime/seccomp.h"
#include "tests/unit/runtime/cbpf.h"
#include "tests/unit/runtime/kit.h"

struct filter {
    struct sock_filter *f;
    size_t n;
    uint32_t flags;
};

/* Compiles linux.seccomp; ' stands for ". */
static int compile(const char *profile, struct filter *ret, struct err *e)
{
    struct spec s;
    autofree char *text = str_fmt("{'ociVersion':'1.0.2','root':{'path':'r'},'process':"
                                  "{'args':['a'],'cwd':'/'},'linux':{'namespaces':"
                                  "[{'type':'mount'}],'seccomp':%s}}",
            profile);
    json_auto_t *doc = kit_json(text);
    if (spec_load(doc, &s, e) < 0)
        fail_msg("%s: %s", profile, e->text);
    int rc = seccomp_compile(&s.linux_.seccomp, &ret->f, &ret->n, &ret->flags, e);
    spec_release(&s);
    return rc;
}

static void get(const char *profile, struct filter *ret)
{
    struct err e = {0};
    *ret = (struct filter){0};
    if (compile(profile, ret, &e) < 0)
        fail_msg("%s: %s", profile, e.text);
    assert_true(ret->n > 0 && ret->n <= BPF_MAXINSNS);
}

/* A profile of one default and one rule. */
#define PROFILE(dflt, rule) "{'defaultAction':'SCMP_ACT_" dflt "','syscalls':[" rule "]}"

static void assert_refused(const char *profile, enum err_kind kind, const char *words)
{
    struct err e = {0};
    struct filter f = {0};
    if (compile(profile, &f, &e) == 0)
        fail_msg("%s: compiled", profile);
    if (!strstr(e.text, words))
        fail_msg("%s: '%s' lacks '%s'", profile, e.text, words);
    assert_int_equal(e.kind, kind);
    assert_null(f.f);
}

static uint32_t ask_arch(const struct filter *f, uint32_t arch, const char *name,
        const uint64_t args[6])
{
    uint32_t answer = 0;
    int nr = seccomp_syscall_resolve_name_arch(arch, name);
    struct seccomp_data call = {.nr = nr, .arch = arch};
    assert_true(nr >= 0);
    if (arch == SCMP_ARCH_X32) /* told by a bit of the number */
        call.arch = SCMP_ARCH_X86_64;
    if (args)
        memcpy(call.args, args, sizeof(call.args));
    assert_true(cbpf_run(f->f, f->n, &call, &answer));
    return answer;
}

static uint32_t ask(const struct filter *f, const char *name)
{
    return ask_arch(f, seccomp_arch_native(), name, NULL);
}

static uint32_t ask_arg(const struct filter *f, const char *name, unsigned i, uint64_t value)
{
    uint64_t args[6] = {0};
    args[i] = value;
    return ask_arch(f, seccomp_arch_native(), name, args);
}

/* -- actions ------------------------------------------------------------------------------------- */

static const struct {
    const char *action, *errno_ret; /* JSON, or NULL */
    uint32_t answer;
} actions[] = {
        {"ALLOW",        NULL,   SECCOMP_RET_ALLOW        },
        {"ALLOW",        "0",    SECCOMP_RET_ALLOW        },
        {"ERRNO",        NULL,   SECCOMP_RET_ERRNO | EPERM},
        {"ERRNO",        "0",    SECCOMP_RET_ERRNO        },
        {"ERRNO",        "38",   SECCOMP_RET_ERRNO | 38   },
        {"ERRNO",        "4094", SECCOMP_RET_ERRNO | 4094 },
        {"KILL",         NULL,   SECCOMP_RET_KILL_THREAD  },
        {"KILL_THREAD",  NULL,   SECCOMP_RET_KILL_THREAD  },
        {"KILL_PROCESS", NULL,   SECCOMP_RET_KILL_PROCESS },
        {"LOG",          NULL,   SECCOMP_RET_LOG          },
        {"TRAP",         NULL,   SECCOMP_RET_TRAP         },
        {"TRACE",        NULL,   SECCOMP_RET_TRACE | EPERM},
        {"TRACE",        "7",    SECCOMP_RET_TRACE | 7    },
};

static void test_seccomp_default_actions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        struct filter f;
        autofree char *profile = str_fmt("{'defaultAction':'SCMP_ACT_%s','defaultErrnoRet':%s}",
                actions[i].action, actions[i].errno_ret ? actions[i].errno_ret : "null");
        get(profile, &f);
        assert_int_equal(ask(&f, "read"), actions[i].answer);
        assert_int_equal(f.flags, 0);
        mem_free(f.f);
    }
}

static void test_seccomp_actions_of_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        struct filter f;
        bool is_allow = actions[i].answer == SECCOMP_RET_ALLOW;
        autofree char *profile = str_fmt("{'defaultAction':'%s','syscalls':[{'names':['getpid',"
                                         "'write'],'action':'SCMP_ACT_%s','errnoRet':%s}]}",
                is_allow ? "SCMP_ACT_KILL" : "SCMP_ACT_ALLOW", actions[i].action,
                actions[i].errno_ret ? actions[i].errno_ret : "null");
        get(profile, &f);
        uint32_t other = is_allow ? SECCOMP_RET_KILL_THREAD : SECCOMP_RET_ALLOW;
        assert_int_equal(ask(&f, "getpid"), actions[i].answer);
        assert_int_equal(ask(&f, "write"), actions[i].answer);
        assert_int_equal(ask(&f, "read"), other);
        assert_int_equal(ask(&f, "getppid"), other);
        mem_free(f.f);
    }
}

/* runtime-spec: errnoRet on an action without a number is an error, not a no-op. */
static void test_seccomp_errno_goes_with_errno_and_trace(void **state)
{
    (void)state;
    static const char *const without[] = {"ALLOW", "KILL", "KILL_THREAD", "KILL_PROCESS", "LOG",
            "TRAP"};
    for (size_t i = 0; i < ARRAY_LEN(without); i++) {
        autofree char *dflt =
                str_fmt("{'defaultAction':'SCMP_ACT_%s','defaultErrnoRet':1}", without[i]);
        autofree char *rule = str_fmt("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':"
                                      "['read'],'action':'SCMP_ACT_%s','errnoRet':1}]}",
                without[i]);
        assert_refused(dflt, ERR_CONFIG, "defaultAction: errnoRet goes with SCMP_ACT_ERRNO");
        assert_refused(rule, ERR_CONFIG, "syscalls/0/action: errnoRet goes with SCMP_ACT_ERRNO");
    }
}

static void test_seccomp_refuses_unknown_words(void **state)
{
    (void)state;
    assert_refused("{'defaultAction':'ALLOW'}", ERR_CONFIG, "defaultAction: no such action");
    assert_refused("{'defaultAction':''}", ERR_CONFIG, "defaultAction: no such action ''");
    assert_refused("{'defaultAction':'SCMP_ACT_NOTIFY'}", ERR_UNSUPPORTED, "SCMP_ACT_NOTIFY");
    assert_refused(PROFILE("ALLOW", "{'names':['read'],'action':'SCMP_ACT_NO'}"), ERR_CONFIG,
            "syscalls/0/action: no such action 'SCMP_ACT_NO'");
    assert_refused(PROFILE("ALLOW", "{'names':['read'],'action':'SCMP_ACT_KILL','args':"
                                    "[{'index':0,'value':1,'op':'EQ'}]}"),
            ERR_CONFIG, "syscalls/0: args/0/op: no such comparison 'EQ'");
    assert_refused("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_Z80']}",
            ERR_CONFIG, "architectures/0: no such architecture 'SCMP_ARCH_Z80'");
    assert_refused("{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_X']}",
            ERR_UNSUPPORTED, "flags/0: 'SECCOMP_FILTER_FLAG_X': not supported");
    assert_refused("{'defaultAction':'SCMP_ACT_ALLOW','architectures':["
                   "'SCMP_ARCH_AVERYVERYLONGNAMETHATDOESNOTFIT']}",
            ERR_CONFIG, "architectures/0: no such architecture");
}

static void test_seccomp_flags_are_passed_on(void **state)
{
    (void)state;
    struct filter f;
    get("{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_LOG',"
        "'SECCOMP_FILTER_FLAG_SPEC_ALLOW','SECCOMP_FILTER_FLAG_TSYNC']}",
            &f);
    assert_int_equal(f.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    mem_free(f.f);
}

/* -- arguments ----------------------------------------------------------------------------------- */

static bool holds(const char *op, uint64_t v, uint64_t a, uint64_t b)
{
    if (strcmp(op, "NE") == 0)
        return v != a;
    if (strcmp(op, "LT") == 0)
        return v < a;
    if (strcmp(op, "LE") == 0)
        return v <= a;
    if (strcmp(op, "EQ") == 0)
        return v == a;
    if (strcmp(op, "GE") == 0)
        return v >= a;
    if (strcmp(op, "GT") == 0)
        return v > a;
    return (v & a) == b; /* MASKED_EQ: value is the mask */
}

static const char *const ops[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};

static const uint64_t values[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
        0x100000001, 0x1ffffffff, 0x200000000, 0x7fffffffffffffff, 0x8000000000000000,
        0xffffffff00000000, 0xfffffffffffffffe, 0xffffffffffffffff};

/* Both halves of the 64 bits count, in every comparison. */
static void test_seccomp_compares_64_bits(void **state)
{
    (void)state;
    for (size_t o = 0; o < ARRAY_LEN(ops); o++)
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
            struct filter f;
            bool is_masked = strcmp(ops[o], "MASKED_EQ") == 0;
            uint64_t two = is_masked ? values[i] & 0x8000000180000001 : 0;
            autofree char *profile =
                    str_fmt("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['ioctl'],"
                            "'action':'SCMP_ACT_ERRNO','args':[{'index':%zu,'value':%llu,"
                            "'valueTwo':%llu,'op':'SCMP_CMP_%s'}]}]}",
                            i % 6, (unsigned long long)values[i], (unsigned long long)two, ops[o]);
            get(profile, &f);
            for (size_t k = 0; k < ARRAY_LEN(values); k++) {
                bool is_hit = holds(ops[o], values[k], values[i], two);
                uint32_t answer = ask_arg(&f, "ioctl", (unsigned)(i % 6), values[k]);
                if (answer != (is_hit ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW))
                    fail_msg("%#llx %s %#llx: %#x", (unsigned long long)values[k], ops[o],
                            (unsigned long long)values[i], answer);
            }
            assert_int_equal(ask(&f, "read"), SECCOMP_RET_ALLOW);
            mem_free(f.f);
        }
}

static void test_seccomp_different_arguments_must_all_hold(void **state)
{
    (void)state;
    struct filter f;
    get(PROFILE("ERRNO", "{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':["
                         "{'index':0,'value':1,'op':'SCMP_CMP_EQ'},"
                         "{'index':1,'value':15,'valueTwo':2,'op':'SCMP_CMP_MASKED_EQ'},"
                         "{'index':2,'value':9,'op':'SCMP_CMP_NE'}]}"),
            &f);
    const uint64_t rows[][7] = {
            {1, 2,       0, 0, 0, 0, 1},
            {1, 0x80002, 7, 0, 0, 0, 1},
            {2, 2,       0, 0, 0, 0, 0},
            {1, 3,       0, 0, 0, 0, 0},
            {1, 2,       9, 0, 0, 0, 0},
            {2, 3,       9, 1, 2, 3, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(ask_arch(&f, seccomp_arch_native(), "socket", rows[i]),
                rows[i][6] ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM);
    mem_free(f.f);
}

/* As runc: libseccomp takes one comparison per argument and rule, so they become rules. */
static void test_seccomp_one_argument_twice_means_either(void **state)
{
    (void)state;
    struct filter f;
    get(PROFILE("ERRNO", "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':["
                         "{'index':0,'value':0,'op':'SCMP_CMP_EQ'},"
                         "{'index':0,'value':8,'op':'SCMP_CMP_EQ'},"
                         "{'index':0,'value':4294967295,'op':'SCMP_CMP_EQ'}]}"),
            &f);
    assert_int_equal(ask_arg(&f, "personality", 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_arg(&f, "personality", 0, 8), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_arg(&f, "personality", 0, 0xffffffff), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_arg(&f, "personality", 0, 1), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(ask_arg(&f, "personality", 0, UINT64_MAX), SECCOMP_RET_ERRNO | EPERM);
    mem_free(f.f);
}

/* Several rules on one call, as Docker's profile has for clone and personality. */
static void test_seccomp_rules_of_one_call_add_up(void **state)
{
    (void)state;
    struct filter f;
    get(PROFILE("ERRNO", "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':"
                         "[{'index':0,'value':0,'op':'SCMP_CMP_EQ'}]},"
                         "{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':"
                         "[{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]},"
                         "{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,"
                         "'value':2114060288,'valueTwo':0,'op':'SCMP_CMP_MASKED_EQ'}]},"
                         "{'names':['clone3'],'action':'SCMP_ACT_ERRNO','errnoRet':38}"),
            &f);
    assert_int_equal(ask_arg(&f, "personality", 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_arg(&f, "personality", 0, 8), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_arg(&f, "personality", 0, 4), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(ask_arg(&f, "clone", 0, 0x11), SECCOMP_RET_ALLOW);
    assert_int_equal(ask_arg(&f, "clone", 0, 0x10000011), SECCOMP_RET_ERRNO | EPERM);
    assert_int_equal(ask(&f, "clone3"), SECCOMP_RET_ERRNO | ENOSYS);
    mem_free(f.f);
}

static void test_seccomp_takes_no_more_than_six_conditions(void **state)
{
    (void)state;
    autofree char *list = str_dup("{'index':0,'value':0,'op':'SCMP_CMP_EQ'}");
    for (int i = 0; i < 6; i++) {
        autofree char *before = list;
        list = str_fmt("%s,{'index':%d,'value':0,'op':'SCMP_CMP_EQ'}", before, i);
    }
    autofree char *profile = str_fmt("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':"
                                     "['read'],'action':'SCMP_ACT_KILL','args':[%s]}]}",
            list);
    assert_refused(profile, ERR_CONFIG, "syscalls/0: args: more than 6 conditions");
}

/* -- names and architectures ----------------------------------------------------------------------- */

static void test_seccomp_leaves_unknown_calls_out(void **state)
{
    (void)state;
    struct filter f;
    get(PROFILE("ERRNO", "{'names':['no_such_call','read','','READ','read '],"
                         "'action':'SCMP_ACT_ALLOW'}"),
            &f);
    assert_int_equal(ask(&f, "read"), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(&f, "write"), SECCOMP_RET_ERRNO | EPERM);
    mem_free(f.f);
}

/* libseccomp refuses a rule that says what the default says. */
static void test_seccomp_takes_rules_equal_to_the_default(void **state)
{
    (void)state;
    struct filter f;
    get(PROFILE("ERRNO", "{'names':['read'],'action':'SCMP_ACT_ERRNO'},"
                         "{'names':['write'],'action':'SCMP_ACT_ERRNO','errnoRet':1},"
                         "{'names':['close'],'action':'SCMP_ACT_ERRNO','errnoRet':2},"
                         "{'names':['getpid','getpid'],'action':'SCMP_ACT_ALLOW'}"),
            &f);
    assert_int_equal(ask(&f, "read"), SECCOMP_RET_ERRNO | 1);
    assert_int_equal(ask(&f, "write"), SECCOMP_RET_ERRNO | 1);
    assert_int_equal(ask(&f, "close"), SECCOMP_RET_ERRNO | 2);
    assert_int_equal(ask(&f, "getpid"), SECCOMP_RET_ALLOW);
    mem_free(f.f);
}

static void test_seccomp_other_architectures_are_killed(void **state)
{
    (void)state;
    struct filter f;
    struct seccomp_data call = {.nr = 0, .arch = SCMP_ARCH_S390X};
    uint32_t answer = 0;
    get("{'defaultAction':'SCMP_ACT_ALLOW'}", &f);
    assert_true(cbpf_run(f.f, f.n, &call, &answer));
    assert_int_equal(answer, SECCOMP_RET_KILL_THREAD);
    mem_free(f.f);
}

/* The usual three of x86: one profile, three tables of numbers. */
static void test_seccomp_rules_hold_on_every_architecture(void **state)
{
    (void)state;
    static const uint32_t arches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
    static const char *const allowed[] = {"read", "write", "openat", "ioctl", "execve", "getpid",
            "clone", "mmap", "exit_group", "waitid"};
    static const char *const other[] = {"ptrace", "mount", "reboot", "kexec_load", "bpf"};
    if (seccomp_arch_native() != SCMP_ARCH_X86_64) {
        print_message("needs x86_64\n");
        skip();
    }
    struct filter f;
    get("{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86',"
        "'SCMP_ARCH_X32','SCMP_ARCH_X86_64'],'syscalls':[{'names':['read','write','openat',"
        "'ioctl','execve','getpid','clone','mmap','exit_group','waitid','waitpid','socketcall'],"
        "'action':'SCMP_ACT_ALLOW'}]}",
            &f);
    for (size_t a = 0; a < ARRAY_LEN(arches); a++) {
        for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
            assert_int_equal(ask_arch(&f, arches[a], allowed[i], NULL), SECCOMP_RET_ALLOW);
        for (size_t i = 0; i < ARRAY_LEN(other); i++)
            assert_int_equal(ask_arch(&f, arches[a], other[i], NULL), SECCOMP_RET_ERRNO | EPERM);
    }
    assert_int_equal(ask_arch(&f, SCMP_ARCH_X86, "waitpid", NULL), SECCOMP_RET_ALLOW);
    mem_free(f.f);
}

/* Enough calls that libseccomp builds its tree: nothing may fall out of it, on no number. */
static void test_seccomp_answers_every_number(void **state)
{
    (void)state;
    enum { LAST = 480 };
    bool is_listed[LAST + 1] = {false};
    autofree char *names = str_dup("'read'");
    is_listed[seccomp_syscall_resolve_name("read")] = true;
    for (int nr = 1; nr <= LAST; nr++) {
        char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);
        if (name && nr % 3) {
            autofree char *before = names;
            names = str_fmt("%s,'%s'", before, name);
            is_listed[nr] = true;
        }
        free(name);
    }
    autofree char *profile = str_fmt("{'defaultAction':'SCMP_ACT_ERRNO','architectures':["
                                     "'SCMP_ARCH_X86','SCMP_ARCH_AARCH64'],'syscalls':"
                                     "[{'names':[%s],'action':'SCMP_ACT_ALLOW'}]}",
            names);
    struct filter f;
    get(profile, &f);
    for (int nr = 0; nr <= LAST; nr++) {
        struct seccomp_data call = {.nr = nr, .arch = seccomp_arch_native()};
        uint32_t answer = 0;
        assert_true(cbpf_run(f.f, f.n, &call, &answer));
        if (answer != (is_listed[nr] ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM))
            fail_msg("call %d: %#x", nr, answer);
    }
    mem_free(f.f);
}

static void test_seccomp_refuses_what_the_kernel_cannot_hold(void **state)
{
    (void)state;
    autofree char *rules = str_dup("");
    for (int i = 0; i < 1500; i++) {
        autofree char *before = rules;
        rules = str_fmt("%s%s{'names':['ioctl'],'action':'SCMP_ACT_ALLOW','args':[{'index':1,"
                        "'value':%d,'op':'SCMP_CMP_EQ'},{'index':2,'value':%d,'op':"
                        "'SCMP_CMP_EQ'}]}",
                before, i ? "," : "", i * 3, i * 7);
    }
    autofree char *profile = str_fmt("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[%s]}", rules);
    assert_refused(profile, ERR_CONFIG, "filter");
}

/* -- the file for exec ----------------------------------------------------------------------------- */

static void test_seccomp_file_keeps_filter_and_flags(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct filter f, again = {0};
    get("{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_LOG']}", &f);
    OK(seccomp_save(dir->fd, f.f, f.n, f.flags, &e));
    OK(seccomp_load_file(dir->fd, &again.f, &again.n, &again.flags, &e));
    assert_int_equal(again.n, f.n);
    assert_int_equal(again.flags, f.flags);
    assert_memory_equal(again.f, f.f, f.n * sizeof(*f.f));
    mem_free(f.f);
    mem_free(again.f);
    struct stat st;
    assert_int_equal(fstatat(dir->fd, "seccomp.bpf", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_seccomp_file_of_another_size_is_no_filter(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct filter f = {0};
    REFUSED(seccomp_load_file(dir->fd, &f.f, &f.n, &f.flags, &e), ERR_NOT_FOUND, "seccomp.bpf");
    static const size_t sizes[] = {0, 1, 4, 11, 13, 19};
    char zeros[32] = {0};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        OK(fd_write_atomic(dir->fd, "seccomp.bpf", zeros, sizes[i], 0600, &e));
        REFUSED(seccomp_load_file(dir->fd, &f.f, &f.n, &f.flags, &e), ERR_STATE, "is no filter");
        assert_null(f.f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_seccomp_default_actions),
            cmocka_unit_test(test_seccomp_actions_of_rules),
            cmocka_unit_test(test_seccomp_errno_goes_with_errno_and_trace),
            cmocka_unit_test(test_seccomp_refuses_unknown_words),
            cmocka_unit_test(test_seccomp_flags_are_passed_on),
            cmocka_unit_test(test_seccomp_compares_64_bits),
            cmocka_unit_test(test_seccomp_different_arguments_must_all_hold),
            cmocka_unit_test(test_seccomp_one_argument_twice_means_either),
            cmocka_unit_test(test_seccomp_rules_of_one_call_add_up),
            cmocka_unit_test(test_seccomp_takes_no_more_than_six_conditions),
            cmocka_unit_test(test_seccomp_leaves_unknown_calls_out),
            cmocka_unit_test(test_seccomp_takes_rules_equal_to_the_default),
            cmocka_unit_test(test_seccomp_other_architectures_are_killed),
            cmocka_unit_test(test_seccomp_rules_hold_on_every_architecture),
            cmocka_unit_test(test_seccomp_answers_every_number),
            cmocka_unit_test(test_seccomp_refuses_what_the_kernel_cannot_hold),
            DIR_TEST(test_seccomp_file_keeps_filter_and_flags),
            DIR_TEST(test_seccomp_file_of_another_size_is_no_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
