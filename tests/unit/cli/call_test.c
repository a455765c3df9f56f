// SPDX-License-Identifier: Apache-2.0
/*
 * Whole calls, word for word as Podman's conmon, containerd's go-runc, CRI-O, Buildah, BuildKit and
 * conmon-rs make them. The runtime is replaced: each rt_* function here notes what it was asked, so
 * no container is made, and no member of the real runtime's archive is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "cli/help.h"
#include "cli/verbs.h"
#include "hv/hv.h"

/* Where the stand-ins write in the child that plays islet. */
enum { NOTES_FD = 100 };

static void note(const char *fmt, ...) printf_like(1, 2);
static void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vdprintf(NOTES_FD, fmt, ap);
    va_end(ap);
}

static void note_str(const char *key, const char *value)
{
    if (value)
        note(" %s=%s", key, value);
}

static void note_flag(const char *key, bool is_set)
{
    if (is_set)
        note(" %s", key);
}

static void note_context(const char *verb, const struct rt_context *c)
{
    static const char *const walls[] = {NULL, "container", "vm"};
    static const char *const managers[] = {NULL, "systemd", "disabled"};
    note("%s", verb);
    if (strcmp(c->root, "/run/islet") != 0)
        note_str("root", c->root);
    note_str("manager", managers[c->cgroup_manager]);
    note_str("wall", walls[c->isolation]);
    note_str("kernel", c->vm_kernel);
    note_flag("degraded", c->allow_degraded);
}

static int missing(const char *id, struct err *e)
{
    if (strcmp(id, "gone") == 0)
        return err_set(e, ERR_NOT_FOUND, "container 'gone' does not exist");
    return 0;
}

const char *rt_status_name(enum rt_status s)
{
    return s == RT_RUNNING ? "running" : "stopped";
}

void rt_report_release(struct rt_report *r)
{
    mem_free(r->id);
    mem_free(r->isolation);
}

int rt_create(const struct rt_context *c, const struct rt_create *r, struct err *e)
{
    note_context("create", c);
    note_str("bundle", r->bundle);
    note_str("config", r->config);
    note_str("console", r->console_socket);
    note_str("pidfile", r->pid_file);
    if (r->preserve_fds)
        note(" fds=%u", r->preserve_fds);
    note_flag("no-pivot", r->no_pivot);
    note_flag("no-keyring", r->no_new_keyring);
    note_flag("detached", r->is_detached);
    note_flag("keep", r->keep);
    note(" %s", r->id);
    return missing(r->id, e);
}

int rt_run(const struct rt_context *c, const struct rt_create *r, int *ret_status, struct err *e)
{
    note("run:");
    if (rt_create(c, r, e) < 0)
        return -1;
    *ret_status = 42;
    return 0;
}

int rt_start(const struct rt_context *c, const char *id, struct err *e)
{
    note_context("start", c);
    note(" %s", id);
    return missing(id, e);
}

int rt_exec(const struct rt_context *c, const struct rt_exec *r, int *ret_status, struct err *e)
{
    note_context("exec", c);
    note_str("process", r->process_file);
    note_str("cwd", r->cwd);
    note_str("user", r->user);
    note_str("apparmor", r->apparmor);
    note_str("console", r->console_socket);
    note_str("pidfile", r->pid_file);
    for (char *const *p = r->env; p && *p; p++)
        note(" env:%s", *p);
    for (const char *const *p = r->caps; p && *p; p++)
        note(" cap:%s", *p);
    for (size_t i = 0; i < r->n_gids; i++)
        note(" gid:%u", r->gids[i]);
    if (r->preserve_fds)
        note(" fds=%u", r->preserve_fds);
    note_flag("tty", r->has_tty);
    note_flag("nnp", r->no_new_privs);
    note_flag("detached", r->is_detached);
    note_flag("ignore-paused", r->ignore_paused);
    note(" %s", r->id);
    for (char *const *p = r->argv; *p; p++)
        note(" <%s>", *p);
    *ret_status = r->is_detached ? 0 : 7;
    return missing(r->id, e);
}

int rt_kill(const struct rt_context *c, const char *id, int sig, bool is_all, struct err *e)
{
    note_context("kill", c);
    note(" %s %d%s", id, sig, is_all ? " all" : "");
    return missing(id, e);
}

