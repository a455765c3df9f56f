// SPDX-License-Identifier: Apache-2.0
/*
 * CHILD steps that build the container's file tree: namespaces joined, root, mounts, masked paths,
 * pivot. Mounts are made detached and then attached to an fd below the root (target.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/launch.h"
#include "runtime/sync.h"
#include "runtime/target.h"

#define PROC_MAGIC 0x9fa0

/* Until the id maps are written we are nobody in a new user namespace. */
static int become_root(struct birth *b, struct err *e)
{
    struct stage_msg m;
    if (b->clone_flags & CLONE_NEWUSER) {
        if (sync_receive(b->sync[1], &m, NULL, e) < 0)
            return -1;
        if (m.type != STAGE_MSG_GO)
            return err_set(e, ERR_SYSTEM, "the id maps did not come");
    }
    if (b->has_user_ns &&
            (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0))
        return err_sys(e, "become root of the user namespace (is container id 0 mapped?)");
    return 0;
}

/* Runs in the child, and before that in the middle process where one is needed. */
int step_child_join(struct birth *b, struct err *e)
{
    static const enum spec_ns_type order[] = {SPEC_NS_USER, SPEC_NS_PID, SPEC_NS_NETWORK,
            SPEC_NS_IPC, SPEC_NS_UTS, SPEC_NS_CGROUP};
    bool is_middle = b->sync[0] >= 0;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        int *fd = &b->join_fds[order[i]];
        if (*fd >= 0 && setns(*fd, spec_ns_clone_flag(order[i])) < 0)
            return err_sys(e, "join the namespace '%s'", spec_namespace(&b->spec, order[i])->path);
        own_close(fd);
        *fd = -1;
    }
    if (is_middle)
        return 0;
    if (become_root(b, e) < 0)
        return -1;
    if (b->late_flags && unshare((int)b->late_flags) < 0)
        return err_sys(e, "make a cgroup namespace");
    return 0;
}

int step_child_network(struct birth *b, struct err *e)
{
    struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (!(b->clone_flags & CLONE_NEWNET))
        return 0;
    autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req) < 0)
        return err_sys(e, "bring lo up");
    return 0;
}

/* The host's /dev/null covers masked files; the container's may be anything (CVE-2025-31133). */
static int open_null(struct birth *b, struct err *e)
{
    struct stat st;
    b->null_fd = open("/dev/null", O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (b->null_fd < 0 || fstat(b->null_fd, &st) < 0)
        return err_sys(e, "open '/dev/null'");
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return err_set(e, ERR_SYSTEM, "'/dev/null' of the host is not the null device");
    return 0;
}

int step_child_root(struct birth *b, struct err *e)
{
    const char *name = b->spec.linux_.rootfs_propagation;
    unsigned long wanted = name ? mount_propagation(name) : 0;
    unsigned long flags = wanted & MS_PRIVATE ? MS_PRIVATE | MS_REC : MS_SLAVE | MS_REC;
    if (mount(NULL, "/", NULL, flags, NULL) < 0)
        return err_sys(e, "cut mount propagation to the host");
    if (b->spec.linux_.n_masked_paths && open_null(b, e) < 0)
        return -1;
    autoclose int tree = target_clone(AT_FDCWD, b->rootfs, true, e);
    if (tree < 0)
        return err_add(e, "/root/path");
    if (syscall(SYS_move_mount, tree, "", AT_FDCWD, b->rootfs, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "/root/path: mount '%s'", b->rootfs);
    b->root_fd = steal_fd(tree);
    return 0;
}

static int fs_option(int fs, const char *option, struct err *e)
{
    const char *eq = strchr(option, '=');
    autofree char *key = eq ? str_ndup(option, (size_t)(eq - option)) : str_dup(option);
    long rc = eq ? syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, eq + 1, 0)
                 : syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0);
    if (rc < 0)
        return err_sys(e, "option '%s'", option);
    return 0;
}

/* A new file system, detached (fsopen(2), Linux 5.2). */
static int fs_mount(const char *type, const char *source, const char *const *opts, size_t n,
        uint64_t attrs, struct err *e)
{
    autoclose int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return err_sys(e, "file system '%s'", type);
    if (source && *source)
        (void)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", source,
                0); /* a label mostly */
    for (size_t i = 0; i < n; i++)
        if (fs_option(fs, opts[i], e) < 0)
            return -1;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys(e, "make a '%s' file system", type);
    int mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
    return mnt < 0 ? err_sys(e, "mount a '%s' file system", type) : mnt;
}

static bool is_cgroup_type(const char *type)
{
    return strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0;
}

/* Without a cgroup namespace the host's tree must not be shown, let alone its mount options changed
 * (a new cgroup2 mount would set them for the host): the container's own directory is bound. */
