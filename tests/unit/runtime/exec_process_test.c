// SPDX-License-Identifier: Apache-2.0
/* runtime/exec_process.c: who `exec` runs as, and what the command line may change. */
#include "runtime/exec_process.h"
#include "tests/unit/runtime/kit.h"

static const char config[] =
        "{'ociVersion':'1.0.2','root':{'path':'r'},'process':{'terminal':true,"
        "'args':['init','-v'],'cwd':'/old','env':['PATH=/bin','A=1'],"
        "'user':{'uid':10,'gid':11,'umask':63,'additionalGids':[1,2]},"
        "'apparmorProfile':'old','rlimits':[{'type':'RLIMIT_CORE','soft':0,'hard':0}],"
        "'oomScoreAdj':100,"
        "'capabilities':{'bounding':['CAP_KILL'],'effective':['CAP_KILL'],"
        "'permitted':['CAP_KILL'],'inheritable':['CAP_CHOWN'],'ambient':['CAP_CHOWN']}},"
        "'linux':{'namespaces':[{'type':'mount'}]}}";

static void load(const char *text, struct spec *ret)
{
    struct err e = {0};
    json_auto_t *doc = kit_json(text);
    OK(spec_load(doc, ret, &e));
}

static char word_id[] = "id", word_u[] = "-u";
static char *const id_argv[] = {word_id, word_u, NULL};

static bool holds(char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

/* -- users ------------------------------------------------------------------------------------- */

static void test_exec_process_user_takes_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t uid, gid; /* gid 77: as it was */
    } rows[] = {
            {"0",                     0,          77        },
            {"1",                     1,          77        },
            {"1:2",                   1,          2         },
            {"0:0",                   0,          0         },
            {"007:010",               7,          10        }, /* decimal, always */
            {"4294967294:4294967294", 4294967294, 4294967294},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        struct json_u64 uid = {true, 66}, gid = {true, 77};
        OK(exec_user_parse(rows[i].text, &uid, &gid, &e));
        assert_int_equal(uid.v, rows[i].uid);
        assert_int_equal(gid.v, rows[i].gid);
        assert_true(uid.is_set && gid.is_set);
    }
}

/* CVE-2026-30892: what is not understood is an error, never uid 0; CVE-2016-3697: no names. */
static void test_exec_process_user_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", ":", "1:", ":1", "1:2:3", "1::2", "-1", "+1", "1x",
            "x1", "0x1", "1.0", " 1", "1 ", "1\n", "1:-1", "1:x", "root", "root:root", "1:root",
            "4294967295", "1:4294967295", "4294967296", "18446744073709551616",
            "18446744073709551617", "00000000001", "99999999999", "1,2", "\xd9\xa1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err e = {0};
        struct json_u64 uid = {true, 66}, gid = {true, 77};
        if (exec_user_parse(wrong[i], &uid, &gid, &e) == 0)
            fail_msg("'%s' is uid %lu", wrong[i], (unsigned long)uid.v);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_non_null(strstr(e.text, "--user: '"));
        assert_int_equal(uid.v, 66);
        assert_int_equal(gid.v, 77);
    }
}

/* -- the container's process, changed ------------------------------------------------------------- */

