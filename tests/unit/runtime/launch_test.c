// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/launch.c: the plan block that the stage believes, HOME from a container's passwd, and the
 * words of failures, which callers match.
 */
#include <errno.h>
#include <linux/filter.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>

#include "runtime/launch.h"
#include "tests/unit/runtime/kit.h"

static const char process_doc[] =
        "{'args':['/bin/sh','-c',''],'cwd':'/w','env':['PATH=/a','A=','PATH=/b:/c'],"
        "'user':{'uid':1000,'gid':1001,'umask':63,'additionalGids':[5,4294967294]},"
        "'consoleSize':{'height':24,'width':65535},'noNewPrivileges':true,"
        "'apparmorProfile':'profile',"
        "'capabilities':{'bounding':['CAP_KILL','CAP_CHECKPOINT_RESTORE'],"
        "'effective':['CAP_KILL'],'permitted':['CAP_KILL','CAP_CHOWN'],"
        "'inheritable':['CAP_KILL'],'ambient':['CAP_KILL','CAP_CHOWN','CAP_NEVER']},"
        "'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':2},"
        "{'type':'RLIMIT_MEMLOCK','soft':18446744073709551615,'hard':18446744073709551615}]}";

static void load(const char *text, struct spec_process *ret)
{
    struct err e = {0};
    json_auto_t *doc = kit_json(text);
    OK(spec_process_load(doc, ret, &e));
}

/* A block as the stage sees it: every look at it is checked to be inside. */
struct seen {
    char *bytes;
    size_t len;
    struct stage_plan plan;
};

static void see(const struct launch *l, struct seen *ret)
{
    struct err e = {0};
    autoclose int fd = launch_plan_fd(&e);
    OK(fd);
    OK(launch_plan_fill(fd, l, &e));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    OK(fd_read_all(fd, 1 << 24, &ret->bytes, &ret->len, &e));
    assert_true(ret->len >= sizeof(ret->plan));
    memcpy(&ret->plan, ret->bytes, sizeof(ret->plan));
    assert_int_equal(ret->plan.magic, STAGE_MAGIC);
    assert_int_equal(ret->plan.size, ret->len);
    assert_int_equal(ret->bytes[ret->len - 1], 0);
}

static const void *at(const struct seen *s, stage_off off, size_t len)
{
    assert_int_equal(off % 8, 0);
    assert_true(off >= sizeof(struct stage_plan));
    assert_true(off <= s->len && len <= s->len - off);
    return s->bytes + off;
}

static const char *str(const struct seen *s, stage_off off)
{
    const char *text = at(s, off, 1);
    assert_true(strnlen(text, s->len - off) < s->len - off);
    return text;
}

/* Entry i of an array of offsets. */
static stage_off entry(const struct seen *s, stage_off array, size_t i)
{
    const stage_off *list = at(s, array, (i + 1) * sizeof(*list));
    return list[i];
}

/* The strings of a 0-terminated array, separated by '|'. The caller's. */
static char *joined(const struct seen *s, stage_off off)
{
    char *out = str_dup("");
    for (size_t i = 0;; i++) {
        stage_off one = entry(s, off, i);
        if (!one)
            return out;
        autofree char *before = out;
        out = str_fmt("%s%s|", before, str(s, one));
    }
}

static void assert_joined(const struct seen *s, stage_off off, const char *expected)
{
    autofree char *text = joined(s, off);
    assert_string_equal(text, expected);
}

static void test_launch_plan_strings_come_back(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    load(process_doc, &p);
    struct launch l = {.process = &p,
            .sync_fd = 5,
            .start_fd = 6,
            .pidfd = -1,
            .cgroup_fd = -1,
            .flags = STAGE_WAIT_GO,
            .join = 7,
            .keep_fds = 2,
            .key_name = "_ses.x"};
    see(&l, &s);
    assert_joined(&s, s.plan.argv, "/bin/sh|-c||");
    assert_joined(&s, s.plan.env, "PATH=/a|A=|PATH=/b:/c|");
    assert_string_equal(str(&s, s.plan.cwd), "/w");
    assert_string_equal(str(&s, s.plan.path), "/b:/c");
    assert_string_equal(str(&s, s.plan.label), "profile");
    assert_string_equal(str(&s, s.plan.key_name), "_ses.x");
    assert_int_equal(s.plan.sync_fd, 5);
    assert_int_equal(s.plan.start_fd, 6);
    assert_int_equal(s.plan.pidfd, -1);
    assert_int_equal(s.plan.cgroup_fd, -1);
    assert_int_equal(s.plan.ns_flags, 7);
    assert_int_equal(s.plan.keep_fds, 2);
    assert_int_equal(s.plan.flags, STAGE_WAIT_GO | STAGE_UMASK | STAGE_CAPS | STAGE_NNP);
    assert_int_equal(s.plan.filter, 0);
    assert_int_equal(s.plan.personality, UINT32_MAX);
    mem_free(s.bytes);
    spec_process_release(&p);
}

