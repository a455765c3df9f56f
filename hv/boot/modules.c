// SPDX-License-Identifier: Apache-2.0
/*
 * See modules.h. Sources: modules.dep(5) ("file: file file …", paths below the directory), kmod's
 * rule that '-' and '_' in names are the same, and modules.builtin (one path per line). Each entry
 * of modules.dep is followed into the entries of what it needs, so the order does not depend on how
 * depmod sorted one line.
 */
#include "hv/boot/modules.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#define TABLE_MAX (16u << 20)
#define DEPTH_MAX 64

struct slice {
    const char *p;
    size_t len;
};

static struct slice next_line(const char **text)
{
    struct slice s = {.p = *text, .len = strcspn(*text, "\n")};
    *text += s.len + (s.p[s.len] == '\n');
    return s;
}

/* The next word of a line; an empty one at its end. */
static struct slice next_word(struct slice *line)
{
    while (line->len && line->p[0] == ' ') {
        line->p++;
        line->len--;
    }
    struct slice word = {.p = line->p};
    while (word.len < line->len && line->p[word.len] != ' ')
        word.len++;
    line->p += word.len;
    line->len -= word.len;
    return word;
}

/* The file name up to ".ko". */
static struct slice module_name(struct slice path)
{
    for (size_t i = path.len; i > 0; i--) {
        if (path.p[i - 1] == '/') {
            path.p += i;
            path.len -= i;
            break;
        }
    }
    const char *ko = memmem(path.p, path.len, ".ko", 3);
    if (ko)
        path.len = (size_t)(ko - path.p);
    return path;
}

static bool is_same_name(struct slice a, const char *b)
{
    if (a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.p[i] == '-' ? '_' : a.p[i];
        char y = b[i] == '-' ? '_' : b[i];
        if (x != y)
            return false;
    }
    return true;
}

/* The line of `name` in modules.dep: its path, and the rest of the line. */
static bool dep_find(const char *dep, const char *name, struct slice *ret_path,
        struct slice *ret_needs)
{
    while (*dep) {
        struct slice line = next_line(&dep);
        const char *colon = memchr(line.p, ':', line.len);
        if (!colon)
            continue;
        struct slice path = {.p = line.p, .len = (size_t)(colon - line.p)};
        if (!is_same_name(module_name(path), name))
            continue;
        *ret_path = path;
        *ret_needs = (struct slice){.p = colon + 1, .len = line.len - path.len - 1};
        return true;
    }
    return false;
}

static bool is_builtin(const char *builtin, const char *name)
{
    while (*builtin)
        if (is_same_name(module_name(next_line(&builtin)), name))
            return true;
    return false;
}

static bool list_has(const struct module_list *l, struct slice path)
{
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->path[i]) == path.len && memcmp(l->path[i], path.p, path.len) == 0)
            return true;
    return false;
}

/* Depth first: what it needs, then itself. */
static int order_add(const char *dep, const char *builtin, const char *name, int depth,
        struct module_list *l, struct err *e)
{
    struct slice path;
    struct slice needs;
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_CONFIG, "modules.dep goes round in circles at '%s'", name);
    if (!dep_find(dep, name, &path, &needs)) {
        if (is_builtin(builtin, name))
            return 0;
        return err_set(e, ERR_UNSUPPORTED,
                "kernel has no module '%s', neither as a file nor built in", name);
    }
    if (list_has(l, path))
        return 0;
    for (struct slice word = next_word(&needs); word.len; word = next_word(&needs)) {
        struct slice base = module_name(word);
        autofree char *need = str_ndup(base.p, base.len);
        if (!list_has(l, word) && order_add(dep, builtin, need, depth + 1, l, e) < 0)
            return -1;
    }
    if (path.len == 0 || path.p[0] == '/' || memmem(path.p, path.len, "..", 2))
        return err_set(e, ERR_CONFIG, "modules.dep names a strange path for '%s'", name);
    if (list_has(l, path))
        return 0; /* a circle that closed on itself */
    l->path = mem_grow(l->path, l->n + 1, sizeof(*l->path));
    l->path[l->n++] = str_ndup(path.p, path.len);
    return 0;
}

int modules_order(const char *dep, const char *builtin, const char *const *names,
        struct module_list *ret, struct err *e)
{
    struct module_list l = {0};
    for (; *names; names++) {
        if (order_add(dep, builtin, *names, 0, &l, e) < 0) {
            modules_release(&l);
            return -1;
        }
    }
    *ret = l;
    return 0;
}

int modules_resolve(const char *dir, const char *const *names, struct module_list *ret,
        struct err *e)
{
    autofree char *dep = NULL;
    autofree char *builtin = NULL;
    autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", dir);
    if (fd_read_file(fd, "modules.dep", TABLE_MAX, &dep, NULL, e) < 0)
        return err_add(e, "'%s' (run depmod)", dir);
    struct err missing;
    if (fd_read_file(fd, "modules.builtin", TABLE_MAX, &builtin, NULL, &missing) < 0)
        builtin = str_dup(""); /* then what is built in is not known, and is refused by name */
    if (modules_order(dep, builtin, names, ret, e) < 0)
        return err_add(e, "'%s'", dir);
    return 0;
}

void modules_release(struct module_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->path[i]);
    mem_free(l->path);
    *l = (struct module_list){0};
}

char *modules_plain_name(const char *path)
{
    struct slice s = module_name((struct slice){.p = path, .len = strlen(path)});
    return str_fmt("%.*s.ko", (int)s.len, s.p);
}