int rt_delete(const struct rt_context *c, const char *id, bool is_forced, struct err *e)
{
    note_context("delete", c);
    note(" %s%s", id, is_forced ? " forced" : "");
    return is_forced ? 0 : missing(id, e);
}

int rt_pause(const struct rt_context *c, const char *id, bool is_paused, struct err *e)
{
    note_context(is_paused ? "pause" : "resume", c);
    note(" %s", id);
    return missing(id, e);
}

int rt_state(const struct rt_context *c, const char *id, struct rt_report *ret, struct err *e)
{
    (void)c;
    static char text[][40] = {"1.2.0", "/b", "/b/rootfs", "2026-11-21T06:00:00.123456789Z", "root",
            "key", "value"};
    static struct json_pair pair = {text[5], text[6]};
    if (missing(id, e) < 0)
        return -1;
    *ret = (struct rt_report){
            .oci_version = text[0],
            .id = str_dup(id),
            .status = RT_RUNNING,
            .pid = 4711,
            .bundle = text[1],
            .rootfs = text[2],
            .created = text[3],
            .owner = text[4],
            .annotations = {.pairs = &pair, .n = 1},
            .isolation = str_dup(strcmp(id, "guest") == 0 ? "vm" : "container"),
    };
    return 0;
}

int rt_list(const struct rt_context *c, struct rt_report **ret, size_t *ret_n, struct err *e)
{
    *ret = mem_new(2, sizeof(**ret));
    *ret_n = strcmp(c->root, "/") == 0 ? 0 : 2;
    if (!*ret_n)
        return 0;
    return rt_state(c, "a", &(*ret)[0], e) < 0 ? -1 : rt_state(c, "guest", &(*ret)[1], e);
}

int rt_ps(const struct rt_context *c, const char *id, pid_t **ret, size_t *ret_n, struct err *e)
{
    (void)c;
    if (missing(id, e) < 0)
        return -1;
    *ret = mem_new(2, sizeof(**ret));
    (*ret)[0] = 1;
    (*ret)[1] = getpid();
    *ret_n = 2;
    return 0;
}

json_t *rt_features(void)
{
    return json_pack("{s:s}", "ociVersionMin", "1.0.0");
}

json_t *rt_default_config(void)
{
    return json_pack("{s:s}", "ociVersion", "1.3.0");
}

int vm_checks(const char *kernel_path, struct vm_check **ret, size_t *ret_n, struct err *e)
{
    (void)kernel_path;
    (void)ret;
    (void)ret_n;
    return err_set(e, ERR_UNSUPPORTED, "no engine in this test");
}

void vm_checks_free(struct vm_check *c, size_t n)
{
    (void)c;
    (void)n;
}

/* What one call did. */
struct call {
    int status;
    char out[8192];
    char err[2048];
    char notes[2048];
};

static void slurp(int fd, char *to, size_t room)
{
    ssize_t n = pread(fd, to, room - 1, 0);
    assert_true(n >= 0);
    to[n] = '\0';
    (void)close(fd);
}

/* Plays islet in a child: `words` are split at blanks; "''" stands for an empty word. */
static struct call *call_as(const char *program, const char *words)
{
    static struct call c;
    char *text = str_dup(words);
    char *argv[40] = {NULL};
    size_t n = 0;
    int fds[3];
    argv[n++] = str_dup(program);
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        assert_true(n < ARRAY_LEN(argv) - 1);
        if (strcmp(w, "''") == 0)
            *w = '\0';
        argv[n++] = w;
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = memfd_create("call", 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(fds[0], STDOUT_FILENO) < 0 || dup2(fds[1], STDERR_FILENO) < 0 ||
                dup2(fds[2], NOTES_FD) < 0)
            _exit(99);
        _exit(cli_main(argv));
    }
    assert_true(waitpid(pid, &c.status, 0) == pid);
    assert_true(WIFEXITED(c.status));
    c.status = WEXITSTATUS(c.status);
    slurp(fds[0], c.out, sizeof(c.out));
    slurp(fds[1], c.err, sizeof(c.err));
    slurp(fds[2], c.notes, sizeof(c.notes));
    mem_free(argv[0]);
    mem_free(text);
    return &c;
}

