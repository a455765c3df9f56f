// SPDX-License-Identifier: Apache-2.0
/*
 * Files that are expensive to make and cheap to recognise: a name that says what they were made
 * from, written beside and renamed, one maker at a time. Old ones of the same sort go when a new
 * one comes.
 */
#ifndef ISLET_HV_BOOT_CACHE_H
#define ISLET_HV_BOOT_CACHE_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/* Folds things into a 64-bit key (FNV-1a). Not against an adversary: the cache is ours alone. */
#define CACHE_KEY_START 0xcbf29ce484222325ull
uint64_t cache_key_str(uint64_t key, const char *s);          /* with its end */
uint64_t cache_key_file(uint64_t key, const struct stat *st); /* which file, in which state */

/* Makes the file `path`, which does not exist; what is left of a failure is removed. */
typedef int cache_make_fn(void *arg, const char *path, struct err *e);

/* *ret = "<dir>/<sort>-<key>" (the caller's), made by `make` when it is not there. Others of that
 * sort that nobody has asked for within a day are removed. `dir` is made with mode 0700 and must
 * belong to us. */
int cache_get(const char *dir, const char *sort, uint64_t key, cache_make_fn *make, void *arg,
        char **ret, struct err *e) must_check;

#endif
