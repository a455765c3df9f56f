// SPDX-License-Identifier: Apache-2.0
/*
 * Finding a guest kernel and making it ready: the stock kernel of the distribution is the rule, so
 * what is on disk is a bzImage. Its payload, an ELF vmlinux with the PVH note, boots several seconds
 * faster under emulation than the bzImage (the guest need not unpack itself) and is what a small
 * VMM can load. It is unpacked once per kernel file and kept. What cannot be unpacked (a format or
 * a configuration we do not know) boots as the bzImage it is.
 *
 * The modules of a kernel that lies outside /boot are looked for beside it first, so that an
 * unpacked package is complete without being installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "hv/boot/bzimage.h"
#include "hv/boot/cache.h"
#include "hv/boot/helper.h"
#include "hv/boot/version.h"
#include "hv/hv.h"

#define BZIMAGE_MAX (256u << 20)
/* The cache's directory is ours alone; a file in it is bound into the jail of a VMM that runs as
 * some other user, and must be readable there. */
#define BOOT_MODE 0644

static int image_read(const char *path, struct bzimage *ret, struct stat *ret_st, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int sys = errno;
        (void)err_sys(e, "open kernel '%s'", path);
        e->kind = sys == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
        return -1;
    }
    if (fstat(fd, ret_st) < 0)
        return err_sys(e, "stat '%s'", path);
    if (!S_ISREG(ret_st->st_mode))
        return err_set(e, ERR_CONFIG, "kernel '%s' is not a file", path);
    autofree char *head = mem_new(BZIMAGE_HEAD, 1);
    ssize_t n = pread(fd, head, BZIMAGE_HEAD, 0);
    if (n < 0)
        return err_sys(e, "read '%s'", path);
    if (bzimage_parse(head, (size_t)n, (uint64_t)ret_st->st_size, ret, e) < 0)
        return err_add(e, "kernel '%s'", path);
    return 0;
}

static int elf_check(const char *path, struct err *e)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "open '%s'", path);
    if (st.st_size <= 0)
        return err_set(e, ERR_CONFIG, "'%s' is empty", path);
    size_t len = (size_t)st.st_size;
    void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, "map '%s'", path);
    bool has_pvh = false;
    int rc = bzimage_elf_pvh(p, len, &has_pvh, e);
    (void)munmap(p, len); /* cannot fail with what mmap gave */
    if (rc == 0 && !has_pvh)
        rc = err_set(e, ERR_UNSUPPORTED, "kernel without a PVH entry (CONFIG_PVH)");
    return rc;
}

struct unpack_job {
    const char *vmlinuz;
    const struct bzimage *image;
};

static int vmlinux_make(void *arg, const char *path, struct err *e)
{
    struct unpack_job *job = arg;
    if (helper_unpack_kernel(job->vmlinuz, path, job->image->payload_offset,
                job->image->payload_length, e) < 0)
        return -1;
    if (chmod(path, BOOT_MODE) < 0)
        return err_sys(e, "chmod '%s'", path);
    return elf_check(path, e);
}

/* A bzImage that only root may read (Ubuntu's) is of no use to a VMM that is not root. */
static int bzimage_copy(void *arg, const char *path, struct err *e)
{
    const char *from = arg;
    autofree char *data = NULL;
    size_t len = 0;
    if (fd_read_file(AT_FDCWD, from, BZIMAGE_MAX, &data, &len, e) < 0)
        return -1;
    return fd_write_atomic(AT_FDCWD, path, data, len, BOOT_MODE, e);
}

/* *ret is the vmlinux in the cache, or the bzImage itself where that cannot be had. */
static int vmlinux_get(const char *vmlinuz, const struct bzimage *image, const struct stat *st,
        const char *cache, char **ret, struct err *e)
{
    struct unpack_job job = {.vmlinuz = vmlinuz, .image = image};
    struct err why = {0};
    if (image->payload_length == 0) {
        (void)err_set(&why, ERR_UNSUPPORTED, "boot protocol older than 2.08");
    } else {
        autofree char *sort = str_fmt("vmlinux-%s", image->release);
        uint64_t key = cache_key_file(CACHE_KEY_START, st);
        if (cache_get(cache, sort, key, vmlinux_make, &job, ret, &why) == 0)
            return 0;
        if (why.kind != ERR_UNSUPPORTED && why.kind != ERR_CONFIG && why.kind != ERR_NOT_FOUND) {
            *e = why; /* a full disk is no reason to boot slowly for ever */
            return err_add(e, "unpack kernel '%s'", vmlinuz);
        }
    }
    log_warn("kernel '%s' boots as it is, slower: %s", vmlinuz, why.text);
    autofree char *sort = str_fmt("bzimage-%s", image->release);
    autofree char *from = str_dup(vmlinuz);
    return cache_get(cache, sort, cache_key_file(CACHE_KEY_START, st), bzimage_copy, from, ret, e);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int modules_find(const char *vmlinuz, const char *release, char **ret, struct err *e)
{
    autofree char *real = realpath(vmlinuz, NULL);
    if (!real)
        return err_sys(e, "resolve '%s'", vmlinuz);
    *strrchr(real, '/') = '\0';
    bool is_in_boot = strcmp(real, "/boot") == 0;
    static const char *const places[] = {"lib/modules", "usr/lib/modules"};
    for (size_t i = 0; i < ARRAY_LEN(places) && !is_in_boot; i++) {
        autofree char *path = str_fmt("%s/../%s/%s", real, places[i], release);
        if (is_dir(path)) {
            *ret = steal_ptr(path);
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        autofree char *path = str_fmt("/%s/%s", places[i], release);
        if (is_dir(path)) {
            *ret = steal_ptr(path);
            return 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND,
            "no '/lib/modules/%s' for kernel '%s': apt install linux-image-%s", release, vmlinuz,
            release);
}

static int look(const char *path, struct vm_kernel *k, struct bzimage *image, struct stat *st,
        struct err *e)
{
    if (path)
        k->vmlinuz = str_dup(path);
    else if (version_newest("/boot", "vmlinuz-", &k->vmlinuz, e) < 0)
        return err_add(e, "no guest kernel (apt install linux-image-cloud-amd64)");
    if (image_read(k->vmlinuz, image, st, e) < 0)
        return -1;
    k->release = str_dup(image->release);
    return modules_find(k->vmlinuz, k->release, &k->modules, e);
}

int vm_kernel_look(const char *path, struct vm_kernel *ret, struct err *e)
{
    struct vm_kernel k = {0};
    struct bzimage image = {0};
    struct stat st;
    if (look(path, &k, &image, &st, e) < 0) {
        vm_kernel_release(&k);
        return -1;
    }
    *ret = k;
    return 0;
}

int vm_kernel_find(const char *path, const char *cache, struct vm_kernel *ret, struct err *e)
{
    struct vm_kernel k = {0};
    struct bzimage image = {0};
    struct stat st;
    if (look(path, &k, &image, &st, e) < 0 ||
            vmlinux_get(k.vmlinuz, &image, &st, cache, &k.vmlinux, e) < 0) {
        vm_kernel_release(&k);
        return -1;
    }
    *ret = k;
    return 0;
}

void vm_kernel_release(struct vm_kernel *k)
{
    mem_free(k->vmlinuz);
    mem_free(k->release);
    mem_free(k->modules);
    mem_free(k->vmlinux);
    *k = (struct vm_kernel){0};
}
