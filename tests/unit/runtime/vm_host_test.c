// SPDX-License-Identifier: Apache-2.0
/*
 * Host process, agent and later verbs together, without a VM: the "machine" is a forked process
 * that runs the real agent over the channel, with verbs that start plain programs.
 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"
#include "runtime/console.h"
#include "runtime/vm/agent.h"
#include "runtime/vm/host.h"
#include "runtime/vm/liveness.h"
#include "runtime/vm/stdio.h"
#include "runtime/vm/vm.h"

/* -- verbs of the guest: plain processes ------------------------------------------------------- */

static void sleep_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static void pid_write(const char *path, pid_t pid)
{
    struct err e;
    autofree char *text = str_fmt("%d", (int)pid);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)!fd_write_all(fd, text, strlen(text), &e);
    (void)close(fd);
}

static pid_t pid_of(const char *root, const char *id)
{
    struct err e;
    autofree char *path = str_fmt("%s/%s.pid", root, id);
    autofree char *text = NULL;
    return fd_read_file(AT_FDCWD, path, 32, &text, NULL, &e) < 0 ? -1 : (pid_t)strtol(text, 0, 10);
}

/* The payload: on a terminal of its own when there is a console socket. */
static pid_t payload(char *const *argv, const char *console, const char *gate)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    struct err e;
    (void)setsid();
    if (console) {
        int master, slave;
        char name[64];
        (void)openpty(&master, &slave, name, NULL, NULL);
        int s = console_connect(console, &e);
        if (s < 0 || console_send(s, master, name, &e) < 0)
            _exit(99);
        (void)close(master);
        (void)ioctl(slave, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++)
            (void)dup2(slave, i);
    }
    (void)syscall(SYS_close_range, 3u, ~0u, 0u);
    while (gate && access(gate, F_OK) < 0)
        sleep_ms(2);
    (void)execvp(argv[0], argv);
    _exit(127);
}

static int fake_create(const struct rt_context *c, const struct rt_create *r, struct err *e)
{
    autofree char *config = str_fmt("%s/config.json", r->bundle);
    autofree char *gate = str_fmt("%s/%s.go", c->root, r->id);
    autofree char *mine = str_fmt("%s/%s.pid", c->root, r->id);
    json_t *doc = NULL;
    char *argv[16] = {NULL};
    size_t i;
    json_t *arg;
    int fd = open(config, O_RDONLY);
    if (json_load(fd, config, &doc, e) < 0)
        return -1;
    if (json_is_true(json_object_get(doc, "fail")))
        return err_set(e, ERR_CONFIG, "/fail: as it was asked");
    json_array_foreach(json_object_get(doc, "args"), i, arg)
    {
        argv[i] = str_dup(json_string_value(arg));
    }
    pid_t pid = payload(argv, r->console_socket, gate);
    if (r->console_socket)
        sleep_ms(50); /* the real one returns after the master was sent */
    pid_write(mine, pid);
    pid_write(r->pid_file, pid);
    return 0;
}

static int fake_start(const struct rt_context *c, const char *id, struct err *e)
{
    autofree char *gate = str_fmt("%s/%s.go", c->root, id);
    (void)e;
    (void)close(open(gate, O_WRONLY | O_CREAT, 0600));
    return 0;
}

static int fake_exec(const struct rt_context *c, const struct rt_exec *r, int *status,
        struct err *e)
{
    (void)c;
    (void)status;
    assert_true(r->is_detached);
    if (strcmp(r->argv[0], "missing") == 0)
        return err_set(e, ERR_NOT_FOUND, "executable file `missing` not found in $PATH");
    pid_write(r->pid_file, payload(r->argv, r->console_socket, NULL));
    if (r->console_socket)
        sleep_ms(50);
    return 0;
}

static int fake_kill(const struct rt_context *c, const char *id, int sig, bool all, struct err *e)
{
    (void)all;
    if (kill(pid_of(c->root, id), sig) < 0)
        return err_set(e, ERR_STATE, "container not running");
    return 0;
}

static int fake_delete(const struct rt_context *c, const char *id, bool force, struct err *e)
{
    (void)force;
    return fake_kill(c, id, SIGKILL, true, e);
}