static void test_launch_plan_numbers_come_back(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    load(process_doc, &p);
    struct launch l = {.process = &p};
    see(&l, &s);
    assert_int_equal(s.plan.uid, 1000);
    assert_int_equal(s.plan.gid, 1001);
    assert_int_equal(s.plan.umask, 077);
    assert_int_equal(s.plan.rows, 24);
    assert_int_equal(s.plan.cols, 65535);
    assert_int_equal(s.plan.n_groups, 2);
    const uint32_t *groups = at(&s, s.plan.groups, 2 * sizeof(*groups));
    assert_int_equal(groups[0], 5);
    assert_int_equal(groups[1], 4294967294);
    assert_int_equal(s.plan.n_rlimits, 2);
    const struct stage_rlimit *limits = at(&s, s.plan.rlimits, 2 * sizeof(*limits));
    assert_int_equal(limits[0].resource, spec_rlimit_number("RLIMIT_NOFILE"));
    assert_int_equal(limits[0].soft, 1);
    assert_int_equal(limits[0].hard, 2);
    assert_true(limits[1].soft == UINT64_MAX && limits[1].hard == UINT64_MAX);
    assert_string_equal(str(&s, limits[1].name), "RLIMIT_MEMLOCK");
    mem_free(s.bytes);
    spec_process_release(&p);
}

/* Ambient ⊆ inheritable ∩ permitted, or the kernel would refuse (capabilities(7)). */
static void test_launch_plan_capabilities(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    const uint64_t kill = 1u << CAP_KILL;
    load(process_doc, &p);
    struct launch l = {.process = &p};
    see(&l, &s);
    assert_true(s.plan.bounding == (kill | UINT64_C(1) << 40));
    assert_true(s.plan.effective == kill);
    assert_true(s.plan.permitted == (kill | 1u << CAP_CHOWN));
    assert_true(s.plan.inheritable == kill);
    assert_true(s.plan.ambient == kill);
    mem_free(s.bytes);
    spec_process_release(&p);
}

/* No object of capabilities means none, not all. */
static void test_launch_plan_of_a_bare_process(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    load("{'args':['a'],'cwd':'/'}", &p);
    struct launch l = {.process = &p};
    see(&l, &s);
    assert_int_equal(s.plan.flags, STAGE_UMASK | STAGE_CAPS);
    assert_true((s.plan.bounding | s.plan.effective | s.plan.permitted | s.plan.inheritable |
                        s.plan.ambient) == 0);
    assert_int_equal(s.plan.uid | s.plan.gid, 0);
    assert_int_equal(s.plan.umask, 022);
    assert_int_equal(s.plan.n_groups | s.plan.n_rlimits, 0);
    (void)at(&s, s.plan.groups, 0);
    (void)at(&s, s.plan.rlimits, 0);
    assert_joined(&s, s.plan.argv, "a|");
    assert_joined(&s, s.plan.env, "");
    assert_string_equal(str(&s, s.plan.path), "");
    assert_int_equal(s.plan.label | s.plan.key_name, 0);
    mem_free(s.bytes);
    spec_process_release(&p);
}

static void test_launch_plan_holds_the_filter(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    struct sock_filter filter[4096];
    for (size_t i = 0; i < ARRAY_LEN(filter); i++)
        filter[i] = (struct sock_filter){.code = BPF_RET, .k = (uint32_t)i};
    load("{'args':['a'],'cwd':'/'}", &p);
    struct launch l = {.process = &p,
            .filter = filter,
            .n_filter = ARRAY_LEN(filter),
            .filter_flags = 2};
    see(&l, &s);
    assert_int_equal(s.plan.filter_len, ARRAY_LEN(filter));
    assert_int_equal(s.plan.filter_flags, 2);
    assert_memory_equal(at(&s, s.plan.filter, sizeof(filter)), filter, sizeof(filter));
    mem_free(s.bytes);
    spec_process_release(&p);
}

static void test_launch_plan_personality(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    char linux_[] = "LINUX", linux32[] = "LINUX32";
    struct spec_linux sl = {.has_personality = true, .personality = {.domain = linux32}};
    load("{'args':['a'],'cwd':'/'}", &p);
    struct launch l = {.process = &p, .linux_ = &sl};
    see(&l, &s);
    assert_int_equal(s.plan.personality, PER_LINUX32);
    mem_free(s.bytes);
    sl.personality.domain = linux_;
    see(&l, &s);
    assert_int_equal(s.plan.personality, PER_LINUX);
    mem_free(s.bytes);
    spec_process_release(&p);
}