static void test_exec_process_starts_from_the_container(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own = true;
    struct rt_exec r = {.argv = id_argv};
    load(config, &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_false(is_own);
    assert_int_equal(p.n_args, 2);
    assert_string_equal(p.args[0], "id");
    assert_string_equal(p.args[1], "-u");
    assert_null(p.args[2]);
    assert_string_equal(p.cwd, "/old");
    assert_int_equal(p.n_env, 2);
    assert_int_equal(p.user.uid.v, 10);
    assert_int_equal(p.user.gid.v, 11);
    assert_int_equal(p.user.umask.v, 077);
    assert_int_equal(p.user.n_additional_gids, 2);
    assert_string_equal(p.apparmor_profile, "old");
    assert_int_equal(p.n_rlimits, 1);
    assert_int_equal(p.oom_score_adj.v, 100);
    assert_false(p.terminal.v); /* of the command line alone */
    spec_release(&s);
}

static void test_exec_process_takes_the_changes(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own;
    char b[] = "B=2", a[] = "A=3";
    char *const env[] = {b, a, NULL};
    const uint32_t gids[] = {7, 8, 4294967294};
    struct rt_exec r = {.argv = id_argv,
            .env = env,
            .cwd = "/new",
            .user = "1000:1001",
            .apparmor = "new",
            .gids = gids,
            .n_gids = 3,
            .has_tty = true,
            .no_new_privs = true};
    load(config, &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_string_equal(p.cwd, "/new");
    assert_int_equal(p.user.uid.v, 1000);
    assert_int_equal(p.user.gid.v, 1001);
    assert_string_equal(p.apparmor_profile, "new");
    assert_int_equal(p.user.n_additional_gids, 3);
    assert_int_equal(p.user.additional_gids[2], 4294967294);
    assert_true(p.terminal.v && p.no_new_privileges.v);
    assert_true(holds(p.env, p.n_env, "PATH=/bin"));
    assert_true(holds(p.env, p.n_env, "B=2"));
    assert_true(holds(p.env, p.n_env, "A=3"));
    assert_null(p.env[p.n_env]);
    spec_release(&s);
}

/* getenv takes the first, shells the last: there must be one. */
static void test_exec_process_env_names_stand_once(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own;
    char a2[] = "A=2", ab[] = "AB=x", a3[] = "A=3", path[] = "PATH=";
    char *const env[] = {a2, ab, a3, path, NULL};
    struct rt_exec r = {.argv = id_argv, .env = env};
    load(config, &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_int_equal(p.n_env, 3);
    assert_string_equal(p.env[0], "PATH=");
    assert_string_equal(p.env[1], "A=3");
    assert_string_equal(p.env[2], "AB=x");
    spec_release(&s);
}

/* uid alone leaves the container's gid: what runc does. */
static void test_exec_process_uid_alone_keeps_the_gid(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own;
    struct rt_exec r = {.argv = id_argv, .user = "1"};
    load(config, &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_int_equal(p.user.uid.v, 1);
    assert_int_equal(p.user.gid.v, 11);
    spec_release(&s);
}

/* CVE-2022-29162: --cap adds to bounding, effective and permitted only. */
static void test_exec_process_caps_are_never_inheritable(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own;
    static const char *const caps[] = {"CAP_SYS_ADMIN", "cap_chown", NULL};
    struct rt_exec r = {.argv = id_argv, .caps = caps};
    load(config, &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_int_equal(p.caps.n_bounding, 3);
    assert_int_equal(p.caps.n_effective, 3);
    assert_int_equal(p.caps.n_permitted, 3);
    assert_true(holds(p.caps.bounding, 3, "CAP_SYS_ADMIN"));
    assert_true(holds(p.caps.permitted, 3, "CAP_KILL"));
    assert_int_equal(p.caps.n_inheritable, 1);
    assert_int_equal(p.caps.n_ambient, 1);
    assert_false(holds(p.caps.inheritable, 1, "CAP_SYS_ADMIN"));
    spec_release(&s);
}

static void test_exec_process_caps_of_a_container_without_any(void **state)
{
    (void)state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own;
    static const char *const caps[] = {"CAP_KILL", NULL};
    struct rt_exec r = {.argv = id_argv, .caps = caps};
    load("{'ociVersion':'1.0.2','root':{'path':'r'},'process':{'args':['a'],'cwd':'/'},"
         "'linux':{'namespaces':[{'type':'mount'}]}}",
            &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_true(p.has_caps);
    assert_int_equal(p.caps.n_bounding, 1);
    assert_int_equal(p.caps.n_inheritable, 0);
    assert_int_equal(p.caps.n_ambient, 0);
    spec_release(&s);
}

static void refuse(struct rt_exec *r, enum err_kind kind, const char *words)
{
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own;
    load(config, &s);
    REFUSED(exec_process(r, &s, &p, &is_own, &e), kind, words);
    spec_release(&s);
}

static void test_exec_process_refuses_nonsense(void **state)
{
    (void)state;
    static const char *const caps[] = {"CAP_KILL", "CAP_NEVER", NULL};
    static const char *const number[] = {"21", NULL};
    char bare[] = "NAME", empty[] = "";
    char *const env[] = {bare, NULL};
    char *const nothing[] = {NULL};
    char *const empty_argv[] = {empty, NULL};
    struct rt_exec r = {.argv = id_argv, .caps = caps};
    refuse(&r, ERR_USAGE, "--cap: no such capability 'CAP_NEVER'");
    r = (struct rt_exec){.argv = id_argv, .caps = number};
    refuse(&r, ERR_USAGE, "--cap: no such capability '21'");
    r = (struct rt_exec){.argv = id_argv, .env = env};
    refuse(&r, ERR_CONFIG, "/process/env/2: 'NAME' is not NAME=VALUE");
    r = (struct rt_exec){.argv = id_argv, .cwd = "relative"};
    refuse(&r, ERR_CONFIG, "/process/cwd: 'relative' is not an absolute path");
    r = (struct rt_exec){.argv = id_argv, .user = "root"};
    refuse(&r, ERR_USAGE, "--user: 'root' is not UID or UID:GID");
    r = (struct rt_exec){.argv = nothing};
    refuse(&r, ERR_CONFIG, "/process/args: empty");
    r = (struct rt_exec){.argv = empty_argv};
    refuse(&r, ERR_CONFIG, "/process/args/0: empty");
}

/* -- a document of its own ----------------------------------------------------------------------- */

static void test_exec_process_takes_a_document(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct spec s;
    struct spec_process p;
    bool is_own = false;
    autofree char *path = str_fmt("%s/process.json", dir->path);
    struct rt_exec r = {.process_file = path, .has_tty = true};
    kit_put(dir->fd, "process.json", "{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":5}}");
    load(config, &s);
    OK(exec_process(&r, &s, &p, &is_own, &e));
    assert_true(is_own);
    assert_int_equal(p.user.uid.v, 5);
    assert_int_equal(p.user.gid.v, 0);
    assert_true(p.terminal.v);
    assert_int_equal(p.n_env, 0);
    assert_string_equal(s.process.args[0], "init"); /* untouched */
    spec_process_release(&p);
    spec_release(&s);
}

static void test_exec_process_names_the_document_in_errors(void **state)
{
    const struct kit_dir *dir = *state;
    autofree char *path = str_fmt("%s/process.json", dir->path);
    struct rt_exec r = {.process_file = path};
    refuse(&r, ERR_NOT_FOUND, "process.json': No such file or directory");
    kit_put(dir->fd, "process.json", "{\"args\":[\"a\"]}");
    refuse(&r, ERR_CONFIG, "process.json': /cwd: missing");
    kit_put(dir->fd, "process.json", "{\"args\":[],\"cwd\":\"/\"}");
    refuse(&r, ERR_CONFIG, "process.json': /args: empty");
    kit_put(dir->fd, "process.json", "{");
    refuse(&r, ERR_CONFIG, "process.json': 1:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_exec_process_user_takes_numbers),
            cmocka_unit_test(test_exec_process_user_refuses_everything_else),
            cmocka_unit_test(test_exec_process_starts_from_the_container),
            cmocka_unit_test(test_exec_process_takes_the_changes),
            cmocka_unit_test(test_exec_process_env_names_stand_once),
            cmocka_unit_test(test_exec_process_uid_alone_keeps_the_gid),
            cmocka_unit_test(test_exec_process_caps_are_never_inheritable),
            cmocka_unit_test(test_exec_process_caps_of_a_container_without_any),
            cmocka_unit_test(test_exec_process_refuses_nonsense),
            DIR_TEST(test_exec_process_takes_a_document),
            DIR_TEST(test_exec_process_names_the_document_in_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
