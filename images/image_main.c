// SPDX-License-Identifier: Apache-2.0
/*
 * islet-image: the heavy libraries in a program of their own, executed when something has to be
 * unpacked, so that `islet` stays small and the bytes are read by a process that can do nothing.
 *
 *     islet-image kernel VMLINUZ OUT OFFSET LENGTH    the payload of a bzImage
 *     islet-image module IN OUT                       a kernel module (.ko.xz, .ko.zst, .ko.gz)
 *
 * Order: open input and output, map the input, give up everything, unpack. After that there are
 * only read, write and memory calls; output is bounded by RLIMIT_FSIZE and by count. OUT must not
 * exist; it is the caller's to remove when the exit code is not 0. Exit 0, or 1 with the reason as
 * one line on standard error; 3 when the format is not one of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/own.h"
#include "images/unpack.h"

#define EXIT_FORMAT 3

struct verb {
    const char *name;
    bool has_range; /* OFFSET LENGTH follow */
    uint64_t max;   /* bytes of output */
};

static const struct verb verbs[] = {
        {"kernel", true,  512u << 20},
        {"module", false, 128u << 20},
};

/* What the decompressors and our own exit need; nothing that opens, connects or executes. */
static const int allowed[] = {
        SYS_read,
        SYS_write,
        SYS_mmap,
        SYS_munmap,
        SYS_mremap,
        SYS_mprotect,
        SYS_madvise,
        SYS_brk,
        SYS_futex,
        SYS_rt_sigreturn,
        SYS_close,
        SYS_getrandom,
        SYS_exit,
        SYS_exit_group,
};

/* The sanitizer maps terabytes, and its own exit needs more calls. */
#ifdef __SANITIZE_ADDRESS__
#define HAS_SANITIZER true
#else
#define HAS_SANITIZER false
#endif

static int confine(uint64_t max_output, struct err *e)
{
    if (confine_rlimit(RLIMIT_FSIZE, max_output, e) < 0 || confine_rlimit(RLIMIT_CORE, 0, e) < 0 ||
            confine_no_new_privs(e) < 0 || confine_caps(0, e) < 0)
        return -1;
    if (HAS_SANITIZER)
        return 0;
    if (confine_rlimit(RLIMIT_AS, 1u << 30, e) < 0)
        return -1;
    return confine_syscalls(allowed, ARRAY_LEN(allowed), e);
}

static int write_out(void *arg, const void *buf, size_t len, struct err *e)
{
    return fd_write_all(*(int *)arg, buf, len, e);
}

static int number(const char *text, uint64_t *ret, struct err *e)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-')
        return err_set(e, ERR_USAGE, "'%s' is not a number", text);
    *ret = v;
    return 0;
}

/* The part of the file to unpack, mapped; stays mapped until exit. */
static int map_input(const char *path, char **range, const uint8_t **ret, size_t *ret_len,
        struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "stat '%s'", path);
    uint64_t offset = 0;
    uint64_t size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    uint64_t length = size;
    if (range && (number(range[0], &offset, e) < 0 || number(range[1], &length, e) < 0))
        return -1;
    if (!S_ISREG(st.st_mode) || size == 0 || offset > size || length > size - offset)
        return err_set(e, ERR_CONFIG, "'%s': no %llu bytes at %llu", path,
                (unsigned long long)length, (unsigned long long)offset);
    const uint8_t *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "map '%s'", path);
    *ret = p + offset;
    *ret_len = length;
    return 0;
}

static int run(const struct verb *v, char **argv, struct err *e)
{
    const uint8_t *in = NULL;
    size_t len = 0;
    if (map_input(argv[0], v->has_range ? argv + 2 : NULL, &in, &len, e) < 0)
        return -1;
    autoclose int fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "create '%s'", argv[1]);
    if (confine(v->max, e) < 0)
        return -1;
    struct unpack_out out = {.sink = write_out, .arg = &fd, .max = v->max};
    if (unpack(in, len, &out, e) < 0)
        return err_add(e, "unpack '%s'", argv[0]);
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(verbs) && argc > 1; i++) {
        const struct verb *v = &verbs[i];
        if (strcmp(argv[1], v->name) != 0 || argc != (v->has_range ? 6 : 4))
            continue;
        if (run(v, argv + 2, &e) == 0)
            return 0;
        (void)fprintf(stderr, "islet-image: %s\n", e.text);
        return e.kind == ERR_UNSUPPORTED ? EXIT_FORMAT : 1;
    }
    (void)fprintf(stderr, "usage: islet-image kernel VMLINUZ OUT OFFSET LENGTH\n"
                          "       islet-image module IN OUT\n");
    return 2;
}