static void test_launch_plan_of_many_strings(void **state)
{
    (void)state;
    struct spec_process p;
    struct seen s;
    json_auto_t *doc = kit_json("{'args':['a'],'cwd':'/'}");
    json_t *env = json_array();
    for (int i = 0; i < 3000; i++) {
        autofree char *one = str_fmt("N%d=%0*d", i, i % 50, 0);
        json_array_append_new(env, json_string(one));
    }
    json_object_set_new(doc, "env", env);
    struct err e = {0};
    OK(spec_process_load(doc, &p, &e));
    struct launch l = {.process = &p};
    see(&l, &s);
    for (size_t i = 0; i <= 3000; i++) {
        stage_off one = entry(&s, s.plan.env, i);
        if (i == 3000)
            assert_int_equal(one, 0);
        else
            assert_string_equal(str(&s, one), p.env[i]);
    }
    mem_free(s.bytes);
    spec_process_release(&p);
}

/* -- environment and home ------------------------------------------------------------------------ */

static void test_launch_env_finds_whole_names(void **state)
{
    (void)state;
    char a[] = "AB=1", b[] = "A=2", c[] = "A=3", d[] = "B", e[] = "C=", f[] = "=x";
    char *env[] = {a, b, c, d, e, f};
    assert_string_equal(launch_env(env, 6, "A"), "3"); /* the last counts */
    assert_string_equal(launch_env(env, 2, "A"), "2");
    assert_string_equal(launch_env(env, 6, "AB"), "1");
    assert_string_equal(launch_env(env, 6, "C"), "");
    assert_null(launch_env(env, 6, "B"));
    assert_null(launch_env(env, 6, "D"));
    assert_null(launch_env(env, 6, "ABC"));
    assert_null(launch_env(NULL, 0, "A"));
}

static void assert_home(const struct kit_dir *dir, uint64_t uid, const char *home)
{
    struct spec_process p = {
            .user.uid = {true, uid}
    };
    autofree char *entry = launch_home(dir->fd, &p);
    autofree char *expected = str_fmt("HOME=%s", home);
    assert_string_equal(entry, expected);
}

static void test_launch_home_is_of_the_uid(void **state)
{
    const struct kit_dir *dir = *state;
    assert_home(dir, 0, "/"); /* no file */
    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    kit_put(dir->fd, "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\n"
            "\n"
            "# comment\n"
            "user:x:1000:1000::/home/user:\n"
            "again:x:1000:0::/second:/bin/sh\n"
            "last:x:4294967294:0::/last:/bin/sh");
    assert_home(dir, 0, "/root");
    assert_home(dir, 1000, "/home/user");
    assert_home(dir, 4294967294, "/last");
    assert_home(dir, 1, "/");
}

/* CVE-2016-3697: a name that is a number is not that number. */
static void test_launch_home_names_are_not_numbers(void **state)
{
    const struct kit_dir *dir = *state;
    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    kit_put(dir->fd, "etc/passwd",
            "1000:x:0:0::/evil:/bin/sh\n0:x:7:0::/evil:/bin/sh\n"
            "x:1000:8:1000:1000:/evil:/bin/sh\n");
    assert_home(dir, 1000, "/");
    assert_home(dir, 0, "/evil");
    assert_home(dir, 7, "/evil");
}

static void test_launch_home_skips_odd_lines(void **state)
{
    const struct kit_dir *dir = *state;
    static const char *const odd[] = {"u:x:::::", "u", ":", "::::::", ":::::::::", "u:x:5",
            "u:x:5:0::/short", "u:x:5x:0::/evil:/s", "u:x:x5:0::/evil:/s", "u:x:0x5:0::/evil:/s",
            "u:x:5:0::relative:/s", "u:x:5:0:::/s", "u:x:18446744073709551621:0::/evil:/s",
            "u:x:99999999999999999999999:0::/evil:/s", "u:x:5 :0::/evil:/s", "u:x: 5:0::/evil:/s",
            "u:x:+5:0::/evil:/s", "u:x:-18446744073709551611:0::/evil:/s", "u:x::5::/evil:/s"};
    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        kit_put(dir->fd, "etc/passwd", odd[i]);
        assert_home(dir, 5, "/");
        assert_home(dir, 0, "/");
        autofree char *text = str_fmt("%s\ngood:x:5:5:a,b:/good:/bin/sh:more:fields\n", odd[i]);
        kit_put(dir->fd, "etc/passwd", text);
        assert_home(dir, 5, "/good");
    }
}

