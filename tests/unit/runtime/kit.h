// SPDX-License-Identifier: Apache-2.0
/* For tests of the container wall: checks that show an error's text, scratch directories, JSON. */
#ifndef ISLET_TESTS_RUNTIME_KIT_H
#define ISLET_TESTS_RUNTIME_KIT_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"

/* A call that must succeed; shows the error's text. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, e.text);                                                     \
    } while (0)

/* A call that must fail with that kind and words. */
#define REFUSED(call, want_kind, want_text)                                                        \
    do {                                                                                           \
        assert_int_equal((call), -1);                                                              \
        if (!strstr(e.text, want_text))                                                            \
            fail_msg("%s: '%s' lacks '%s'", #call, e.text, want_text);                             \
        assert_int_equal(e.kind, want_kind);                                                       \
    } while (0)

/* A directory of the test's own; kit_setup and kit_teardown make and remove it. */
struct kit_dir {
    char path[40];
    int fd;
};

static inline int kit_setup(void **state)
{
    struct kit_dir *dir = mem_new(1, sizeof(*dir));
    memcpy(dir->path, "/tmp/islet-rt-XXXXXX", sizeof("/tmp/islet-rt-XXXXXX"));
    *state = dir;
    if (!mkdtemp(dir->path))
        return -1;
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir->fd < 0 ? -1 : 0;
}

static inline int kit_teardown(void **state)
{
    struct kit_dir *dir = *state;
    struct err e;
    (void)close(dir->fd);
    int rc = fd_remove_tree(AT_FDCWD, dir->path, &e);
    mem_free(dir);
    return rc;
}

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

/* Writes a file below dirfd. */
static inline void kit_put(int dirfd, const char *name, const char *text)
{
    struct err e = {0};
    OK(fd_write_atomic(dirfd, name, text, strlen(text), 0644, &e));
}

/* A document from text in which ' stands for ". The caller's. */
static inline json_t *kit_json(const char *text)
{
    struct err e = {0};
    json_t *doc = NULL;
    autofree char *copy = str_dup(text);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    OK(json_parse(copy, strlen(copy), "test", &doc, &e));
    return doc;
}

#endif