static int fake_ps(const struct rt_context *c, const char *id, pid_t **ret, size_t *n,
        struct err *e)
{
    (void)e;
    *ret = mem_new(1, sizeof(pid_t));
    **ret = pid_of(c->root, id);
    *n = 1;
    return 0;
}

static int fake_pause(const struct rt_context *c, const char *id, bool on, struct err *e)
{
    return fake_kill(c, id, on ? SIGSTOP : SIGCONT, false, e);
}

static const struct agent_rt fake_rt = {fake_create, fake_start, fake_exec, fake_kill, fake_delete,
        fake_ps, fake_pause};

/* -- the machine: a process ----------------------------------------------------------------------- */

struct machine {
    char dir[128];
    pid_t pid;
    bool is_deaf; /* nobody answers the channel */
};

static int machine_spawn(void *arg, int channel, int *ret_events, struct err *e)
{
    struct machine *m = arg;
    int fd = fcntl(channel, F_DUPFD_CLOEXEC, 3);
    (void)e;
    m->pid = fork();
    if (m->pid == 0) {
        struct err err = {0};
        struct agent_config c = {.channel_fd = fd, .dir = m->dir, .rt = &fake_rt};
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        for (int i = 3; i < 100; i++)
            if (i != fd)
                (void)close(i);
        while (m->is_deaf)
            (void)pause();
        if (agent_serve(&c, &err) < 0)
            (void)dprintf(2, "agent: %s\n", err.text);
        _exit(0);
    }
    (void)close(fd);
    *ret_events = (int)syscall(SYS_pidfd_open, m->pid, 0);
    return 0;
}

static int machine_poll(void *arg, bool *ended, enum vm_end *end, struct err *e)
{
    struct machine *m = arg;
    int status = 0;
    (void)e;
    *ended = m->pid == 0 || waitpid(m->pid, &status, WNOHANG) == m->pid;
    if (*ended) {
        m->pid = 0;
        *end = WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1 ? VM_END_POWEROFF : VM_END_CRASH;
    }
    return 0;
}

static const char *machine_why(void *arg)
{
    (void)arg;
    return "it was a test";
}

static void machine_kill(void *arg)
{
    struct machine *m = arg;
    if (m->pid) {
        (void)kill(m->pid, SIGKILL);
        (void)waitpid(m->pid, NULL, 0);
    }
    m->pid = 0;
}

static size_t machine_pids(void *arg, pid_t ret[4])
{
    ret[0] = ((struct machine *)arg)->pid;
    return 1;
}

static const struct host_engine machine_engine = {machine_spawn, machine_poll, machine_why,
        machine_kill, machine_pids};

/* -- the bed: a state directory and a host process as create would start it ----------------------- */

struct bed {
    char dir[64];
    struct vmw_place place;
    pid_t host;
    uint64_t start;
    int in, out, err; /* our ends */
    int ready;
    struct err failure;
    bool is_failed;
};
static struct bed bed;

static int body_of(const char *config)
{
    struct err e;
    struct wire_out o = {0};
    autofree char *text = str_dup(config);
    struct wire_create w = {.config = text};
    wire_create_encode(&o, &w);
    int fd = memfd_create("body", MFD_CLOEXEC);
    assert_int_equal(fd_write_all(fd, o.buf, o.len, &e), 0);
    (void)lseek(fd, 0, SEEK_SET);
    wire_out_release(&o);
    return fd;
}