static void test_launch_home_stays_in_the_root(void **state)
{
    const struct kit_dir *dir = *state;
    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    assert_int_equal(symlinkat("/etc/other", dir->fd, "etc/passwd"), 0);
    assert_home(dir, 0, "/"); /* the host's /etc/other is not asked either */
    kit_put(dir->fd, "etc/other", "root:x:0:0::/inside:/s\n");
    assert_home(dir, 0, "/inside");
    assert_int_equal(unlinkat(dir->fd, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("../../../../etc/passwd", dir->fd, "etc/passwd"), 0);
    assert_home(dir, 0, "/");
}

/* What is no file must not hang us; what is too large is not read to its end. */
static void test_launch_home_takes_files_only(void **state)
{
    const struct kit_dir *dir = *state;
    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    assert_int_equal(mkdirat(dir->fd, "etc/passwd", 0755), 0);
    assert_home(dir, 0, "/");
    assert_int_equal(unlinkat(dir->fd, "etc/passwd", AT_REMOVEDIR), 0);
    assert_int_equal(mkfifoat(dir->fd, "etc/passwd", 0644), 0);
    assert_home(dir, 0, "/");
    assert_int_equal(unlinkat(dir->fd, "etc/passwd", 0), 0);
    autofree char *large = mem_new((2u << 20) + 1, 1);
    memset(large, '\n', 2u << 20);
    memcpy(large, "root:x:0:0::/root:/s\n", 21);
    kit_put(dir->fd, "etc/passwd", large);
    assert_home(dir, 0, "/");
}

static void test_launch_home_of_the_process_comes_first(void **state)
{
    const struct kit_dir *dir = *state;
    char home[] = "HOME=";
    char *env[] = {home, NULL};
    struct spec_process p = {.env = env, .n_env = 1};
    assert_null(launch_home(dir->fd, &p));
}

/* -- capabilities of ours ------------------------------------------------------------------------- */

static void drop_all_but_chown(void)
{
    cap_t caps = cap_init();
    cap_value_t chown[] = {CAP_CHOWN};
    (void)cap_set_flag(caps, CAP_PERMITTED, 1, chown, CAP_SET);
    (void)cap_set_proc(caps);
    (void)cap_free(caps);
}

static void test_launch_caps_check_names_what_we_lack(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    struct spec_process with, effective, without, bounding;
    load("{'args':['a'],'cwd':'/','capabilities':{'permitted':['CAP_CHOWN','CAP_KILL']}}", &with);
    load("{'args':['a'],'cwd':'/','capabilities':{'effective':['CAP_KILL']}}", &effective);
    load("{'args':['a'],'cwd':'/','capabilities':{'bounding':['CAP_KILL']}}", &bounding);
    load("{'args':['a'],'cwd':'/'}", &without);
    int ends[2];
    struct err e = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        drop_all_but_chown();
        int rc = launch_caps_check(&without, &e) == 0 && launch_caps_check(&bounding, &e) == 0 &&
                                 launch_caps_check(&effective, &e) < 0 &&
                                 launch_caps_check(&with, &e) < 0
                         ? 0
                         : 1;
        (void)!write(ends[1], &e, sizeof(e));
        _exit(rc);
    }
    int status;
    (void)close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(read(ends[0], &e, sizeof(e)), sizeof(e));
    (void)close(ends[0]);
    assert_int_equal(status, 0);
    assert_int_equal(e.kind, ERR_UNSUPPORTED);
    assert_string_equal(e.text, "/process/capabilities: cap_kill: not among our own capabilities");
    spec_process_release(&with);
    spec_process_release(&effective);
    spec_process_release(&without);
    spec_process_release(&bounding);
}

/* -- failures ------------------------------------------------------------------------------------- */

static void assert_failure(uint32_t point, int sys, const char *object, enum err_kind kind,
        const char *text)
{
    struct err e = {0};
    struct stage_msg m = {.type = STAGE_MSG_FAIL, .point = point, .sys = sys};
    memcpy(m.text, object, strlen(object));
    assert_int_equal(launch_failure(&m, &e), -1);
    assert_string_equal(e.text, text);
    assert_int_equal(e.kind, kind);
    assert_int_equal(e.sys, point == STAGE_AT_CWD_OUT ? 0 : sys);
}

