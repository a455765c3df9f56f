// SPDX-License-Identifier: Apache-2.0
/* base/fd.h: nothing leads out of a root, files are replaced whole, links are not followed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "base/own.h"

/* A scratch directory; tests get it as *state. */
struct dir {
    char path[32];
    int fd;
};

static int setup(void **state)
{
    static struct dir dir;
    memcpy(dir.path, "/tmp/islet-fd-XXXXXX", sizeof("/tmp/islet-fd-XXXXXX"));
    if (!mkdtemp(dir.path))
        return -1;
    dir.fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &dir;
    return dir.fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct dir *dir = *state;
    struct err e;
    (void)close(dir->fd);
    return fd_remove_tree(AT_FDCWD, dir->path, &e);
}

static void put(int dirfd, const char *name, const char *text)
{
    struct err e = {0};
    if (fd_write_atomic(dirfd, name, text, strlen(text), 0644, &e) < 0)
        fail_msg("%s", e.text);
}

static void assert_content(int dirfd, const char *name, const char *text)
{
    struct err e = {0};
    autofree char *buf = NULL;
    size_t len = 0;
    assert_int_equal(fd_read_file(dirfd, name, 1 << 20, &buf, &len, &e), 0);
    assert_string_equal(buf, text);
    assert_int_equal(len, strlen(text));
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

static void test_fd_open_in_stays_below_the_root(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    put(dir->fd, "etc/hostname", "x");
    assert_int_equal(symlinkat("/etc", dir->fd, "absolute"), 0);
    assert_int_equal(symlinkat("../../../../etc", dir->fd, "etc/upwards"), 0);
    static const char *const same[] = {
            "etc/hostname",
            "/etc/hostname",
            "../../etc/hostname",
            "absolute/hostname",
            "etc/upwards/hostname",
    };
    struct stat want;
    assert_int_equal(fstatat(dir->fd, "etc/hostname", &want, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct stat st;
        autoclose int fd = fd_open_in(dir->fd, same[i], O_RDONLY, 0, &e);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_ino, want.st_ino);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    assert_int_equal(fd_open_in(dir->fd, "absolute/passwd", O_RDONLY, 0, &e), -1);
    assert_string_equal(e.text, "open 'absolute/passwd' in the root: No such file or directory");
}

static void test_fd_open_in_refuses_magic_links(void **state)
{
    (void)state;
    struct err e = {0};
    autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fd_open_in(proc, "self/root/etc", O_RDONLY, 0, &e), -1);
    assert_int_equal(e.sys, ELOOP);
}

static void test_fd_open_in_creates_with_a_mode(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    struct stat st;
    autoclose int fd = fd_open_in(dir->fd, "/new", O_WRONLY | O_CREAT | O_EXCL, 0600, &e);
    assert_true(fd >= 0);
    assert_int_equal(fstatat(dir->fd, "new", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_fd_read_all_bounds_the_size(void **state)
{
    (void)state;
    struct err e = {0};
    char *text = NULL;
    size_t len = 0;
    autoclose int fd = memfd_create("x", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 10000), 0);
    assert_int_equal(fd_read_all(fd, 10000, &text, &len, &e), 0);
    assert_int_equal(len, 10000);
    assert_int_equal(text[len], 0);
    mem_free(text);
    text = NULL;
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(fd_read_all(fd, 9999, &text, &len, &e), -1);
    assert_string_equal(e.text, "larger than 9999 bytes");
    assert_null(text);
}

static void test_fd_read_file_tells_missing_files(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    char *text = NULL;
    assert_int_equal(fd_read_file(dir->fd, "none", 1, &text, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.text, "open 'none': No such file or directory");
    assert_int_equal(fd_read_file(dir->fd, ".", 1, &text, NULL, &e), -1);
    assert_string_equal(e.text, "'.': read: Is a directory");
    assert_int_equal(e.kind, ERR_SYSTEM);
}

static void test_fd_write_file_does_not_create(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    assert_int_equal(fd_write_file(dir->fd, "none", "x", &e), -1);
    assert_int_equal(e.sys, ENOENT);
    put(dir->fd, "some", "12");
    assert_int_equal(fd_write_file(dir->fd, "some", "ab", &e), 0);
    assert_content(dir->fd, "some", "ab");
}

static void test_fd_write_atomic_replaces_whole_files(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    struct stat st;
    put(dir->fd, "state", "a long first text");
    put(dir->fd, "state", "short");
    assert_content(dir->fd, "state", "short");
    assert_int_equal(count_entries(dir->fd), 1);
    assert_int_equal(fd_write_atomic(dir->fd, "state", "", 0, 0600, &e), 0);
    assert_int_equal(fstatat(dir->fd, "state", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_fd_write_atomic_leaves_nothing_on_failure(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    assert_int_equal(mkdirat(dir->fd, "state", 0755), 0);
    assert_int_equal(fd_write_atomic(dir->fd, "state", "x", 1, 0644, &e), -1);
    assert_string_equal(e.text, "rename to 'state': Is a directory");
    assert_int_equal(count_entries(dir->fd), 1);
}

static void test_fd_mkdir_all_makes_parents(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    autofree char *deep = str_fmt("%s/a/b//c", dir->path);
    assert_int_equal(fd_mkdir_all(deep, 0755, &e), 0);
    assert_int_equal(fd_mkdir_all(deep, 0755, &e), 0);
    assert_int_equal(faccessat(dir->fd, "a/b/c", F_OK, 0), 0);
    put(dir->fd, "file", "x");
    autofree char *below = str_fmt("%s/file/x", dir->path);
    assert_int_equal(fd_mkdir_all(below, 0755, &e), -1);
    assert_int_equal(e.sys, ENOTDIR);
}

static void test_fd_remove_tree_does_not_follow_links(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    assert_int_equal(mkdirat(dir->fd, "keep", 0755), 0);
    put(dir->fd, "keep/file", "x");
    assert_int_equal(mkdirat(dir->fd, "tree", 0755), 0);
    assert_int_equal(mkdirat(dir->fd, "tree/sub", 0755), 0);
    put(dir->fd, "tree/sub/file", "x");
    assert_int_equal(symlinkat("../keep", dir->fd, "tree/link"), 0);
    assert_int_equal(symlinkat("keep", dir->fd, "link"), 0);
    assert_int_equal(fd_remove_tree(dir->fd, "tree", &e), 0);
    assert_int_equal(fd_remove_tree(dir->fd, "link", &e), 0);
    assert_int_equal(fd_remove_tree(dir->fd, "tree", &e), 0); /* missing is fine */
    assert_content(dir->fd, "keep/file", "x");
    assert_int_equal(count_entries(dir->fd), 1);
}

static void test_fd_cloexec_goes_both_ways(void **state)
{
    struct dir *dir = *state;
    struct err e = {0};
    assert_int_equal(fd_cloexec(dir->fd, 0, &e), 0);
    assert_int_equal(fcntl(dir->fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_equal(fd_cloexec(dir->fd, 1, &e), 0);
    assert_int_equal(fcntl(dir->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fd_cloexec(-1, 1, &e), -1);
    assert_string_equal(e.text, "fcntl of fd -1: Bad file descriptor");
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            IN_DIR(test_fd_open_in_stays_below_the_root),
            IN_DIR(test_fd_open_in_refuses_magic_links),
            IN_DIR(test_fd_open_in_creates_with_a_mode),
            IN_DIR(test_fd_read_all_bounds_the_size),
            IN_DIR(test_fd_read_file_tells_missing_files),
            IN_DIR(test_fd_write_file_does_not_create),
            IN_DIR(test_fd_write_atomic_replaces_whole_files),
            IN_DIR(test_fd_write_atomic_leaves_nothing_on_failure),
            IN_DIR(test_fd_mkdir_all_makes_parents),
            IN_DIR(test_fd_remove_tree_does_not_follow_links),
            IN_DIR(test_fd_cloexec_goes_both_ways),
    };
    return cmocka_run_group_tests_name("base/fd", tests, NULL, NULL);
}