static void __attribute__((noreturn)) host_child(const char *config, unsigned flags, bool is_deaf,
        int ready, const int stdio[3], int console)
{
    struct err e = {0};
    struct host_end end = {.code = 254};
    struct machine m = {.is_deaf = is_deaf};
    (void)setsid();
    (void)snprintf(m.dir, sizeof(m.dir), "%s/guest", bed.dir);
    struct host_setup s = {.id = "web",
            .flags = flags,
            .uid = 7,
            .state_fd = bed.place.statedir_fd,
            .vm_fd = openat(bed.place.statedir_fd, "vm", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
            .ready_fd = ready,
            .body_fd = body_of(config),
            .engine = &machine_engine,
            .engine_arg = &m};
    memcpy(s.stdio, stdio, sizeof(s.stdio));
    if (console >= 0) {
        if (stdio_pty(console, &s.stdio[0], &e) < 0)
            _exit(98);
        s.stdio[1] = dup(s.stdio[0]);
        s.stdio[2] = -1;
    }
    if (host_run(&s, &end, &e) < 0)
        _exit(1);
    stdio_end_as(end.code, end.signal);
}

static void bed_start_as(const char *config, unsigned flags, bool is_deaf, int console)
{
    int in[2], out[2], err[2], ready[2];
    struct msg m = {0};
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    assert_int_equal(msg_pair(ready, &bed.failure), 0);
    bed.host = fork();
    if (bed.host == 0) {
        const int stdio[3] = {in[0], out[1], err[1]};
        (void)close(in[1]);
        (void)close(out[0]);
        (void)close(err[0]);
        (void)close(ready[0]);
        host_child(config, flags, is_deaf, ready[1], stdio, console);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    (void)close(err[1]);
    (void)close(ready[1]);
    bed.in = in[1];
    bed.out = out[0];
    bed.err = err[0];
    bed.ready = ready[0];
    if (console >= 0)
        (void)close(console);
    if (is_deaf)
        return;
    bed.is_failed = msg_recv_answer(bed.ready, &m, &bed.failure) < 0;
    if (!bed.is_failed)
        assert_true(liveness_start_time(bed.host, &bed.start));
    msg_release(&m);
}

#define SH(script) "{\"args\":[\"sh\",\"-c\",\"" script "\"]}"

static void bed_start(const char *config)
{
    bed_start_as(config, 0, false, -1);
    if (bed.is_failed)
        fail_msg("%s", bed.failure.text);
}

static int setup(void **state)
{
    (void)state;
    memset(&bed, 0, sizeof(bed));
    bed.in = bed.out = bed.err = bed.ready = -1;
    memcpy(bed.dir, "/tmp/vm_host_test.XXXXXX", 25);
    if (!mkdtemp(bed.dir))
        return -1;
    autofree char *web = str_fmt("%s/web", bed.dir);
    (void)mkdir(web, 0700);
    bed.place = (struct vmw_place){.id = "web", .root = bed.dir};
    bed.place.statedir_fd = open(web, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return mkdirat(bed.place.statedir_fd, "vm", 0700);
}

static int teardown(void **state)
{
    (void)state;
    struct err e;
    own_close(&bed.in);
    own_close(&bed.out);
    own_close(&bed.err);
    own_close(&bed.ready);
    if (bed.host > 0) {
        (void)kill(bed.host, SIGKILL);
        (void)waitpid(bed.host, NULL, 0);
    }
    own_close(&bed.place.statedir_fd);
    return fd_remove_tree(AT_FDCWD, bed.dir, &e);
}

static void ok(int r, const struct err *e)
{
    if (r < 0)
        fail_msg("%s", e->text);
}

static void go(void)
{
    struct err e;
    ok(vmw_start(&bed.place, &e), &e);
}

/* Starts a payload that says something when it is ready. */
static void go_until_it_speaks(void)
{
    struct pollfd p = {.fd = bed.out, .events = POLLIN};
    go();
    assert_int_equal(poll(&p, 1, 10000), 1);
}

/* Waits until a file has something in it. */
static char *file_text(const char *path)
{
    struct err e;
    for (int i = 0; i < 1000; i++) {
        char *text = NULL;
        if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL, &e) == 0 && *text)
            return text;
        mem_free(text);
        sleep_ms(10);
    }
    fail_msg("'%s' stays empty", path);
    return NULL;
}

static enum rt_status status_now(void)
{
    struct err e;
    enum rt_status s = RT_CREATING;
    ok(vmw_status(&bed.place, bed.host, bed.start, &s, &e), &e);
    return s;
}

/* Waits for the host process: as waitpid's status. */
static int host_status(void)
{
    int status = -1;
    for (int i = 0; i < 1000; i++) {
        if (waitpid(bed.host, &status, WNOHANG) == bed.host) {
            bed.host = 0;
            return status;
        }
        sleep_ms(10);
    }
    fail_msg("the host process does not end");
    return -1;
}

static char *read_all(int fd)
{
    struct err e;
    char *text = NULL;
    ok(fd_read_all(fd, 64u << 20, &text, NULL, &e), &e);
    return text;
}

static char *exit_json(const char *key)
{
    struct err e;
    json_t *doc = NULL;
    int fd = openat(bed.place.statedir_fd, "exit.json", O_RDONLY);
    ok(json_load(fd, "exit.json", &doc, &e), &e);
    (void)close(fd);
    const json_t *v = json_object_get(doc, key);
    char *text = json_is_string(v) ? str_dup(json_string_value(v))
                                   : str_fmt("%d", (int)json_integer_value(v));
    json_decref(doc);
    return text;
}

static void assert_exit(const char *code, const char *signal, const char *reason)
{
    autofree char *c = exit_json("code"), *s = exit_json("signal"), *r = exit_json("reason");
    assert_string_equal(c, code);
    assert_string_equal(s, signal);
    assert_string_equal(r, reason);
}

/* -- life ----------------------------------------------------------------------------------------- */

static void test_host_runs_a_payload_and_ends_like_it(void **state)
{
    (void)state;
    bed_start(SH("read x; echo got $x; echo problem >&2; exit 7"));
    assert_int_equal(status_now(), RT_CREATED);
    assert_int_equal(write(bed.in, "hello\n", 6), 6);
    go();
    int status = host_status();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    autofree char *out = read_all(bed.out), *err = read_all(bed.err);
    assert_string_equal(out, "got hello\n");
    assert_string_equal(err, "problem\n");
    assert_exit("7", "0", "exited");
    assert_int_equal(status_now(), RT_STOPPED);
}

static void test_host_dies_by_the_payloads_signal(void **state)
{
    (void)state;
    bed_start(SH("kill -SEGV $$"));
    go();
    int status = host_status();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    assert_exit("0", "11", "exited");
}

static void test_host_loses_nothing_to_a_slow_reader(void **state)
{
    (void)state;
    bed_start(SH("head -c 3000000 /dev/zero | tr '\\\\0' x; exit 3"));
    go();
    sleep_ms(300); /* windows and pipes are full, the payload waits */
    assert_int_equal(status_now(), RT_RUNNING);
    autofree char *out = read_all(bed.out);
    assert_int_equal(strlen(out), 3000000);
    assert_int_equal(WEXITSTATUS(host_status()), 3);
}

static void test_host_writes_what_was_said_before_the_end_to_a_late_reader(void **state)
{
    (void)state;
    bed_start(SH("head -c 200000 /dev/zero | tr '\\\\0' x"));
    go();
    for (int i = 0; i < 1000 && status_now() != RT_STOPPED; i++)
        sleep_ms(10);
    assert_int_equal(status_now(), RT_STOPPED); /* the payload is dead, its words are not lost */
    assert_int_equal(kill(bed.host, 0), 0);
    autofree char *out = read_all(bed.out);
    assert_int_equal(strlen(out), 200000);
    assert_int_equal(host_status(), 0);
}

static void test_host_tells_the_payload_that_its_reader_is_gone(void **state)
{
    (void)state;
    bed_start(SH("while echo y; do :; done; kill -PIPE $$"));
    go();
    char c;
    assert_int_equal(read(bed.out, &c, 1), 1);
    (void)close(bed.out);
    bed.out = -1;
    int status = host_status();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGPIPE);
}