/* A call that succeeds in silence and asks the runtime for this. */
static void assert_asks(const char *words, int status, const char *notes)
{
    struct call *c = call_as("islet", words);
    assert_string_equal(c->notes, notes);
    assert_string_equal(c->err, "");
    assert_string_equal(c->out, "");
    assert_int_equal(c->status, status);
}

/* A call that fails before it asks the runtime anything. */
static void assert_fails(const char *words, int status, const char *text)
{
    struct call *c = call_as("islet", words);
    autofree char *line = str_fmt("islet: %s\n", text);
    assert_string_equal(c->err, line);
    assert_string_equal(c->out, "");
    assert_string_equal(c->notes, "");
    assert_int_equal(c->status, status);
}

static void test_call_understands_conmon(void **state)
{
    (void)state;
    assert_asks("create --bundle /b --pid-file /p --no-pivot --no-new-keyring "
                "--console-socket /s ctr",
            0, "create bundle=/b console=/s pidfile=/p no-pivot no-keyring ctr");
    assert_asks("exec --pid-file /p --process /f --detach --console-socket /s ctr", 0,
            "exec process=/f console=/s pidfile=/p detached ctr");
    assert_asks("--cgroup-manager disabled create --bundle /b --pid-file /p ctr", 0,
            "create manager=disabled bundle=/b pidfile=/p ctr");
}

static void test_call_understands_podman(void **state)
{
    (void)state;
    assert_asks("start ctr", 0, "start ctr");
    assert_asks("kill ctr 15", 0, "kill ctr 15");
    assert_asks("kill --all ctr 9", 0, "kill ctr 9 all");
    assert_asks("delete --force ctr", 0, "delete ctr forced");
    assert_asks("pause ctr", 0, "pause ctr");
    assert_asks("resume ctr", 0, "resume ctr");
}

static void test_call_understands_go_runc(void **state)
{
    (void)state;
    assert_asks("--root /run/containerd/runc/k8s.io --log /dev/null --log-format json create "
                "--bundle /b --pid-file /b/init.pid --console-socket /tmp/pty1/pty.sock ctr",
            0,
            "create root=/run/containerd/runc/k8s.io bundle=/b console=/tmp/pty1/pty.sock "
            "pidfile=/b/init.pid ctr");
    assert_asks("--root /r --log /dev/null --log-format json exec --process /tmp/runc-process1 "
                "--console-socket /s --detach --pid-file /b/e.pid ctr",
            0, "exec root=/r process=/tmp/runc-process1 console=/s pidfile=/b/e.pid detached ctr");
    assert_asks("run -no-subreaper -bundle /b ctr", 42, "run:create bundle=/b ctr");
}

static void test_call_understands_cri_o(void **state)
{
    (void)state;
    assert_asks("--root /r kill ctr KILL", 0, "kill root=/r ctr 9");
    assert_asks("--root /r --systemd-cgroup start ctr", 0, "start root=/r manager=systemd ctr");
    assert_asks("--root /r exec --process /f ctr", 7, "exec root=/r process=/f ctr");
}

static void test_call_understands_buildkit_and_buildah(void **state)
{
    (void)state;
    assert_asks("--log /dev/null --log-format json run --bundle /b --keep ctr", 42,
            "run:create bundle=/b keep ctr");
    assert_asks("create --bundle /b --pid-file /b/pid --no-pivot ctr", 0,
            "create bundle=/b pidfile=/b/pid no-pivot ctr");
    assert_asks("kill ctr SIGKILL", 0, "kill ctr 9");
    assert_asks("delete ctr", 0, "delete ctr");
}

static void test_call_understands_conmon_rs(void **state)
{
    (void)state;
    assert_asks("--root=/r --cgroup-manager=cgroupfs --root=/r exec -d --console-socket=/s --tty "
                "--pid-file=/p ctr sh -c true",
            0, "exec root=/r console=/s pidfile=/p tty detached ctr <sh> <-c> <true>");
}

static void test_call_passes_all_flags_of_exec(void **state)
{
    (void)state;
    assert_asks("exec -dt -e A=1 --env B= -u 1:2 -c CAP_KILL --cap CAP_CHOWN --cwd /w --apparmor p "
                "--no-new-privs --preserve-fds 3 --pid-file p -g 5 --additional-gids 6 "
                "--ignore-paused --process-label= --cgroup= ctr ls -- -l",
            0,
            "exec cwd=/w user=1:2 apparmor=p pidfile=p env:A=1 env:B= cap:CAP_KILL cap:CAP_CHOWN "
            "gid:5 gid:6 fds=3 tty nnp detached ignore-paused ctr <ls> <--> <-l>");
}

