// SPDX-License-Identifier: Apache-2.0
/* The only place that calls malloc; see own.h. */
#define ISLET_ALLOC_HERE 1
#include "base/own.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void own_free(void *p)
{
    free(*(void **)p);
}

void own_close(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        (void)close(*fd); /* nothing can be done about a failing close of a read side */
    errno = saved;
}

void own_closedir(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

static void __attribute__((noreturn)) out_of_memory(void)
{
    static const char text[] = "islet: out of memory\n";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(1);
}

void *mem_new(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *mem_grow(void *p, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        out_of_memory();
    size_t bytes = n * size;
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q)
        out_of_memory();
    return q;
}

void *mem_dup(const void *p, size_t len)
{
    void *q = mem_new(len, 1);
    if (len)
        memcpy(q, p, len);
    return q;
}

char *str_ndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *q = mem_new(len + 1, 1);
    memcpy(q, s, len);
    return q;
}

char *str_dup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

char *str_vfmt(const char *fmt, va_list ap)
{
    char *s = NULL;
    if (vasprintf(&s, fmt, ap) < 0 || !s)
        out_of_memory();
    return s;
}

char *str_fmt(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = str_vfmt(fmt, ap);
    va_end(ap);
    return s;
}

void mem_free(void *p)
{
    free(p);
}

void own_assert_failed(const char *cond, const char *file, int line)
{
    (void)dprintf(STDERR_FILENO, "islet: internal error: %s (%s:%d)\n", cond, file, line);
    abort();
}
