// SPDX-License-Identifier: Apache-2.0
/*
 * The initramfs of a guest: one program as /init and the modules it loads, in order, with plain
 * finit_module: no kmod, no udev, no shell in the guest. Modules are stored unpacked, since not
 * every kernel unpacks them itself (CONFIG_MODULE_DECOMPRESS). The archive is not compressed:
 * reading it is cheaper than unpacking it in the guest, and it is kept between starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "hv/boot/cache.h"
#include "hv/boot/cpio.h"
#include "hv/boot/helper.h"
#include "hv/boot/modules.h"
#include "hv/hv.h"

#define INIT_MAX (64u << 20)
#define MODULE_MAX (128u << 20)

struct job {
    const struct vm_kernel *kernel;
    const char *init_path;
    struct module_list list;
};

static bool is_packed(const char *path)
{
    size_t n = strlen(path);
    return n < 3 || strcmp(path + n - 3, ".ko") != 0;
}

/* `scratch` is a free name in the cache for the unpacked bytes. */
static int module_read(const char *path, const char *scratch, char **ret, size_t *ret_len,
        struct err *e)
{
    if (!is_packed(path))
        return fd_read_file(AT_FDCWD, path, MODULE_MAX, ret, ret_len, e);
    if (unlink(scratch) < 0 && errno != ENOENT)
        return err_sys(e, "remove '%s'", scratch);
    int rc = helper_unpack_module(path, scratch, e);
    if (rc == 0)
        rc = fd_read_file(AT_FDCWD, scratch, MODULE_MAX, ret, ret_len, e);
    (void)unlink(scratch); /* not there when unpacking failed early */
    return rc;
}

static int modules_add(struct cpio *c, const struct job *job, const char *scratch, struct err *e)
{
    autofree char *order = str_dup("");
    cpio_dir(c, "modules", 0755);
    for (size_t i = 0; i < job->list.n; i++) {
        autofree char *path = str_fmt("%s/%s", job->kernel->modules, job->list.path[i]);
        autofree char *name = modules_plain_name(job->list.path[i]);
        autofree char *to = str_fmt("modules/%s", name);
        autofree char *data = NULL;
        size_t len = 0;
        if (module_read(path, scratch, &data, &len, e) < 0)
            return -1;
        cpio_file(c, to, 0644, data, len);
        char *longer = str_fmt("%s%s\n", order, name);
        mem_free(order);
        order = longer;
    }
    cpio_file(c, "modules/order", 0644, order, strlen(order));
    return 0;
}

static int archive_fill(struct cpio *c, const struct job *job, const char *scratch, struct err *e)
{
    autofree char *init = NULL;
    size_t len = 0;
    if (fd_read_file(AT_FDCWD, job->init_path, INIT_MAX, &init, &len, e) < 0)
        return err_add(e, "init of the guest");
    static const char *const dirs[] = {"dev", "proc", "sys", "run", "root", "tmp"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        cpio_dir(c, dirs[i], 0755);
    cpio_char_device(c, "dev/console", 0600, 5, 1);
    cpio_char_device(c, "dev/null", 0666, 1, 3);
    cpio_file(c, "init", 0755, init, len);
    if (modules_add(c, job, scratch, e) < 0)
        return -1;
    cpio_end(c);
    return 0;
}

static int archive_make(void *arg, const char *path, struct err *e)
{
    struct cpio c = {0};
    autofree char *scratch = str_fmt("%s.module", path);
    int rc = archive_fill(&c, arg, scratch, e);
    if (rc == 0)
        rc = fd_write_atomic(AT_FDCWD, path, c.buf, c.len, 0644, e);
    cpio_release(&c);
    return rc;
}

/* Which init, which kernel's modules (modules.dep stands for them all), which of them. */
static int archive_key(const struct job *job, uint64_t *ret, struct err *e)
{
    struct stat st;
    uint64_t key = cache_key_str(CACHE_KEY_START, "islet initramfs 1");
    if (stat(job->init_path, &st) < 0)
        return err_sys(e, "init of the guest: stat '%s'", job->init_path);
    key = cache_key_file(key, &st);
    autofree char *dep = str_fmt("%s/modules.dep", job->kernel->modules);
    if (stat(dep, &st) < 0)
        return err_sys(e, "stat '%s'", dep);
    key = cache_key_file(key, &st);
    for (size_t i = 0; i < job->list.n; i++)
        key = cache_key_str(key, job->list.path[i]);
    *ret = key;
    return 0;
}

int vm_initramfs(const struct vm_kernel *k, const char *init_path, const char *const *modules,
        const char *cache, char **ret_path, struct err *e)
{
    struct job job = {.kernel = k, .init_path = init_path};
    uint64_t key = 0;
    autofree char *sort = str_fmt("initramfs-%s", k->release);
    if (modules_resolve(k->modules, modules, &job.list, e) < 0)
        return err_add(e, "initramfs");
    int rc = archive_key(&job, &key, e);
    if (rc == 0)
        rc = cache_get(cache, sort, key, archive_make, &job, ret_path, e);
    modules_release(&job.list);
    return rc < 0 ? err_add(e, "initramfs") : 0;
}