static void test_call_passes_the_wall(void **state)
{
    (void)state;
    assert_asks("--isolation=vm --vm-kernel /k --allow-degraded create -b /b ctr", 0,
            "create wall=vm kernel=/k degraded bundle=/b ctr");
    assert_asks("run --isolation vm -d ctr", 42, "run:create wall=vm detached ctr");
    struct call *c = call_as("/usr/bin/islet-vm", "run ctr");
    assert_string_equal(c->notes, "run:create wall=vm ctr");
}

static void test_call_exits_as_oci_runtimes_do(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int status;
    } cases[] = {
            {"start gone",     1  },
            {"kill gone",      1  },
            {"state gone",     1  },
            {"ps gone",        1  },
            {"delete gone",    1  },
            {"run gone",       1  },
            {"exec gone ls",   255},
            {"exec -p f gone", 255},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct call *c = call_as("islet", cases[i].words);
        assert_int_equal(c->status, cases[i].status);
        assert_string_equal(c->err, "islet: container 'gone' does not exist\n");
        assert_string_equal(c->out, "");
    }
    assert_asks("delete --force gone", 0, "delete gone forced");
}

static void test_call_logs_one_json_object_for_an_error(void **state)
{
    (void)state;
    char path[] = "/tmp/islet-call-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    autofree char *words = str_fmt("--log %s --log-format json start gone", path);
    struct call *c = call_as("islet", words);
    assert_string_equal(c->err, "islet: container 'gone' does not exist\n");
    char text[1024];
    slurp(fd, text, sizeof(text));
    (void)unlink(path);
    json_error_t je;
    json_t *o = json_loads(text, 0, &je); /* refuses a second object */
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(o, "msg")),
            "container 'gone' does not exist");
    assert_non_null(json_object_get(o, "time"));
    json_decref(o);
}

static void test_call_names_what_is_wrong_with_the_words(void **state)
{
    (void)state;
    assert_fails("frobnicate", 1, "unknown verb 'frobnicate'; 'islet help' lists them");
    assert_fails("crete x", 1, "unknown verb 'crete', did you mean 'create'?");
    assert_fails("--rot /r state x", 1, "unknown flag '--rot', did you mean '--root'?");
    assert_fails("create --bundel /b x", 1,
            "create: unknown flag '--bundel', did you mean '--bundle'?");
    assert_fails("exec --usre 1 x ls", 255, "exec: unknown flag '--usre', did you mean '--user'?");
    assert_fails("doctor --formta json", 2,
            "doctor: unknown flag '--formta', did you mean '--format'?");
    assert_fails("state", 1, "state: too few words: usage: islet state ID");
    assert_fails("kill a 9 b", 1, "kill: too many words: usage: islet kill [FLAG...] ID [SIGNAL]");
    assert_fails("kill a NOPE", 1, "unknown signal 'NOPE'");
    assert_fails("exec a", 255, "exec: no command: give one after ID, or '--process'");
    assert_fails("exec -p f a ls", 255, "exec: a command and '--process' exclude each other");
    assert_fails("exec -e A a ls", 255, "flag '--env': 'A' is not NAME=VALUE");
    assert_fails("help nothing", 2, "unknown verb 'nothing'; 'islet help' lists them");
}

static void test_call_refuses_by_name(void **state)
{
    (void)state;
    assert_fails("exec --cgroup /x a ls", 255,
            "exec: flag '--cgroup' is not supported: sub-cgroups of a container");
    assert_fails("exec --process-label l a ls", 255,
            "exec: flag '--process-label' is not supported: SELinux");
    assert_fails("create --pidfd-socket s a", 1,
            "create: flag '--pidfd-socket' is not supported: not yet");
    assert_fails("--systemd-cgroup create a", 1,
            "flag '--systemd-cgroup': systemd's cgroups are not supported yet, use cgroupfs");
    assert_fails("update --resources - a", 1, "update: not supported yet");
    assert_fails("events --stats a", 1, "events: not supported yet");
    assert_fails("checkpoint --image-path /i a", 1,
            "checkpoint: not supported: islet cannot save and load containers yet");
    assert_fails("restore --bundle /b a", 1,
            "restore: not supported: islet cannot save and load containers yet");
}