static void test_host_does_not_wait_for_a_background_process(void **state)
{
    (void)state;
    bed_start(SH("sleep 5 & echo done; exit 4"));
    go();
    int status = host_status();
    assert_int_equal(WEXITSTATUS(status), 4);
    autofree char *out = read_all(bed.out);
    assert_string_equal(out, "done\n");
}

static void test_host_tells_the_creator_why_create_failed(void **state)
{
    (void)state;
    bed_start_as("{\"fail\":true}", 0, false, -1);
    assert_true(bed.is_failed);
    assert_string_equal(bed.failure.text, "/fail: as it was asked");
    assert_int_equal(bed.failure.kind, ERR_CONFIG);
    assert_int_equal(WEXITSTATUS(host_status()), 1);
    assert_int_equal(faccessat(bed.place.statedir_fd, "exit.json", F_OK, 0), -1);
    assert_int_equal(faccessat(bed.place.statedir_fd, "vm/control.sock", F_OK, 0), -1);
}

static void test_host_ends_with_a_creator_that_dies_while_the_vm_boots(void **state)
{
    (void)state;
    bed_start_as(SH("true"), 0, true, -1);
    sleep_ms(100);
    (void)close(bed.ready);
    bed.ready = -1;
    assert_int_equal(WEXITSTATUS(host_status()), 1);
}

