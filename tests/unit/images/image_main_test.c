// SPDX-License-Identifier: Apache-2.0
/*
 * islet-image as it is executed: each format, bytes after the end, damage, and that it writes to
 * nothing that exists. The program lies beside the tests' folder; skipped when it was not built.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "base/own.h"

#define EXIT_FORMAT 3

/* "hello\n" packed; LZ4 legacy has two blocks ("hel", "lo\n") and the size after them. */
static const uint8_t lz4[] = {0x02, 0x21, 0x4c, 0x18, 4, 0, 0, 0, 0x30, 'h', 'e', 'l', 4, 0, 0, 0,
        0x30, 'l', 'o', '\n', 6, 0, 0, 0};
static const uint8_t gzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb,
        0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00, 0x20, 0x30, 0x3a, 0x36, 0x06, 0x00, 0x00, 0x00};
static const uint8_t xz[] = {0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36,
        0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x05,
        0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x0a, 0x00, 0x00, 0x00, 0x20, 0x30, 0x3a, 0x36, 0x00, 0x01,
        0x1a, 0x06, 0xc5, 0xea, 0xc8, 0x79, 0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00, 0x00, 0x00,
        0x01, 0x59, 0x5a};
static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x31, 0x00, 0x00, 0x68, 0x65,
        0x6c, 0x6c, 0x6f, 0x0a, 0x53, 0x88, 0xbd, 0x91};

static char program[4096];
static char dir[] = "/tmp/islet-image-test.XXXXXX";

static int setup(void **state)
{
    (void)state;
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 64);
    assert_true(n > 0);
    program[n] = '\0';
    for (int up = 0; up < 3; up++)
        *strrchr(program, '/') = '\0';
    n = (ssize_t)strlen(program);
    (void)snprintf(program + n, sizeof(program) - (size_t)n, "/libexec/islet-image");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    struct err e;
    (void)state;
    return fd_remove_tree(AT_FDCWD, dir, &e);
}

static void put(const char *name, const void *data, size_t len)
{
    struct err e;
    autofree char *path = str_fmt("%s/%s", dir, name);
    assert_int_equal(fd_write_atomic(AT_FDCWD, path, data, len, 0600, &e), 0);
}

/* Runs it on files of `dir`; the exit code. */
static int run(const char *verb, const char *in, const char *out, const char *offset,
        const char *length)
{
    if (access(program, X_OK) < 0)
        skip();
    autofree char *from = str_fmt("%s/%s", dir, in);
    autofree char *to = str_fmt("%s/%s", dir, out);
    int status = -1;
    (void)unlink(to);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, 2);
        execl(program, program, verb, from, to, offset, length, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_out(const char *name, const char *want)
{
    struct err e;
    autofree char *path = str_fmt("%s/%s", dir, name);
    autofree char *text = NULL;
    assert_int_equal(fd_read_file(AT_FDCWD, path, 4096, &text, NULL, &e), 0);
    assert_string_equal(text, want);
}

static void assert_unpacks(const uint8_t *packed, size_t len)
{
    uint8_t buf[512] = "before";
    put("in", packed, len);
    assert_int_equal(run("module", "in", "out", NULL, NULL), 0);
    assert_out("out", "hello\n");
    memcpy(buf + 100, packed, len); /* the same as a part of a file, then zeroes */
    put("part", buf, sizeof(buf));
    autofree char *length = str_fmt("%zu", len);
    assert_int_equal(run("kernel", "part", "out", "100", length), 0);
    assert_out("out", "hello\n");
    put("cut", packed, len / 2 - 1);
    assert_int_equal(run("module", "cut", "out", NULL, NULL), 1);
}

static void test_image_main_unpacks_lz4_legacy(void **state)
{
    (void)state;
    assert_unpacks(lz4, sizeof(lz4));
}

static void test_image_main_unpacks_gzip(void **state)
{
    (void)state;
    assert_unpacks(gzip, sizeof(gzip));
}

static void test_image_main_unpacks_xz(void **state)
{
    (void)state;
    assert_unpacks(xz, sizeof(xz));
}

static void test_image_main_unpacks_zstd(void **state)
{
    (void)state;
    assert_unpacks(zstd, sizeof(zstd));
}

static void test_image_main_names_formats_it_does_not_know(void **state)
{
    (void)state;
    put("in", "BZh91AY&SY", 10);
    assert_int_equal(run("module", "in", "out", NULL, NULL), EXIT_FORMAT);
}

static void test_image_main_checks_the_range(void **state)
{
    (void)state;
    put("in", lz4, sizeof(lz4));
    assert_int_equal(run("kernel", "in", "out", "0", "25"), 1);
    assert_int_equal(run("kernel", "in", "out", "18446744073709551615", "2"), 1);
    assert_int_equal(run("kernel", "in", "out", "-1", "2"), 1);
    assert_int_equal(run("kernel", "in", "out", "0", "24"), 0);
}

static void test_image_main_never_writes_to_what_exists(void **state)
{
    struct err e;
    (void)state;
    put("in", lz4, sizeof(lz4));
    put("precious", "keep", 4);
    autofree char *link = str_fmt("%s/out2/x", dir);
    assert_int_equal(fd_mkdir_all(link, 0700, &e), 0);
    assert_int_equal(run("module", "in", "out2", NULL, NULL), 1); /* a directory */
    assert_out("precious", "keep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_image_main_unpacks_lz4_legacy),
            cmocka_unit_test(test_image_main_unpacks_gzip),
            cmocka_unit_test(test_image_main_unpacks_xz),
            cmocka_unit_test(test_image_main_unpacks_zstd),
            cmocka_unit_test(test_image_main_names_formats_it_does_not_know),
            cmocka_unit_test(test_image_main_checks_the_range),
            cmocka_unit_test(test_image_main_never_writes_to_what_exists),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
