// SPDX-License-Identifier: Apache-2.0
/* See version.h. The order is that of dpkg's verrevcmp, which Debian's boot loaders use too. */
#include "hv/boot/version.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/own.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int rank(char c)
{
    if (c == '~')
        return -1;
    if (c == '\0' || is_digit(c))
        return 0;
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return (unsigned char)c + (is_letter ? 0 : 256);
}

int version_compare(const char *a, const char *b)
{
    while (*a || *b) {
        while ((*a && !is_digit(*a)) || (*b && !is_digit(*b))) {
            int diff = rank(*a) - rank(*b);
            if (diff)
                return diff;
            a += *a != '\0';
            b += *b != '\0';
        }
        a += strspn(a, "0");
        b += strspn(b, "0");
        size_t na = strspn(a, "0123456789");
        size_t nb = strspn(b, "0123456789");
        if (na != nb)
            return na < nb ? -1 : 1;
        int diff = strncmp(a, b, na);
        if (diff)
            return diff;
        a += na;
        b += nb;
    }
    return 0;
}

int version_newest(const char *dir, const char *prefix, char **ret, struct err *e)
{
    autodir DIR *d = opendir(dir);
    if (!d && errno != ENOENT)
        return err_sys(e, "open '%s'", dir);
    autofree char *best = NULL;
    struct dirent *entry;
    size_t len = strlen(prefix);
    while (d && (entry = readdir(d))) {
        const char *name = entry->d_name;
        size_t n = strlen(name);
        if (strncmp(name, prefix, len) != 0 || n == len)
            continue;
        if (n > 9 && strcmp(name + n - 9, ".dpkg-tmp") == 0)
            continue; /* being replaced */
        if (best && version_compare(name, best) <= 0)
            continue;
        mem_free(best);
        best = str_dup(name);
    }
    if (!best)
        return err_set(e, ERR_NOT_FOUND, "no '%s/%s*'", dir, prefix);
    *ret = str_fmt("%s/%s", dir, best);
    return 0;
}