static void machine_signal(int sig)
{
    struct err e;
    json_t *doc = NULL;
    int fd = openat(bed.place.statedir_fd, "vm/vm.json", O_RDONLY);
    ok(json_load(fd, "vm.json", &doc, &e), &e);
    (void)close(fd);
    const json_t *first = json_array_get(json_object_get(doc, "processes"), 0);
    (void)kill((pid_t)json_integer_value(json_object_get(first, "pid")), sig);
    json_decref(doc);
}

static void test_host_guest_poweroff_is_an_end_and_its_output_arrives(void **state)
{
    (void)state;
    bed_start(SH("echo last words; sleep 20"));
    go_until_it_speaks();
    machine_signal(SIGUSR1);
    int status = host_status();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    autofree char *out = read_all(bed.out);
    assert_string_equal(out, "last words\n");
    assert_exit("0", "0", "poweroff");
}

static void test_host_dead_vmm_is_a_crash(void **state)
{
    (void)state;
    bed_start(SH("sleep 20"));
    go();
    machine_signal(SIGKILL);
    assert_int_equal(WEXITSTATUS(host_status()), 255);
    assert_exit("255", "0", "crash");
}

/* -- verbs ---------------------------------------------------------------------------------------- */

static void test_host_verbs_kill_pause_ps(void **state)
{
    (void)state;
    struct err e;
    pid_t *pids = NULL;
    size_t n = 0;
    bed_start(SH("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done"));
    go_until_it_speaks();
    assert_int_equal(status_now(), RT_RUNNING);
    ok(vmw_pause(&bed.place, true, &e), &e);
    assert_int_equal(status_now(), RT_PAUSED);
    ok(vmw_pause(&bed.place, false, &e), &e);
    assert_int_equal(status_now(), RT_RUNNING);
    ok(vmw_ps(&bed.place, &pids, &n, &e), &e);
    assert_int_equal(n, 1);
    assert_true(pids[0] > 1);
    mem_free(pids);
    ok(vmw_kill(&bed.place, SIGTERM, false, &e), &e);
    assert_int_equal(WEXITSTATUS(host_status()), 9);
    assert_int_equal(vmw_kill(&bed.place, SIGTERM, false, &e), -1);
    assert_int_equal(e.kind, ERR_STATE);
    assert_non_null(strstr(e.text, "container not running"));
}

static void test_host_passes_its_own_signals_on(void **state)
{
    (void)state;
    bed_start(SH("trap 'exit 8' USR1; echo up; while :; do sleep 0.01; done"));
    go_until_it_speaks();
    (void)kill(bed.host, SIGUSR1);
    assert_int_equal(WEXITSTATUS(host_status()), 8);
}

static int run_exec(struct rt_exec *r, pid_t *pid, struct err *e)
{
    int status = -1;
    r->id = "web";
    return vmw_exec(&bed.place, r, pid, &status, e) < 0 ? -1 : status;
}