static int cgroup_mount(const struct birth *b, const struct birth_mount *m, struct err *e)
{
    if (spec_namespace(&b->spec, SPEC_NS_CGROUP))
        return fs_mount("cgroup2", "cgroup", NULL, 0, m->opts.set, e);
    if (b->cgroup.dirfd < 0)
        return err_set(e, ERR_CONFIG, "a cgroup mount needs a cgroup namespace or a cgroup");
    struct cg_host host;
    if (cg_host_probe(&host, e) < 0)
        return -1;
    autofree char *path = str_fmt("%s%s", host.mount, b->cgroup_path);
    cg_host_release(&host);
    autoclose int fd = target_clone(AT_FDCWD, path, true, e);
    if (fd < 0 || target_setattr(fd, true, m->opts.set, m->opts.clear, 0, e) < 0)
        return -1;
    return steal_fd(fd);
}

static int new_mount(const struct birth *b, const struct birth_mount *m, struct err *e)
{
    if (is_cgroup_type(m->spec->type))
        return cgroup_mount(b, m, e);
    int fd = fs_mount(m->spec->type, m->spec->source, m->opts.sb, m->opts.n_sb,
            m->opts.set | m->opts.rec_set, e);
    /* sysfs belongs to a network namespace; where that is not ours, the host's is bound, as runc does */
    if (fd < 0 && e->sys == EPERM && strcmp(m->spec->type, "sysfs") == 0) {
        fd = target_clone(AT_FDCWD, "/sys", true, e);
        if (fd >= 0 && target_setattr(fd, true, m->opts.set, m->opts.clear, 0, e) < 0) {
            own_close(&fd);
            return -1;
        }
    }
    return fd;
}

static int target_of(const struct birth *b, const struct birth_mount *m, struct err *e)
{
    bool is_plain =
            !m->opts.is_bind && (strcmp(m->dest, "/proc") == 0 || strcmp(m->dest, "/sys") == 0);
    if (is_plain) /* CVE-2023-27561, CVE-2023-28642 */
        return target_open_plain_dir(b->root_fd, m->dest, e);
    bool is_dir = !m->opts.is_bind || m->source_is_dir;
    autoclose int fd = target_open(b->root_fd, m->dest, is_dir ? TARGET_DIR : TARGET_FILE, e);
    struct statfs fs;
    if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_MAGIC &&
            strcmp(m->dest, "/proc") != 0 && strncmp(m->dest, "/proc/", 6) != 0)
        return err_set(e, ERR_CONFIG, "'%s' leads into /proc", m->dest);
    return steal_fd(fd);
}

/* MS_REMOUNT in OCI's sense: new attributes for what is mounted there. */
static int remount(const struct birth *b, const struct birth_mount *m, struct err *e)
{
    bool is_missing = false;
    autoclose int fd = target_find(b->root_fd, m->dest, &is_missing, e);
    if (fd < 0)
        return is_missing ? err_set(e, ERR_CONFIG, "remount: '%s' is not there", m->dest) : -1;
    return target_setattr(fd, false, m->opts.set, m->opts.clear, 0, e);
}

static int mount_one(const struct birth *b, const struct birth_mount *m, struct err *e)
{
    if (m->opts.is_remount)
        return remount(b, m, e);
    autoclose int made = m->opts.is_bind ? -1 : new_mount(b, m, e);
    int fd = m->opts.is_bind ? m->source_fd : made;
    if (fd < 0)
        return -1;
    autoclose int target = target_of(b, m, e);
    if (target < 0 || target_attach(fd, target, m->dest, e) < 0)
        return -1;
    if (!m->opts.is_bind && m->opts.propagation)
        return target_setattr(fd, m->opts.is_propagation_rec, 0, 0, m->opts.propagation, e);
    return 0;
}

int step_child_mounts(struct birth *b, struct err *e)
{
    for (size_t i = 0; i < b->n_mounts; i++)
        if (mount_one(b, &b->mounts[i], e) < 0)
            return err_add(e, "/mounts/%zu (%s)", i, b->mounts[i].dest);
    return 0;
}

