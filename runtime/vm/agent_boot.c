// SPDX-License-Identifier: Apache-2.0
/*
 * See agent.h: from the kernel's "run /init" to an open channel.
 *
 * Two traps of an initramfs. Its root is the kernel's first mount, which has no parent, so no
 * container below it can pivot_root; the agent therefore lives on a bind mount of it, moved over
 * "/". And without a device node in the archive the kernel starts /init with no descriptors at all:
 * 0, 1 and 2 are opened first, or the first socket becomes somebody's stdout.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "hv/hv.h"
#include "runtime/vm/agent.h"
#include "runtime/vm/guest_config.h"

#define PORTS "/sys/class/virtio-ports"
#define PORT_WAIT_MS 10000
#define PORT_STEP_MS 5

static const struct {
    const char *type;
    const char *where;
    unsigned long flags;
    const char *data;
    bool is_optional;
} mounts[] = {
        {"proc",       "/proc",                MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL,            false},
        {"sysfs",      "/sys",                 MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL,            false},
        {"devtmpfs",   "/dev",                 MS_NOSUID | MS_NOEXEC,            "mode=0755",     false},
        {"devpts",     "/dev/pts",             MS_NOSUID | MS_NOEXEC,            "ptmxmode=0666", false},
        {"tmpfs",      "/dev/shm",             MS_NOSUID | MS_NODEV,             "mode=1777",     false},
        {"tmpfs",      "/run",                 MS_NOSUID | MS_NODEV,             "mode=0755",     false},
        {"tmpfs",      "/tmp",                 MS_NOSUID | MS_NODEV,             "mode=1777",     false},
        {"cgroup2",    "/sys/fs/cgroup",       MS_NOSUID | MS_NOEXEC | MS_NODEV, "nsdelegate",    false},
        {"securityfs", "/sys/kernel/security", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL,            true },
};

static int root_move(struct err *e)
{
    if (mkdir("/newroot", 0755) < 0 && errno != EEXIST)
        return err_sys(e, "create '/newroot'");
    if (mount("/", "/newroot", NULL, MS_BIND, NULL) < 0)
        return err_sys(e, "bind the initramfs");
    if (chdir("/newroot") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
            chdir("/") < 0)
        return err_sys(e, "move the initramfs");
    return 0;
}

static int mounts_make(struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
        (void)mkdir(mounts[i].where, 0755); /* there already, or the mount says what is wrong */
        if (mount(mounts[i].type, mounts[i].where, mounts[i].type, mounts[i].flags,
                    mounts[i].data) < 0 &&
                !mounts[i].is_optional)
            return err_sys(e, "mount %s on '%s'", mounts[i].type, mounts[i].where);
    }
    return 0;
}

static void stdio_open(void)
{
    if (fcntl(2, F_GETFD) >= 0)
        return;
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 2)
        fd = dup(fd);
}

static int module_load(const char *name, struct err *e)
{
    autofree char *path = name[0] == '/' ? str_dup(name) : str_fmt("/modules/%s", name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open '%s'", path);
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
        return err_sys(e, "load module '%s'", path);
    return 0;
}

static int modules_load(struct err *e)
{
    autofree char *text = NULL;
    if (fd_read_file(AT_FDCWD, "/modules/order", 65536, &text, NULL, e) < 0)
        return e->sys == ENOENT ? 0 : -1;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (*line && module_load(line, e) < 0)
            return -1;
    return 0;
}

static void lo_up(void)
{
    struct ifreq ifr = {0};
    autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(ifr.ifr_name, "lo", 3);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0) {
        log_warn("no lo: %s", strerrordesc_np(errno));
        return;
    }
    ifr.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
        log_warn("lo up: %s", strerrordesc_np(errno));
}

/* The device of the port that is called VM_CHANNEL_NAME, once the driver has made it. */
static char *port_find(void)
{
    autodir DIR *d = opendir(PORTS);
    if (!d)
        return NULL;
    for (struct dirent *de = readdir(d); de; de = readdir(d)) {
        autofree char *path = str_fmt(PORTS "/%s/name", de->d_name);
        autofree char *name = NULL;
        struct err ignored;
        if (de->d_name[0] == '.' || fd_read_file(AT_FDCWD, path, 256, &name, NULL, &ignored) < 0)
            continue;
        name[strcspn(name, "\n")] = '\0';
        if (strcmp(name, VM_CHANNEL_NAME) == 0)
            return str_fmt("/dev/%s", de->d_name);
    }
    return NULL;
}

static int port_open(struct err *e)
{
    const struct timespec step = {.tv_nsec = PORT_STEP_MS * 1000000L};
    for (int waited = 0; waited < PORT_WAIT_MS; waited += PORT_STEP_MS) {
        autofree char *path = port_find();
        int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK) : -1;
        if (fd >= 0)
            return fd;
        if (path && errno != ENOENT && errno != ENXIO && errno != EBUSY)
            return err_sys(e, "open '%s'", path);
        (void)nanosleep(&step, NULL);
    }
    return err_set(e, ERR_SYSTEM, "no virtio port is called '%s'", VM_CHANNEL_NAME);
}

int agent_boot(int *ret_channel, struct err *e)
{
    if (root_move(e) < 0 || mounts_make(e) < 0)
        return -1;
    stdio_open();
    if (modules_load(e) < 0)
        return -1;
    lo_up();
    *ret_channel = port_open(e);
    return *ret_channel < 0 ? -1 : 0;
}

int agent_mount_root(struct err *e)
{
    if (fd_mkdir_all(GUEST_ROOT, 0755, e) < 0)
        return -1;
    struct stat here, up;
    if (stat(GUEST_ROOT, &here) == 0 && stat(GUEST_ROOT "/..", &up) == 0 &&
            here.st_dev != up.st_dev)
        return 0;
    if (mount(VM_SHARE_TAG, GUEST_ROOT, "virtiofs", 0, NULL) < 0)
        return err_sys(e, "mount virtiofs '%s'", VM_SHARE_TAG);
    return 0;
}

void agent_power_off(void)
{
    sync();
    (void)reboot(RB_POWER_OFF);
    for (;;) /* PID 1 must not end: that is a panic */
        (void)pause();
}
