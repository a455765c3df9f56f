// SPDX-License-Identifier: Apache-2.0
/*
 * Errors: one plain struct that travels everywhere.
 *
 * A function that can fail returns 0 (or a useful non-negative value), else -1 with `e` set. The
 * lowest level says what failed and on which object; each room boundary adds one phrase in front.
 * Texts are lower case, quote their objects with '…', have no full stop, and name the remedy when
 * one is known. The struct has no pointers, so a child can send it whole to its parent.
 */
#ifndef ISLET_BASE_ERR_H
#define ISLET_BASE_ERR_H

#include <stdint.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, first) __attribute__((format(printf, fmt, first)))

/* What sort of trouble; decides the exit code of verbs that are not OCI's. Nothing else parses text. */
enum err_kind {
    ERR_NONE,
    ERR_USAGE,       /* the command line is wrong */
    ERR_CONFIG,      /* a document (config.json, a spec) is wrong */
    ERR_STATE,       /* the container is in the wrong state for this verb */
    ERR_NOT_FOUND,   /* no such container, file, program */
    ERR_EXISTS,      /* the id is taken */
    ERR_UNSUPPORTED, /* known, and not to be had here */
    ERR_SYSTEM,      /* a system call failed */
    ERR_INTERNAL,    /* our own mistake */
};

struct err {
    int32_t kind;   /* enum err_kind */
    int32_t sys;    /* errno of the failing call, 0 where there is none */
    char text[488]; /* always terminated; cut with "…" in the middle when too long */
};

_Static_assert(sizeof(struct err) == 496, "struct err travels between processes");

/* Sets `e` from scratch. Returns -1. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) printf_like(3, 4);

/* As err_set with ERR_SYSTEM, appending ": " and the text of the current errno. Returns -1. */
int err_sys(struct err *e, const char *fmt, ...) printf_like(2, 3);

/* As err_sys for an error number that is not in errno (a positive value). Returns -1. */
int err_sysno(struct err *e, int sysno, const char *fmt, ...) printf_like(3, 4);

/* Puts a phrase and ": " in front of the text; kind and sys stay. Returns -1. */
int err_add(struct err *e, const char *fmt, ...) printf_like(2, 3);

/* Deliberate neglect of a must_check result; say why beside it. */
static inline void neglect(long rc)
{
    (void)rc;
}

/* Exit code for verbs that are not OCI's: 2 for usage, 3 config, 4 not found, else 1. */
int err_exit_code(const struct err *e);

#endif