/* All masked directories show one and the same empty read-only tmpfs. */
static int mask_dir(int target, const char *path, int *empty_fd, struct err *e)
{
    static const char *const opts[] = {"size=4k", "nr_inodes=2", "mode=0555"};
    if (*empty_fd < 0) {
        *empty_fd = fs_mount("tmpfs", "masked", opts, ARRAY_LEN(opts),
                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
        return *empty_fd < 0 ? -1 : target_attach(*empty_fd, target, path, e);
    }
    autoclose int copy = target_clone(*empty_fd, "", false, e);
    return copy < 0 ? -1 : target_attach(copy, target, path, e);
}

static int mask(const struct birth *b, const char *path, int *empty_fd, struct err *e)
{
    struct stat st;
    bool is_missing;
    autoclose int target = target_find(b->root_fd, path, &is_missing, e);
    if (target < 0)
        return is_missing ? 0 : -1;
    if (fstat(target, &st) < 0)
        return err_sys(e, "stat '%s'", path);
    if (S_ISDIR(st.st_mode))
        return mask_dir(target, path, empty_fd, e);
    autoclose int null = target_clone(b->null_fd, "", false, e);
    if (null < 0 || target_setattr(null, false, MOUNT_ATTR_RDONLY, 0, 0, e) < 0)
        return -1;
    return target_attach(null, target, path, e);
}

static int make_readonly(const struct birth *b, const char *path, struct err *e)
{
    bool is_missing;
    autoclose int target = target_find(b->root_fd, path, &is_missing, e);
    if (target < 0)
        return is_missing ? 0 : -1;
    autoclose int copy = target_clone(target, "", true, e);
    if (copy < 0 || target_setattr(copy, true, MOUNT_ATTR_RDONLY, 0, 0, e) < 0)
        return -1;
    return target_attach(copy, target, path, e);
}

int step_child_paths(struct birth *b, struct err *e)
{
    const struct spec_linux *l = &b->spec.linux_;
    autoclose int empty_fd = -1;
    for (size_t i = 0; i < l->n_readonly_paths; i++)
        if (make_readonly(b, l->readonly_paths[i], e) < 0)
            return err_add(e, "/linux/readonlyPaths/%zu", i);
    for (size_t i = 0; i < l->n_masked_paths; i++)
        if (mask(b, l->masked_paths[i], &empty_fd, e) < 0)
            return err_add(e, "/linux/maskedPaths/%zu", i);
    b->home = launch_home(b->root_fd, &b->spec.process); /* while the host's /proc is there */
    autoclose int cwd = target_open(b->root_fd, b->spec.process.cwd, TARGET_DIR, e);
    if (cwd < 0)
        return err_add(e, "/process/cwd");
    if (b->spec.root.readonly.v &&
            target_setattr(b->root_fd, false, MOUNT_ATTR_RDONLY, 0, 0, e) < 0)
        return err_add(e, "/root/readonly");
    return 0;
}

/* chroot instead, for a root on initramfs: what the caller asked for with --no-pivot. */
static int switch_without_pivot(int rootfd, struct err *e)
{
    if (syscall(SYS_move_mount, rootfd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "move the root mount to '/'");
    if (fchdir(rootfd) < 0 || chroot(".") < 0)
        return err_sys(e, "chroot");
    return 0;
}

int step_child_pivot(struct birth *b, struct err *e)
{
    const char *name = b->spec.linux_.rootfs_propagation;
    unsigned long wanted = name ? mount_propagation(name) : 0;
    if (b->req->no_pivot) {
        if (switch_without_pivot(b->root_fd, e) < 0)
            return -1;
    } else {
        if (fchdir(b->root_fd) < 0)
            return err_sys(e, "enter the root");
        if (syscall(SYS_pivot_root, ".", ".") < 0) /* pivot_root(2): the old root lies on top */
            return err_sys(e, "pivot_root to '%s'", b->rootfs);
        if (umount2(".", MNT_DETACH) < 0)
            return err_sys(e, "leave the old root");
    }
    if (chdir("/") < 0)
        return err_sys(e, "enter the root");
    if (wanted && mount(NULL, "/", NULL, wanted, NULL) < 0)
        return err_sys(e, "/linux/rootfsPropagation: '%s'", name);
    return 0;
}

int step_child_names(struct birth *b, struct err *e)
{
    const char *host = b->spec.hostname;
    const char *domain = b->spec.domainname;
    if (host && *host && sethostname(host, strlen(host)) < 0)
        return err_sys(e, "/hostname: '%s'", host);
    if (domain && *domain && setdomainname(domain, strlen(domain)) < 0)
        return err_sys(e, "/domainname: '%s'", domain);
    return 0;
}

/* A procfs of our own cannot be mounted over (CVE-2025-52881); in a user namespace the kernel may
 * refuse one, then the container's is used, never crossing a mount. */
int step_child_sysctl(struct birth *b, struct err *e)
{
    const struct json_map *map = &b->spec.linux_.sysctl;
    if (!map->n)
        return 0;
    autoclose int proc = fs_mount("proc", "proc", NULL, 0, 0, e);
    if (proc < 0)
        proc = target_open_plain_dir(b->root_fd, "/proc", e);
    struct statfs fs;
    if (proc < 0 || fstatfs(proc, &fs) < 0 || fs.f_type != PROC_MAGIC)
        return err_set(e, ERR_CONFIG, "/linux/sysctl: needs a procfs on /proc");
    for (size_t i = 0; i < map->n; i++) {
        struct open_how how = {.flags = O_WRONLY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
        autofree char *below = spec_sysctl_path(map->pairs[i].key);
        autofree char *path = str_fmt("sys/%s", below);
        autoclose int fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof(how));
        const char *value = map->pairs[i].value;
        if (fd < 0 || write(fd, value, strlen(value)) < 0)
            return err_sys(e, "/linux/sysctl/%s: write '%s'", map->pairs[i].key, value);
    }
    return 0;
}
