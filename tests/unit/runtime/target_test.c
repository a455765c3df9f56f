// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/target.c: no path, symlink or race leads out of the root. The scratch directory holds the
 * root and, beside it, a victim that must stay as it is.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime/target.h"
#include "tests/unit/runtime/kit.h"

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 1
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

struct place {
    struct kit_dir *dir;
    int root, victim;
};

static int setup(void **state)
{
    void *dir;
    if (kit_setup(&dir) < 0)
        return -1;
    struct place *p = mem_new(1, sizeof(*p));
    p->dir = dir;
    (void)umask(022);
    if (mkdirat(p->dir->fd, "root", 0755) < 0 || mkdirat(p->dir->fd, "victim", 0755) < 0)
        return -1;
    p->root = openat(p->dir->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    p->victim = openat(p->dir->fd, "victim", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = p;
    return p->root < 0 || p->victim < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    void *dir = p->dir;
    (void)close(p->root);
    (void)close(p->victim);
    mem_free(p);
    return kit_teardown(&dir);
}

static size_t count_entries(int dirfd)
{
    size_t n = 0;
    autodir DIR *d = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(d);
    while (readdir(d))
        n++;
    return n - 2;
}

static void assert_victim_whole(const struct place *p)
{
    assert_int_equal(count_entries(p->victim), 0);
    assert_int_equal(count_entries(p->dir->fd), 2); /* root and victim */
}

/* Opening gives the very thing that stands at `where` of the root. */
static void assert_opens(const struct place *p, const char *path, enum target_kind kind,
        const char *where)
{
    struct err e = {0};
    struct stat ours, there;
    autoclose int fd = target_open(p->root, path, kind, &e);
    OK(fd);
    assert_int_equal(fstat(fd, &ours), 0);
    if (fstatat(p->root, where, &there, AT_SYMLINK_NOFOLLOW) < 0)
        fail_msg("%s: there is no %s", path, where);
    if (ours.st_ino != there.st_ino)
        fail_msg("%s: is not %s", path, where);
    assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(S_ISDIR(ours.st_mode), kind == TARGET_DIR);
    assert_victim_whole(p);
}

static void assert_fails(const struct place *p, const char *path, enum target_kind kind,
        const char *words)
{
    struct err e = {0};
    autoclose int fd = target_open(p->root, path, kind, &e);
    if (fd >= 0)
        fail_msg("%s: opened", path);
    if (!strstr(e.text, words))
        fail_msg("%s: '%s' lacks '%s'", path, e.text, words);
    assert_victim_whole(p);
}

static bool exists(const struct place *p, const char *path)
{
    struct stat st;
    return fstatat(p->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_target_makes_what_is_missing(void **state)
{
    const struct place *p = *state;
    struct stat st;
    assert_opens(p, "/a/b/c", TARGET_DIR, "a/b/c");
    assert_opens(p, "x/y", TARGET_DIR, "x/y");
    assert_opens(p, "/f/g/file", TARGET_FILE, "f/g/file");
    assert_opens(p, "file", TARGET_FILE, "file");
    assert_int_equal(fstatat(p->root, "a/b", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(fstatat(p->root, "f/g/file", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0644);
    assert_int_equal(st.st_size, 0);
}

static void test_target_takes_what_is_there(void **state)
{
    const struct place *p = *state;
    struct stat st;
    assert_int_equal(mkdirat(p->root, "d", 0700), 0);
    kit_put(p->root, "f", "text");
    assert_opens(p, "/d", TARGET_DIR, "d");
    assert_opens(p, "/f", TARGET_FILE, "f");
    assert_int_equal(fstatat(p->root, "d", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(fstatat(p->root, "f", &st, 0), 0);
    assert_int_equal(st.st_size, 4);
    assert_fails(p, "/f", TARGET_DIR, "Not a directory");
    assert_fails(p, "/f/x", TARGET_DIR, "Not a directory");
    assert_fails(p, "/f/x", TARGET_FILE, "Not a directory");
}

static void test_target_minds_slashes_and_dots(void **state)
{
    const struct place *p = *state;
    assert_opens(p, "//a///b//", TARGET_DIR, "a/b");
    assert_opens(p, "/a/./c", TARGET_DIR, "a/c");
    assert_opens(p, "/", TARGET_DIR, ".");
    assert_opens(p, "/.", TARGET_DIR, ".");
    assert_opens(p, "/made/", TARGET_FILE, "made");
    assert_fails(p, "/a/missing/..", TARGET_DIR, "cannot be made");
    assert_fails(p, "/a/missing/.", TARGET_DIR, "cannot be made");
}

static void test_target_dots_end_at_the_root(void **state)
{
    const struct place *p = *state;
    assert_opens(p, "..", TARGET_DIR, ".");
    assert_opens(p, "/../../..", TARGET_DIR, ".");
    assert_opens(p, "/../victim/x", TARGET_DIR, "victim/x"); /* of the root, not ours */
    assert_opens(p, "../../victim/f", TARGET_FILE, "victim/f");
    assert_opens(p, "/victim/../../../victim/g", TARGET_FILE, "victim/g");
}

static void test_target_links_stay_inside(void **state)
{
    const struct place *p = *state;
    autofree char *victim = str_fmt("%s/victim", p->dir->path);
    assert_int_equal(symlinkat("../victim", p->root, "up"), 0);
    assert_int_equal(symlinkat(victim, p->root, "abs"), 0);
    assert_int_equal(symlinkat("/real", p->root, "link"), 0);
    assert_int_equal(mkdirat(p->root, "real", 0755), 0);
    assert_opens(p, "/link/x", TARGET_DIR, "real/x");
    assert_opens(p, "/link/f", TARGET_FILE, "real/f");
    assert_opens(p, "/link", TARGET_DIR, "real");
    /* a file is not made through a link that leads nowhere */
    assert_fails(p, "/abs", TARGET_FILE, "symlink that leads nowhere");
    /* a directory is, inside the root: ".." of the root is the root, and '/' is the root */
    assert_opens(p, "/up/x", TARGET_DIR, "victim/x");
    assert_opens(p, "/up/f", TARGET_FILE, "victim/f");
    autofree char *inside = str_fmt("%s/x", victim + 1);
    assert_opens(p, "/abs/x", TARGET_DIR, inside);
}

/* /var/run -> /run, and no /run: as small images have it. */
static void test_target_makes_what_a_link_on_the_way_names(void **state)
{
    const struct place *p = *state;
    assert_int_equal(mkdirat(p->root, "var", 0755), 0);
    assert_int_equal(symlinkat("/run", p->root, "var/run"), 0);
    assert_int_equal(symlinkat("lib", p->root, "var/rel"), 0);
    assert_opens(p, "/var/run/secrets/k8s", TARGET_DIR, "run/secrets/k8s");
    assert_opens(p, "/var/rel/x", TARGET_DIR, "var/lib/x");
}

static void test_target_links_that_go_nowhere_are_errors(void **state)
{
    const struct place *p = *state;
    assert_int_equal(symlinkat("loop2", p->root, "loop1"), 0);
    assert_int_equal(symlinkat("/loop1", p->root, "loop2"), 0);
    assert_int_equal(symlinkat("self", p->root, "self"), 0);
    assert_int_equal(symlinkat("missing", p->root, "dangling"), 0);
    assert_int_equal(symlinkat("f", p->root, "file"), 0);
    kit_put(p->root, "f", "");
    assert_fails(p, "/loop1", TARGET_DIR, "Too many levels of symbolic links");
    assert_fails(p, "/loop1/x", TARGET_FILE, "Too many levels of symbolic links");
    assert_fails(p, "/self", TARGET_FILE, "Too many levels of symbolic links");
    assert_fails(p, "/dangling", TARGET_FILE, "symlink that leads nowhere");
    assert_fails(p, "/file/x", TARGET_DIR, "Not a directory");
    assert_false(exists(p, "missing"));
    assert_opens(p, "/file", TARGET_FILE, "f");
}

/* The host's root as root: /proc/self/root and the like are doors that open_how forbids. */
static void test_target_takes_no_magic_links(void **state)
{
    const struct place *p = *state;
    static const char *const doors[] = {"/proc/self/root", "/proc/self/cwd", "/proc/self/exe",
            "/proc/self/fd/0", "/proc/self/root/tmp", "/proc/thread-self/ns/mnt"};
    autoclose int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        struct err e = {0};
        bool is_missing = false;
        assert_int_equal(target_open(host, doors[i], TARGET_FILE, &e), -1);
        assert_non_null(strstr(e.text, "Too many levels of symbolic links"));
        assert_int_equal(target_open(host, doors[i], TARGET_DIR, &e), -1);
        assert_int_equal(target_find(host, doors[i], &is_missing, &e), -1);
        assert_false(is_missing);
    }
    assert_victim_whole(p);
}

static void test_target_find_makes_nothing(void **state)
{
    const struct place *p = *state;
    struct err e = {0};
    bool is_missing = false;
    assert_int_equal(symlinkat("../../victim", p->root, "up"), 0);
    assert_int_equal(symlinkat("missing", p->root, "dangling"), 0);
    assert_int_equal(symlinkat("self", p->root, "self"), 0);
    kit_put(p->root, "f", "");
    static const char *const none[] = {"/a", "/a/b", "/up", "/up/x", "/dangling", "/f/x", "/../a"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        is_missing = false;
        assert_int_equal(target_find(p->root, none[i], &is_missing, &e), -1);
        if (!is_missing)
            fail_msg("%s: %s", none[i], e.text);
    }
    is_missing = false;
    REFUSED(target_find(p->root, "/self", &is_missing, &e), ERR_SYSTEM, "Too many levels");
    assert_false(is_missing);
    is_missing = true;
    int fd = target_find(p->root, "/f", &is_missing, &e);
    OK(fd);
    assert_false(is_missing);
    (void)close(fd);
    assert_int_equal(count_entries(p->root), 4);
}

/* CVE-2023-27561: /proc and /sys of the image may be links, then the mount would land elsewhere. */
static void test_target_plain_dir_refuses_links(void **state)
{
    const struct place *p = *state;
    struct err e = {0};
    int fd = target_open_plain_dir(p->root, "/proc", &e);
    OK(fd);
    (void)close(fd);
    assert_true(exists(p, "proc"));
    fd = target_open_plain_dir(p->root, "//proc", &e);
    OK(fd);
    (void)close(fd);
    assert_int_equal(mkdirat(p->root, "real", 0755), 0);
    assert_int_equal(symlinkat("real", p->root, "sys"), 0);
    assert_int_equal(symlinkat("../victim", p->root, "up"), 0);
    assert_int_equal(symlinkat("missing", p->root, "dangling"), 0);
    kit_put(p->root, "f", "");
    REFUSED(target_open_plain_dir(p->root, "/sys", &e), ERR_CONFIG, "Not a directory");
    REFUSED(target_open_plain_dir(p->root, "/up", &e), ERR_CONFIG, "Not a directory");
    REFUSED(target_open_plain_dir(p->root, "/dangling", &e), ERR_CONFIG, "Not a directory");
    REFUSED(target_open_plain_dir(p->root, "/f", &e), ERR_SYSTEM, "Not a directory");
    assert_false(exists(p, "missing"));
    assert_victim_whole(p);
}

/* -- races ------------------------------------------------------------------------------------- */

struct exchange {
    int dirfd;
    const char *a, *b;
    atomic_bool is_over;
    atomic_ulong n;
};

static void *exchange_run(void *arg)
{
    struct exchange *x = arg;
    while (!atomic_load(&x->is_over)) {
        (void)syscall(SYS_renameat2, x->dirfd, x->a, x->dirfd, x->b, RENAME_EXCHANGE);
        atomic_fetch_add(&x->n, 1);
    }
    return NULL;
}

/* CVE-2021-30465, CVE-2024-45310: a directory on the way becomes a link to the victim and back. */
static void race(const struct place *p, const char *link_text)
{
    enum { ROUNDS = 2000 };
    struct exchange x = {.dirfd = p->root, .a = "way", .b = "evil"};
    pthread_t thread;
    size_t made = 0;
    assert_int_equal(mkdirat(p->root, "way", 0755), 0);
    assert_int_equal(symlinkat(link_text, p->root, "evil"), 0);
    assert_int_equal(pthread_create(&thread, NULL, exchange_run, &x), 0);
    while (atomic_load(&x.n) == 0)
        (void)sched_yield();
    for (int i = 0; i < ROUNDS; i++) {
        struct err e = {0};
        bool is_missing;
        autofree char *path = str_fmt("/way/%s%d/x", i & 1 ? "d" : "", i);
        autoclose int fd = target_open(p->root, path, i & 2 ? TARGET_DIR : TARGET_FILE, &e);
        autoclose int found = target_find(p->root, "/way", &is_missing, &e);
        made += fd >= 0;
    }
    atomic_store(&x.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_victim_whole(p);
    assert_true(made > 0);
}

static void test_target_race_with_a_relative_link_stays_inside(void **state)
{
    race(*state, "../victim");
}

static void test_target_race_with_an_absolute_link_stays_inside(void **state)
{
    const struct place *p = *state;
    autofree char *victim = str_fmt("%s/victim", p->dir->path);
    race(p, victim);
}

/* -- mounts, in a mount namespace of a child's ---------------------------------------------------- */

/* A mount is copied and attached in its own namespace only, so both are opened again. */
static int mount_work(const struct place *p, struct err *e)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, "mount namespace");
    autofree char *root_path = str_fmt("%s/root", p->dir->path);
    autofree char *victim_path = str_fmt("%s/victim", p->dir->path);
    autoclose int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autoclose int tree = target_clone(AT_FDCWD, victim_path, true, e);
    autoclose int target = tree < 0 ? -1 : target_open(root, "/mnt/x", TARGET_DIR, e);
    if (target < 0 || target_setattr(tree, false, 0, 0, 0, e) < 0 ||
            target_setattr(tree, true, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, e) < 0 ||
            target_attach(tree, target, "/mnt/x", e) < 0)
        return -1;
    autoclose int seen = target_open(root, "/mnt/x", TARGET_DIR, e);
    struct stat a, b;
    if (fstat(seen, &a) < 0 || fstat(p->victim, &b) < 0 || a.st_ino != b.st_ino)
        return err_set(e, ERR_INTERNAL, "the victim is not what is seen");
    if (mkdirat(seen, "new", 0755) == 0 || errno != EROFS)
        return err_set(e, ERR_INTERNAL, "the copy is not read-only");
    struct err inner = {0};
    if (target_open(root, "/mnt/x/new", TARGET_DIR, &inner) >= 0 || inner.sys != EROFS)
        return err_set(e, ERR_INTERNAL, "made on a read-only mount: %s", inner.text);
    if (mkdirat(p->victim, "new", 0755) < 0 || unlinkat(p->victim, "new", AT_REMOVEDIR) < 0)
        return err_sys(e, "the original is read-only");
    return 0;
}

static void test_target_attaches_a_copy_with_attributes(void **state)
{
    const struct place *p = *state;
    if (geteuid() != 0) {
        print_message("needs root\n");
        skip();
    }
    int ends[2];
    struct err e = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int rc = mount_work(p, &e);
        (void)!write(ends[1], &e, sizeof(e));
        _exit(rc < 0);
    }
    int status;
    (void)close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(read(ends[0], &e, sizeof(e)), sizeof(e));
    (void)close(ends[0]);
    if (status != 0)
        fail_msg("%s", e.text);
    assert_victim_whole(p);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            PLACE_TEST(test_target_makes_what_is_missing),
            PLACE_TEST(test_target_takes_what_is_there),
            PLACE_TEST(test_target_minds_slashes_and_dots),
            PLACE_TEST(test_target_dots_end_at_the_root),
            PLACE_TEST(test_target_links_stay_inside),
            PLACE_TEST(test_target_makes_what_a_link_on_the_way_names),
            PLACE_TEST(test_target_links_that_go_nowhere_are_errors),
            PLACE_TEST(test_target_takes_no_magic_links),
            PLACE_TEST(test_target_find_makes_nothing),
            PLACE_TEST(test_target_plain_dir_refuses_links),
            PLACE_TEST(test_target_race_with_a_relative_link_stays_inside),
            PLACE_TEST(test_target_race_with_an_absolute_link_stays_inside),
            PLACE_TEST(test_target_attaches_a_copy_with_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
