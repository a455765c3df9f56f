// SPDX-License-Identifier: Apache-2.0
/*
 * Option strings, separated by commas, through mount_opts_parse: bits never contradict themselves,
 * what is not known comes out unchanged and in order, and parsing twice says the same.
 */
#include <linux/mount.h>
#include <stdint.h>
#include <string.h>

#include "base/own.h"
#include "runtime/mount_opts.h"

enum { MAX_OPTIONS = 64 };

static size_t split(const uint8_t *data, size_t len, char **list)
{
    size_t n = 0;
    const char *p = (const char *)data;
    const char *end = p + len;
    while (p < end && n < MAX_OPTIONS) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        list[n++] = str_ndup(p, (size_t)(stop - p)); /* ends at a NUL, too */
        p = stop + 1;
    }
    return n;
}

static bool is_named(const char *name)
{
    for (const char *const *p = mount_opts_names(); *p; p++)
        if (strcmp(*p, name) == 0)
            return true;
    return false;
}

static void check_bits(uint64_t set, uint64_t clear)
{
    const uint64_t atime = MOUNT_ATTR__ATIME;
    ASSERT((set & clear & ~atime) == 0);
    /* mount_setattr(2): a value of atime wants the whole mask cleared */
    ASSERT((clear & atime) == 0 || (clear & atime) == atime);
    ASSERT((set & atime) == 0 || (clear & atime) == atime);
    ASSERT((set & atime) != atime);
}

static void check(char *const *list, size_t n, const struct mount_opts *o)
{
    size_t k = 0;
    check_bits(o->set, o->clear);
    check_bits(o->rec_set, o->rec_clear);
    ASSERT(!o->is_rbind || o->is_bind);
    ASSERT((o->propagation & (o->propagation - 1)) == 0);
    ASSERT(!o->is_propagation_rec || o->propagation);
    for (size_t i = 0; i < n; i++) {
        if (is_named(list[i]))
            continue;
        ASSERT(k < o->n_sb && o->sb[k] == list[i]);
        k++;
    }
    ASSERT(k == o->n_sb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    struct mount_opts o, again;
    char *list[MAX_OPTIONS];
    size_t n = split(data, len, list);
    if (mount_opts_parse(list, n, &o, &e) == 0) {
        check(list, n, &o);
        int rc = mount_opts_parse(list, n, &again, &e);
        ASSERT(rc == 0 && o.set == again.set && o.rec_clear == again.rec_clear &&
                o.n_sb == again.n_sb && o.propagation == again.propagation);
        mount_opts_release(&again);
        mount_opts_release(&o);
    } else {
        ASSERT(e.kind == ERR_UNSUPPORTED && e.text[0]);
    }
    for (size_t i = 0; i < n; i++)
        mem_free(list[i]);
    return 0;
}
