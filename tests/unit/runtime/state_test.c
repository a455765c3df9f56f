// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/state.c: records survive the disk, the status follows the process and nothing else, locks
 * exclude other processes.
 */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "runtime/state.h"
#include "tests/unit/runtime/kit.h"

static struct state_dir make(const struct kit_dir *dir, const char *id)
{
    struct err e = {0};
    struct state_dir d;
    OK(state_dir_make(dir->path, id, &d, &e));
    return d;
}

/* -- directories ---------------------------------------------------------------------------------- */

static void test_state_dir_is_made_once(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct stat st;
    struct state_dir d = make(dir, "c1"), again = {.fd = -1};
    assert_int_equal(fstat(d.fd, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(fcntl(d.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    REFUSED(state_dir_make(dir->path, "c1", &again, &e), ERR_EXISTS,
            "container with given ID already exists: 'c1'");
    assert_int_equal(again.fd, -1);
    state_dir_close(&d);
    assert_int_equal(d.fd, -1);
    state_dir_close(&d); /* twice is fine */
}

static void test_state_dir_makes_the_root(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct state_dir d;
    struct stat st;
    autofree char *root = str_fmt("%s/a/b", dir->path);
    OK(state_dir_make(root, "c1", &d, &e));
    assert_int_equal(fstatat(dir->fd, "a/b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    state_dir_close(&d);
}

static void test_state_dir_open_finds_what_is_there(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct state_dir d = make(dir, "c1"), again;
    OK(state_dir_open(dir->path, "c1", &again, &e));
    struct stat a, b;
    assert_int_equal(fstat(d.fd, &a), 0);
    assert_int_equal(fstat(again.fd, &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    state_dir_close(&again);
    REFUSED(state_dir_open(dir->path, "c2", &again, &e), ERR_NOT_FOUND,
            "container 'c2' does not exist"); /* words that containerd looks for */
    assert_int_equal(symlinkat("c1", dir->fd, "link"), 0);
    assert_int_equal(state_dir_open(dir->path, "link", &again, &e), -1);
    kit_put(dir->fd, "file", "");
    assert_int_equal(state_dir_open(dir->path, "file", &again, &e), -1);
    state_dir_close(&d);
}

static void test_state_dir_remove_takes_everything_below(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct state_dir d = make(dir, "c1");
    static const char *const files[] = {"state.json", "config.json", "seccomp.bpf", "exit.json",
            "other"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        kit_put(d.fd, files[i], "x");
    assert_int_equal(mkfifoat(d.fd, "start", 0600), 0);
    assert_int_equal(mkdirat(d.fd, "share", 0700), 0);
    kit_put(dir->fd, "outside", "x");
    assert_int_equal(symlinkat("../../outside", d.fd, "share/link"), 0);
    OK(state_dir_remove(dir->path, "c1", &d, &e));
    assert_int_equal(faccessat(dir->fd, "c1", F_OK, 0), -1);
    assert_int_equal(faccessat(dir->fd, "outside", F_OK, 0), 0);
    OK(state_dir_remove(dir->path, "c1", &d, &e)); /* gone already */
    state_dir_close(&d);
}

/* -- records -------------------------------------------------------------------------------------- */

static void test_state_survives_the_disk(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct state_dir d = make(dir, "c1");
    char version[] = "1.3.0", id[] = "c1", bundle[] = "/b \"x\"\n", rootfs[] = "/b/\xc3\xa4";
    char created[] = "2026-01-02T03:04:05.000000006Z", cgroup[] = "/islet-c1", wall[] = "container";
    char engine[] = "ns", gap1[] = "cpu.cpus", gap2[] = "", key[] = "k", value[] = "v\t";
    char *gaps[] = {gap1, gap2, NULL};
    struct json_pair pairs[] = {
            {key, value}
    };
    struct state s = {
            .schema = {true,  STATE_SCHEMA},
            .oci_version = version,
            .id = id,
            .pid = {true,  INT32_MAX   },
            .start_time = {true,  UINT64_MAX  },
            .bundle = bundle,
            .rootfs = rootfs,
            .created = created,
            .owner = {true,  UINT32_MAX  },
            .cgroup = cgroup,
            .isolation = wall,
            .engine = engine,
            .join = {true,  0x7e020000  },
            .has_pid_ns = {true,  false       },
            .gaps = gaps,
            .n_gaps = 2,
            .annotations = {pairs, 1           },
    };
    OK(state_save(&d, &s, &e));
    struct stat st;
    assert_int_equal(fstatat(d.fd, "state.json", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct state r;
    OK(state_load(&d, &r, &e));
    assert_int_equal(r.schema.v, STATE_SCHEMA);
    assert_string_equal(r.oci_version, version);
    assert_string_equal(r.id, id);
    assert_int_equal(r.pid.v, INT32_MAX);
    assert_true(r.start_time.v == UINT64_MAX);
    assert_string_equal(r.bundle, bundle);
    assert_string_equal(r.rootfs, rootfs);
    assert_string_equal(r.created, created);
    assert_true(r.owner.v == UINT32_MAX);
    assert_string_equal(r.cgroup, cgroup);
    assert_string_equal(r.isolation, wall);
    assert_string_equal(r.engine, engine);
    assert_null(r.acceleration);
    assert_int_equal(r.join.v, 0x7e020000);
    assert_true(r.has_pid_ns.is_set && !r.has_pid_ns.v);
    assert_int_equal(r.n_gaps, 2);
    assert_string_equal(r.gaps[0], gap1);
    assert_string_equal(json_map_get(&r.annotations, "k"), "v\t");
    state_release(&r);
    assert_null(r.id);
    state_dir_close(&d);
}

static void test_state_load_says_what_is_wrong(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct state_dir d = make(dir, "c1");
    struct state r;
    REFUSED(state_load(&d, &r, &e), ERR_NOT_FOUND, "state.json");
    static const char *const rows[][2] = {
            {"",                              "state.json"            },
            {"{",                             "state.json"            },
            {"[]",                            "state.json: not an obj"},
            {"{\"schema\":1}",                "/id: missing"          },
            {"{\"schema\":2,\"id\":\"c1\"}",  "/schema: "             },
            {"{\"schema\":0,\"id\":\"c1\"}",  "/schema: "             },
            {"{\"id\":\"c1\",\"pid\":-1}",    "/pid: "                },
            {"{\"id\":\"c1\",\"unknown\":1}", "/unknown"              },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        kit_put(d.fd, "state.json", rows[i][0]);
        if (state_load(&d, &r, &e) == 0)
            fail_msg("%s: loaded", rows[i][0]);
        if (!strstr(e.text, rows[i][1]))
            fail_msg("%s: '%s'", rows[i][0], e.text);
    }
    state_dir_close(&d);
}

/* -- processes and status ------------------------------------------------------------------------- */

/* A child that waits until it is told to end, or a zombie. Its name tries to confuse readers of
 * /proc/PID/stat. */
struct child {
    pid_t pid;
    int end;
};

static struct child child_start(void)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[1]);
        (void)prctl(PR_SET_NAME, ") Z 1 (x) R 2");
        (void)!read(ends[0], &byte, 1);
        _exit(0);
    }
    (void)close(ends[0]);
    return (struct child){pid, ends[1]};
}

static void child_to_zombie(struct child *c)
{
    siginfo_t info;
    (void)close(c->end);
    assert_int_equal(waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT), 0);
}

static void child_reap(const struct child *c)
{
    assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

static void test_state_start_time_is_read(void **state)
{
    (void)state;
    uint64_t start = 0, again = 0, parent = 0;
    bool is_zombie = true;
    struct child c = child_start();
    assert_int_equal(proc_start_time(c.pid, &start, &is_zombie), 0);
    assert_false(is_zombie);
    assert_int_equal(proc_start_time(getpid(), &parent, &is_zombie), 0);
    assert_true(start >= parent && parent > 0);
    child_to_zombie(&c);
    assert_int_equal(proc_start_time(c.pid, &again, &is_zombie), 0);
    assert_true(is_zombie);
    assert_int_equal(again, start);
    child_reap(&c);
    assert_int_equal(proc_start_time(c.pid, &again, &is_zombie), -1);
    assert_int_equal(proc_start_time(0, &again, &is_zombie), -1);
}

static enum rt_status status_of(const struct state_dir *d, pid_t pid, uint64_t start)
{
    struct state s = {
            .pid = {true, pid  },
            .start_time = {true, start}
    };
    return state_status(d, &s);
}

static void test_state_status_follows_the_process(void **state)
{
    const struct kit_dir *dir = *state;
    struct state_dir d = make(dir, "c1");
    uint64_t start = 0;
    bool is_zombie;
    struct child c = child_start();
    assert_int_equal(proc_start_time(c.pid, &start, &is_zombie), 0);
    assert_int_equal(status_of(&d, c.pid, start), RT_RUNNING);
    assert_int_equal(status_of(&d, c.pid, start + 1), RT_STOPPED); /* a reused pid */
    assert_int_equal(status_of(&d, c.pid, start - 1), RT_STOPPED);
    assert_int_equal(status_of(&d, c.pid, 0), RT_STOPPED);
    child_to_zombie(&c);
    assert_int_equal(status_of(&d, c.pid, start),
            RT_STOPPED); /* nobody reaps: it is over all the same */
    child_reap(&c);
    assert_int_equal(status_of(&d, c.pid, start), RT_STOPPED);
    assert_int_equal(status_of(&d, 0, 0), RT_STOPPED);
    assert_int_equal(status_of(&d, -1, 0), RT_STOPPED);
    state_dir_close(&d);
}

/* init holds the fifo open for reading until it is told to start. */
static void test_state_status_is_created_while_init_waits(void **state)
{
    const struct kit_dir *dir = *state;
    struct state_dir d = make(dir, "c1");
    uint64_t start = 0;
    bool is_zombie;
    struct child c = child_start();
    assert_int_equal(proc_start_time(c.pid, &start, &is_zombie), 0);
    assert_int_equal(mkfifoat(d.fd, "start", 0600), 0);
    assert_int_equal(status_of(&d, c.pid, start), RT_RUNNING); /* nobody waits */
    int reader = openat(d.fd, "start", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(status_of(&d, c.pid, start), RT_CREATED);
    assert_int_equal(status_of(&d, c.pid, start), RT_CREATED); /* asking changes nothing */
    assert_int_equal(status_of(&d, c.pid, start + 1), RT_STOPPED);
    (void)close(reader);
    assert_int_equal(status_of(&d, c.pid, start), RT_RUNNING);
    (void)close(c.end);
    child_reap(&c);
    state_dir_close(&d);
}

static void test_state_status_has_names(void **state)
{
    (void)state;
    assert_string_equal(rt_status_name(RT_CREATING), "creating");
    assert_string_equal(rt_status_name(RT_CREATED), "created");
    assert_string_equal(rt_status_name(RT_RUNNING), "running");
    assert_string_equal(rt_status_name(RT_STOPPED), "stopped");
    assert_string_equal(rt_status_name(RT_PAUSED), "paused");
}

static void test_state_oom_score_is_set(void **state)
{
    (void)state;
    struct err e = {0};
    struct child c = child_start();
    autofree char *path = str_fmt("/proc/%d/oom_score_adj", (int)c.pid);
    autofree char *text = NULL;
    OK(proc_set_oom_score(c.pid, 321, &e));
    OK(fd_read_file(AT_FDCWD, path, 64, &text, NULL, &e));
    assert_string_equal(text, "321\n");
    REFUSED(proc_set_oom_score(c.pid, 1001, &e), ERR_SYSTEM, "/process/oomScoreAdj: ");
    (void)close(c.end);
    child_reap(&c);
}

/* -- locks ---------------------------------------------------------------------------------------- */

/* Another process takes the lock and writes what it then sees into the pipe. */
static pid_t locker(const char *root, const char *id, int out, char word)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err e;
        int fd = state_lock(root, id, &e);
        (void)!write(out, fd < 0 ? "!" : &word, 1);
        _exit(0);
    }
    return pid;
}

/* Without waiting on the clock: the lock is seen held by trying it, and the other process writes only
 * once it has it. */
static bool is_held(const struct kit_dir *dir, const char *id)
{
    autofree char *path = str_fmt(".lock/%s", id);
    autoclose int fd = openat(dir->fd, path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void test_state_lock_excludes_another_process(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    int ends[2];
    char byte = 0;
    int lock = state_lock(dir->path, "c1", &e);
    OK(lock);
    assert_int_equal(fcntl(lock, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_true(is_held(dir, "c1"));
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    pid_t other_id = locker(dir->path, "c2", ends[1], '2');
    assert_int_equal(waitpid(other_id, NULL, 0), other_id); /* another id is free */
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, '2');
    /* the child inherits the fd, and with it the lock: it has to let go first */
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(lock);
        (void)!write(ready[1], "r", 1);
        struct err inner;
        int fd = state_lock(dir->path, "c1", &inner);
        (void)!write(ends[1], fd < 0 ? "!" : "1", 1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(read(ends[0], &byte, 1), -1); /* it cannot have it yet */
    assert_int_equal(errno, EAGAIN);
    (void)close(lock);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, '1');
    assert_false(is_held(dir, "c1")); /* the holder's end gave it back */
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Who waited for a lock whose file is removed must not hold a lock that nobody else sees. */
static void test_state_lock_survives_the_removal_of_its_file(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    enum { ROUNDS = 200 };
    for (int i = 0; i < ROUNDS; i++) {
        int lock = state_lock(dir->path, "c1", &e);
        OK(lock);
        pid_t pid = fork();
        if (pid == 0) {
            struct stat ours, there;
            struct err inner;
            (void)close(lock);
            int fd = state_lock(dir->path, "c1", &inner);
            bool is_seen = fd >= 0 && fstat(fd, &ours) == 0 &&
                           fstatat(dir->fd, ".lock/c1", &there, 0) == 0 &&
                           ours.st_ino == there.st_ino;
            _exit(!is_seen);
        }
        int status;
        state_unlock_remove(dir->path, "c1", lock);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static void test_state_lock_of_many_is_had_by_one_at_a_time(void **state)
{
    const struct kit_dir *dir = *state;
    enum { PROCESSES = 6, ROUNDS = 50 };
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        for (int k = 0; k < ROUNDS; k++) {
            struct err e;
            int lock = state_lock(dir->path, "c1", &e);
            int fd = openat(dir->fd, "inside", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
            if (lock < 0 || fd < 0 || unlinkat(dir->fd, "inside", 0) < 0)
                _exit(1);
            (void)close(fd);
            if (k % 2)
                state_unlock_remove(dir->path, "c1", lock);
            else
                (void)close(lock);
        }
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

/* -- ids ------------------------------------------------------------------------------------------ */

static void test_state_ids_name_one_directory(void **state)
{
    const struct kit_dir *dir = *state;
    struct err e = {0};
    struct state_dir d;
    static const char *const wrong[] = {"", ".", "..", "../x", "a/b", "/a", "a/", ".hidden",
            ".lock", "a b", "a\n", "\xc3\xa4", "a:b", "a@b", "a%", "~", "a\\b"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        REFUSED(rt_id_check(wrong[i], &e), ERR_USAGE, "container ID");
        REFUSED(state_dir_open(dir->path, wrong[i], &d, &e), ERR_USAGE, "container ID");
    }
    REFUSED(rt_id_check(NULL, &e), ERR_USAGE, "container ID is empty");
    static const char *const right[] = {"a", "0", "_", "+", "-", "a.b..", "A-Z_a+z.0", "-x", "x."};
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        OK(rt_id_check(right[i], &e));
    autofree char *longest = mem_new(257, 1);
    memset(longest, 'x', 255);
    OK(rt_id_check(longest, &e));
    longest[255] = 'x';
    REFUSED(rt_id_check(longest, &e), ERR_USAGE, "invalid container ID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            DIR_TEST(test_state_dir_is_made_once),
            DIR_TEST(test_state_dir_makes_the_root),
            DIR_TEST(test_state_dir_open_finds_what_is_there),
            DIR_TEST(test_state_dir_remove_takes_everything_below),
            DIR_TEST(test_state_survives_the_disk),
            DIR_TEST(test_state_load_says_what_is_wrong),
            cmocka_unit_test(test_state_start_time_is_read),
            DIR_TEST(test_state_status_follows_the_process),
            DIR_TEST(test_state_status_is_created_while_init_waits),
            cmocka_unit_test(test_state_status_has_names),
            cmocka_unit_test(test_state_oom_score_is_set),
            DIR_TEST(test_state_lock_excludes_another_process),
            DIR_TEST(test_state_lock_survives_the_removal_of_its_file),
            DIR_TEST(test_state_lock_of_many_is_had_by_one_at_a_time),
            DIR_TEST(test_state_ids_name_one_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