static void test_call_prints_the_state_as_runc_does(void **state)
{
    (void)state;
    struct call *c = call_as("islet", "state a");
    assert_int_equal(c->status, 0);
    assert_string_equal(c->err, "");
    static const char text[] = "{\n"
                               "  \"ociVersion\": \"1.2.0\",\n"
                               "  \"id\": \"a\",\n"
                               "  \"pid\": 4711,\n"
                               "  \"status\": \"running\",\n"
                               "  \"bundle\": \"/b\",\n"
                               "  \"rootfs\": \"/b/rootfs\",\n"
                               "  \"created\": \"2026-11-21T06:00:00.123456789Z\",\n"
                               "  \"annotations\": {\n"
                               "    \"key\": \"value\"\n"
                               "  },\n"
                               "  \"owner\": \"root\",\n"
                               "  \"islet\": {\n"
                               "    \"isolation\": \"container\",\n"
                               "    \"gaps\": []\n"
                               "  }\n"
                               "}\n";
    assert_string_equal(c->out, text);
}

static void test_call_lists_containers(void **state)
{
    (void)state;
    struct call *c = call_as("islet", "list");
    assert_string_equal(c->out,
            "ID     PID   STATUS   BUNDLE  CREATED                         OWNER\n"
            "a      4711  running  /b      2026-11-21T06:00:00.123456789Z  root\n"
            "guest  4711  running  /b      2026-11-21T06:00:00.123456789Z  root\n");
    c = call_as("islet", "list -q");
    assert_string_equal(c->out, "a\nguest\n");
    c = call_as("islet", "list --format=wide");
    assert_non_null(strstr(c->out, "OWNER  ISOLATION  ACCELERATION  GAPS\n"));
    c = call_as("islet", "list -f json");
    json_t *all = json_loads(c->out, 0, NULL);
    assert_int_equal(json_array_size(all), 2);
    json_decref(all);
}

static void test_call_lists_nothing(void **state)
{
    (void)state;
    struct call *c = call_as("islet", "--root / list -f json");
    assert_string_equal(c->out, "[]\n");
    assert_int_equal(c->status, 0);
    assert_fails("--root /nowhere/at/all list", 1,
            "open root '/nowhere/at/all': No such file or directory");
}

static void test_call_prints_pids(void **state)
{
    (void)state;
    struct call *c = call_as("islet", "ps --format json a");
    assert_int_equal(strncmp(c->out, "[1,", 3), 0);
    assert_string_equal(c->err, "");
    c = call_as("islet", "ps a");
    assert_int_equal(strncmp(c->out, "PID ", 4), 0);
    assert_non_null(strstr(c->out, "COMMAND\n"));
    c = call_as("islet", "ps guest");
    assert_int_equal(strncmp(c->out, "PID\n1\n", 6), 0);
    assert_fails("ps guest -ef", 1,
            "ps: arguments are not supported for a VM, whose processes the host cannot see");
}

static void test_call_prints_the_version_that_clients_parse(void **state)
{
    (void)state;
    static const char *const spellings[] = {"--version", "-v", "version", "--debug --version"};
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct call *c = call_as("islet", spellings[i]);
        assert_int_equal(c->status, 0);
        assert_int_equal(strncmp(c->out, "islet version ", 14), 0);
        assert_non_null(strstr(c->out, "\ncommit: "));
        assert_non_null(strstr(c->out, "\nspec: 1.3.0\n"));
        assert_non_null(strstr(c->out, "\nlibseccomp: 2."));
        assert_string_equal(c->err, "");
    }
}

static void test_call_writes_a_default_config_once(void **state)
{
    (void)state;
    char dir[] = "/tmp/islet-call-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    autofree char *words = str_fmt("spec -b %s", dir);
    autofree char *path = str_fmt("%s/config.json", dir);
    assert_asks(words, 0, "");
    json_t *o = json_load_file(path, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "ociVersion")), "1.3.0");
    json_decref(o);
    autofree char *text = str_fmt("file '%s' exists; remove it first", path);
    assert_fails(words, 1, text);
    (void)unlink(path);
    (void)rmdir(dir);
}