/* Podman and conmon match these words: they mean exit codes 127 and 126. */
static void test_launch_failure_has_the_words_of_others(void **state)
{
    (void)state;
    assert_failure(STAGE_AT_LOOK, ENOENT, "X", ERR_NOT_FOUND,
            "executable file `X` not found in $PATH: No such file or directory");
    assert_failure(STAGE_AT_LOOK, EACCES, "/bin/x y", ERR_NOT_FOUND,
            "executable file `/bin/x y` not found in $PATH: Permission denied");
    assert_failure(STAGE_AT_EXEC, ENOEXEC, "/x", ERR_NOT_FOUND, "exec '/x': Exec format error");
}

static void test_launch_failure_names_point_and_object(void **state)
{
    (void)state;
    assert_failure(STAGE_AT_CWD, ENOENT, "/w", ERR_SYSTEM,
            "change to the working directory '/w': No such file or directory");
    assert_failure(STAGE_AT_CWD_OUT, 0, "/proc/self/fd/7", ERR_CONFIG,
            "the working directory is outside of the container's root: '/proc/self/fd/7'");
    assert_failure(STAGE_AT_SECCOMP, EINVAL, "", ERR_SYSTEM,
            "load the seccomp filter: Invalid argument");
    assert_failure(STAGE_AT_RLIMIT, EPERM, "RLIMIT_CORE", ERR_SYSTEM,
            "set the resource limit 'RLIMIT_CORE': Operation not permitted");
    assert_failure(STAGE_AT_COUNT, EIO, "x", ERR_SYSTEM, "stage 'x': Input/output error");
    assert_failure(UINT32_MAX, EIO, "", ERR_SYSTEM, "stage: Input/output error");
}

/* The message comes from a process that may be torn: no text is read beyond its end. */
static void test_launch_failure_bounds_the_text(void **state)
{
    (void)state;
    struct err e = {0};
    struct stage_msg m = {.type = STAGE_MSG_FAIL, .point = STAGE_AT_LOOK, .sys = ENOENT};
    memset(m.text, 'x', sizeof(m.text));
    assert_int_equal(launch_failure(&m, &e), -1);
    assert_true(strlen(e.text) < sizeof(e.text));
    m.type = STAGE_MSG_ERR;
    assert_int_equal(launch_failure(&m, &e), -1);
    assert_int_equal(e.text[sizeof(e.text) - 1], 0);
}

static void test_launch_failure_passes_an_error_on(void **state)
{
    (void)state;
    struct err e = {0}, sent = {0};
    struct stage_msg m = {.type = STAGE_MSG_ERR};
    neglect(err_set(&sent, ERR_CONFIG, "/mounts/0: no"));
    memcpy(m.text, &sent, sizeof(sent));
    assert_int_equal(launch_failure(&m, &e), -1);
    assert_string_equal(e.text, "/mounts/0: no");
    assert_int_equal(e.kind, ERR_CONFIG);
}

/* -- the stage's bytes ---------------------------------------------------------------------------- */

/* CVE-2019-5736: what a container may see of us cannot be written. */
static void test_launch_stage_fd_is_sealed(void **state)
{
    (void)state;
    struct err e = {0};
    char magic[4];
    int fd = launch_stage_fd(&e);
    OK(fd);
    assert_int_equal(pread(fd, magic, sizeof(magic), 0), sizeof(magic));
    assert_memory_equal(magic, "\177ELF", 4);
    const int all = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    assert_int_equal(fcntl(fd, F_GET_SEALS) & all, all);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_launch_plan_strings_come_back),
            cmocka_unit_test(test_launch_plan_numbers_come_back),
            cmocka_unit_test(test_launch_plan_capabilities),
            cmocka_unit_test(test_launch_plan_of_a_bare_process),
            cmocka_unit_test(test_launch_plan_holds_the_filter),
            cmocka_unit_test(test_launch_plan_personality),
            cmocka_unit_test(test_launch_plan_of_many_strings),
            cmocka_unit_test(test_launch_env_finds_whole_names),
            DIR_TEST(test_launch_home_is_of_the_uid),
            DIR_TEST(test_launch_home_names_are_not_numbers),
            DIR_TEST(test_launch_home_skips_odd_lines),
            DIR_TEST(test_launch_home_stays_in_the_root),
            DIR_TEST(test_launch_home_takes_files_only),
            DIR_TEST(test_launch_home_of_the_process_comes_first),
            cmocka_unit_test(test_launch_caps_check_names_what_we_lack),
            cmocka_unit_test(test_launch_failure_has_the_words_of_others),
            cmocka_unit_test(test_launch_failure_names_point_and_object),
            cmocka_unit_test(test_launch_failure_bounds_the_text),
            cmocka_unit_test(test_launch_failure_passes_an_error_on),
            cmocka_unit_test(test_launch_stage_fd_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