static void test_host_exec_gives_output_and_status(void **state)
{
    (void)state;
    struct err e;
    pid_t pid = -1;
    int out[2];
    char sh[] = "sh", c[] = "-c", script[] = "echo from exec; exit 5", missing[] = "missing";
    char *argv[] = {sh, c, script, NULL}, *none[] = {missing, NULL};
    bed_start(SH("sleep 20"));
    go();
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    int saved = dup(1);
    (void)dup2(out[1], 1);
    (void)close(out[1]);
    struct rt_exec r = {.argv = argv};
    int status = run_exec(&r, &pid, &e);
    (void)dup2(saved, 1);
    (void)close(saved);
    assert_int_equal(status, 5);
    autofree char *text = read_all(out[0]);
    (void)close(out[0]);
    assert_string_equal(text, "from exec\n");
    struct rt_exec bad = {.argv = none};
    assert_int_equal(run_exec(&bad, &pid, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.text, "executable file `missing` not found in $PATH");
}

static void test_host_detached_exec_has_a_process_with_its_status(void **state)
{
    (void)state;
    struct err e;
    pid_t pid = -1;
    int status = 0;
    autofree char *mark = str_fmt("%s/trap", bed.dir);
    autofree char *script =
            str_fmt("trap 'exit 6' TERM; echo up > %s; while :; do sleep 0.01; done", mark);
    char sh[] = "sh", c[] = "-c";
    char *argv[] = {sh, c, script, NULL};
    bed_start(SH("sleep 20"));
    go();
    struct rt_exec r = {.argv = argv, .is_detached = true};
    if (run_exec(&r, &pid, &e) < 0)
        fail_msg("%s", e.text);
    assert_true(pid > 1);
    assert_int_equal(getsid(pid), pid);
    autofree char *up = file_text(mark);
    assert_string_equal(up, "up\n");
    (void)kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 6);
}

static void test_host_kills_what_a_killed_exec_stood_for(void **state)
{
    (void)state;
    struct err e;
    pid_t pid = -1;
    autofree char *mark = str_fmt("%s/alive", bed.dir);
    autofree char *text = str_fmt("echo $$ > %s; exec sleep 30", mark);
    char sh[] = "sh", c[] = "-c";
    char *argv[] = {sh, c, text, NULL};
    bed_start(SH("sleep 20"));
    go();
    struct rt_exec r = {.argv = argv, .is_detached = true};
    if (run_exec(&r, &pid, &e) < 0)
        fail_msg("%s", e.text);
    autofree char *inner = file_text(mark);
    pid_t guest = (pid_t)strtol(inner, NULL, 10);
    uint64_t start;
    assert_true(liveness_start_time(guest, &start));
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    for (int i = 0; i < 1000 && liveness_is_alive(guest, start); i++)
        sleep_ms(10);
    assert_false(liveness_is_alive(guest, start));
    assert_int_equal(status_now(), RT_RUNNING);
}

static void test_host_delete_works_after_everything_was_killed(void **state)
{
    (void)state;
    struct err e;
    bed_start(SH("sleep 20"));
    go();
    (void)kill(bed.host, SIGKILL);
    for (int i = 0; i < 1000 && status_now() != RT_STOPPED; i++)
        sleep_ms(10); /* a zombie until we reap it: stopped all the same */
    assert_int_equal(status_now(), RT_STOPPED);
    ok(vmw_delete(&bed.place, bed.host, bed.start, &e), &e);
    ok(vmw_delete(&bed.place, bed.host, bed.start, &e), &e);
    (void)host_status();
    assert_int_equal(vmw_start(&bed.place, &e), -1);
    assert_int_equal(e.kind, ERR_STATE);
}

static void test_host_delete_ends_a_living_vm(void **state)
{
    (void)state;
    struct err e;
    bed_start(SH("sleep 20"));
    go();
    ok(vmw_delete(&bed.place, bed.host, bed.start, &e), &e);
    assert_true(WIFSIGNALED(host_status()));
}

/* -- terminals ------------------------------------------------------------------------------------ */