static void test_call_explains_every_verb(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->name; v++) {
        autofree char *asked = str_fmt("%s --help", v->name);
        autofree char *head = str_fmt("islet %s - ", v->name);
        struct call *c = call_as("islet", asked);
        assert_int_equal(c->status, 0);
        assert_int_equal(strncmp(c->out, head, strlen(head)), 0);
        assert_string_equal(c->err, "");
        assert_string_equal(c->notes, "");
    }
    struct call *c = call_as("islet", "checkpoint --help");
    assert_non_null(strstr(c->out, "not supported"));
    c = call_as("islet", "restore --bundle b --help");
    assert_null(strstr(c->out, "lsm-mount-context"));
}

static void test_call_lists_every_verb_in_lines_that_fit(void **state)
{
    (void)state;
    static const char *const spellings[] = {"", "help", "--help", "-h"};
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct call *c = call_as("islet", spellings[i]);
        assert_int_equal(c->status, 0);
        for (const struct cli_verb *v = cli_verbs; v->name; v++) {
            autofree char *row = str_fmt("\n  %-10s  %s\n", v->name, v->help);
            assert_non_null(strstr(c->out, row));
        }
        for (const char *line = c->out; *line; line += strcspn(line, "\n") + 1)
            assert_true(strcspn(line, "\n") <= 100);
    }
}

static void test_call_has_no_flag_twice_in_one_table(void **state)
{
    (void)state;
    for (const struct cli_verb *v = cli_verbs; v->name; v++)
        for (const struct opt *a = v->opts; a && a->type != OPT_T_END; a++)
            for (const struct opt *b = a + 1; b->type != OPT_T_END; b++) {
                assert_string_not_equal(a->name, b->name);
                assert_true(!a->letter || a->letter != b->letter);
            }
}

static void test_call_doctor_tells_both_walls_apart(void **state)
{
    (void)state;
    struct call *c = call_as("islet", "doctor -f json");
    json_t *o = json_loads(c->out, 0, NULL);
    assert_non_null(o);
    json_t *container = json_object_get(o, "container");
    json_t *vm = json_object_get(o, "vm");
    assert_true(json_array_size(json_object_get(container, "checks")) > 10);
    assert_true(json_is_false(json_object_get(vm, "works")));
    bool works = json_is_true(json_object_get(container, "works"));
    assert_int_equal(c->status, works ? 0 : 1);
    json_decref(o);
    c = call_as("islet", "doctor");
    assert_int_equal(strncmp(c->out, "container wall: ", 16), 0);
    assert_non_null(strstr(c->out, "\nVM wall: does not work here\n"));
    assert_non_null(strstr(c->out, "no engine in this test"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_call_understands_conmon),
            cmocka_unit_test(test_call_understands_podman),
            cmocka_unit_test(test_call_understands_go_runc),
            cmocka_unit_test(test_call_understands_cri_o),
            cmocka_unit_test(test_call_understands_buildkit_and_buildah),
            cmocka_unit_test(test_call_understands_conmon_rs),
            cmocka_unit_test(test_call_passes_all_flags_of_exec),
            cmocka_unit_test(test_call_passes_the_wall),
            cmocka_unit_test(test_call_exits_as_oci_runtimes_do),
            cmocka_unit_test(test_call_logs_one_json_object_for_an_error),
            cmocka_unit_test(test_call_names_what_is_wrong_with_the_words),
            cmocka_unit_test(test_call_refuses_by_name),
            cmocka_unit_test(test_call_prints_the_state_as_runc_does),
            cmocka_unit_test(test_call_lists_containers),
            cmocka_unit_test(test_call_lists_nothing),
            cmocka_unit_test(test_call_prints_pids),
            cmocka_unit_test(test_call_prints_the_version_that_clients_parse),
            cmocka_unit_test(test_call_writes_a_default_config_once),
            cmocka_unit_test(test_call_explains_every_verb),
            cmocka_unit_test(test_call_lists_every_verb_in_lines_that_fit),
            cmocka_unit_test(test_call_has_no_flag_twice_in_one_table),
            cmocka_unit_test(test_call_doctor_tells_both_walls_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
