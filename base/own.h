// SPDX-License-Identifier: Apache-2.0
/*
 * Ownership by type: a resource is declared with the attribute that gives it back, and handed over
 * with steal_*. Memory comes from the allocators here only; they end the process when there is none
 * (a runtime that cannot get a few KiB has nothing sensible left to do).
 */
#ifndef ISLET_BASE_OWN_H
#define ISLET_BASE_OWN_H

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

void own_free(void *p);  /* p points to a pointer */
void own_close(int *fd); /* closes when >= 0, keeps errno */
void own_closedir(DIR **d);

#define autofree __attribute__((cleanup(own_free)))
#define autoclose __attribute__((cleanup(own_close)))
#define autodir __attribute__((cleanup(own_closedir)))

/* DEFINE_OWN(state, state_free) makes `own_state`, to be used as: `auto_of(state) struct state *s`. */
#define DEFINE_OWN(type, fn)                                                                       \
    static inline void own_##type(struct type **p)                                                 \
    {                                                                                              \
        if (*p)                                                                                    \
            fn(*p);                                                                                \
    }
#define auto_of(type) __attribute__((cleanup(own_##type)))

/* Hand over: returns the value and leaves NULL or -1 behind. */
#define steal_ptr(p)                                                                               \
    __extension__({                                                                                \
        __typeof__(p) stolen_ = (p);                                                               \
        (p) = NULL;                                                                                \
        stolen_;                                                                                   \
    })
#define steal_fd(fd)                                                                               \
    __extension__({                                                                                \
        int stolen_ = (fd);                                                                        \
        (fd) = -1;                                                                                 \
        stolen_;                                                                                   \
    })

/* Zeroed memory for n things of `size` bytes (n * size checked for overflow; never NULL). */
void *mem_new(size_t n, size_t size) __attribute__((returns_nonnull, malloc, alloc_size(1, 2)));

/* Grows (or shrinks) to n things of `size` bytes; new bytes are not cleared. p may be NULL. */
void *mem_grow(void *p, size_t n, size_t size) __attribute__((returns_nonnull, alloc_size(2, 3)));

void *mem_dup(const void *p, size_t len) __attribute__((returns_nonnull));
char *str_dup(const char *s) __attribute__((returns_nonnull));
char *str_ndup(const char *s, size_t n) __attribute__((returns_nonnull));
char *str_fmt(const char *fmt, ...) printf_like(1, 2) __attribute__((returns_nonnull));
char *str_vfmt(const char *fmt, va_list ap) __attribute__((returns_nonnull, format(printf, 1, 0)));

void mem_free(void *p); /* NULL is fine */

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Our own broken invariants only, never the caller's or the guest's mistakes. */
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond))                                                                               \
            own_assert_failed(#cond, __FILE__, __LINE__);                                          \
    } while (0)
void own_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

#endif