static int console_listen(char **ret_path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    *ret_path = str_fmt("%s/console.sock", bed.dir);
    memcpy(sa.sun_path, *ret_path, strlen(*ret_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int master_take(int listener)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char name[256];
    struct iovec iov = {name, sizeof(name)};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
    mh.msg_controllen = sizeof(control.bytes);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(recvmsg(fd, &mh, MSG_CMSG_CLOEXEC) > 0);
    (void)close(fd);
    int master = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    if (!c)
        fail_msg("no terminal came");
    else
        memcpy(&master, CMSG_DATA(c), sizeof(int));
    return master;
}

/* Reads from a terminal until `want` was seen, at most ten seconds. */
static bool tty_says(int master, const char *want)
{
    static char text[65536];
    size_t len = 0;
    memset(text, 0, sizeof(text));
    for (int i = 0; i < 1000 && len < sizeof(text) - 1; i++) {
        struct pollfd p = {.fd = master, .events = POLLIN};
        if (poll(&p, 1, 10) == 1) {
            ssize_t n = read(master, text + len, sizeof(text) - 1 - len);
            if (n <= 0)
                break;
            len += (size_t)n;
        }
        if (strstr(text, want))
            return true;
    }
    print_message("the terminal said '%s'\n", text);
    return false;
}

static void test_host_terminal_goes_through(void **state)
{
    (void)state;
    struct err e;
    autofree char *path = NULL;
    int listener = console_listen(&path);
    int console = console_connect(path, &e);
    bed_start_as(SH("stty size; read x; echo got $x; trap 'stty size; exit 3' WINCH; echo trap; "
                    "while :; do sleep 0.01; done"),
            HOST_TTY, false, console);
    assert_false(bed.is_failed);
    int master = master_take(listener);
    struct winsize ws = {.ws_row = 33, .ws_col = 101};
    assert_int_equal(ioctl(master, TIOCSWINSZ, &ws), 0);
    sleep_ms(200);
    go();
    assert_true(tty_says(master, "33 101"));
    assert_int_equal(write(master, "typed\r", 6), 6);
    assert_true(tty_says(master, "got typed\r\ntrap\r\n"));
    ws.ws_row = 50;
    assert_int_equal(ioctl(master, TIOCSWINSZ, &ws), 0);
    assert_true(tty_says(master, "50 101"));
    assert_int_equal(WEXITSTATUS(host_status()), 3);
    (void)close(master);
    (void)close(listener);
}

static void test_host_terminal_control_c_and_hangup(void **state)
{
    (void)state;
    struct err e;
    autofree char *path = NULL;
    int listener = console_listen(&path);
    int console = console_connect(path, &e);
    bed_start_as(
            SH("trap 'echo INT' INT; trap 'exit 4' HUP; echo up; while :; do sleep 0.01; done"),
            HOST_TTY, false, console);
    assert_false(bed.is_failed);
    int master = master_take(listener);
    go();
    assert_true(tty_says(master, "up"));
    assert_int_equal(write(master, "\003", 1), 1);
    assert_true(tty_says(master, "INT"));
    (void)close(master);
    assert_int_equal(WEXITSTATUS(host_status()), 4);
    (void)close(listener);
}

static void test_host_detached_exec_with_a_terminal(void **state)
{
    (void)state;
    struct err e;
    pid_t pid = -1;
    int status = 0;
    autofree char *path = NULL;
    char sh[] = "sh", c[] = "-c", script[] = "read x; echo exec $x; exit 2";
    char *argv[] = {sh, c, script, NULL};
    bed_start(SH("sleep 20"));
    go();
    int listener = console_listen(&path);
    struct rt_exec r = {.argv = argv, .is_detached = true, .has_tty = true, .console_socket = path};
    if (run_exec(&r, &pid, &e) < 0)
        fail_msg("%s", e.text);
    int master = master_take(listener);
    assert_int_equal(write(master, "abc\r", 4), 4);
    assert_true(tty_says(master, "exec abc"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 2);
    (void)close(master);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
            T(test_host_runs_a_payload_and_ends_like_it),
            T(test_host_dies_by_the_payloads_signal),
            T(test_host_loses_nothing_to_a_slow_reader),
            T(test_host_writes_what_was_said_before_the_end_to_a_late_reader),
            T(test_host_tells_the_payload_that_its_reader_is_gone),
            T(test_host_does_not_wait_for_a_background_process),
            T(test_host_tells_the_creator_why_create_failed),
            T(test_host_ends_with_a_creator_that_dies_while_the_vm_boots),
            T(test_host_guest_poweroff_is_an_end_and_its_output_arrives),
            T(test_host_dead_vmm_is_a_crash),
            T(test_host_verbs_kill_pause_ps),
            T(test_host_passes_its_own_signals_on),
            T(test_host_exec_gives_output_and_status),
            T(test_host_detached_exec_has_a_process_with_its_status),
            T(test_host_kills_what_a_killed_exec_stood_for),
            T(test_host_delete_works_after_everything_was_killed),
            T(test_host_delete_ends_a_living_vm),
            T(test_host_terminal_goes_through),
            T(test_host_terminal_control_c_and_hangup),
            T(test_host_detached_exec_with_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
