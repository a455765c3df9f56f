// SPDX-License-Identifier: Apache-2.0
/*
 * /init of the guest in vm_test.c: loads the modules, writes "hello" to the port, leaves files of
 * many kinds on the shared directory, and ends the way the kernel command line says
 * (islet.test=poweroff, reboot, panic, hang). Each phase goes to the port with its uptime.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static char phases[2048];

static void phase(const char *what)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    size_t n = strlen(phases);
    snprintf(phases + n, sizeof(phases) - n, "phase %s %ld.%03ld\n", what, (long)t.tv_sec,
            t.tv_nsec / 1000000);
}

static void load_modules(void)
{
    FILE *f = fopen("/modules/order", "re");
    char line[128];
    while (f && fgets(line, sizeof(line), f)) {
        char path[256];
        line[strcspn(line, "\n")] = '\0';
        snprintf(path, sizeof(path), "/modules/%s", line);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
            printf("<0>module %s: %m\n", line);
        close(fd);
    }
    if (f)
        fclose(f);
}

/* There is no udev: the name of a port is in sysfs. */
static int port_open(void)
{
    for (int tries = 0; tries < 500; tries++) {
        DIR *d = opendir("/sys/class/virtio-ports");
        struct dirent *entry;
        while (d && (entry = readdir(d))) {
            char path[300];
            char name[32] = "";
            snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd < 0)
                continue;
            (void)!read(fd, name, sizeof(name) - 1);
            close(fd);
            if (strncmp(name, "islet.0", 7) != 0)
                continue;
            snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
            fd = open(path, O_RDWR | O_CLOEXEC);
            if (fd >= 0) {
                closedir(d);
                return fd;
            }
        }
        if (d)
            closedir(d);
        usleep(2000);
    }
    return -1;
}

static void check(int port, const char *what, int rc)
{
    if (rc < 0)
        dprintf(port, "fail %s: %s\n", what, strerror(errno));
    else
        dprintf(port, "ok %s\n", what);
}

static void make_files(int port)
{
    int fd = open("/root/made", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    check(port, "create", fd);
    check(port, "write", (int)write(fd, "from the guest\n", 15));
    check(port, "chmod", fchmod(fd, 04751));
    check(port, "chown", chown("/root/made", 1234, 100000));
    check(port, "chmod2", fchmod(fd, 04751));
    check(port, "fsync", fsync(fd));
    check(port, "xattr", fsetxattr(fd, "user.islet", "x", 1, 0));
    static const unsigned char cap[] = {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    check(port, "root", close(open("/root/rootfile", O_CREAT | O_WRONLY | O_CLOEXEC, 0640)));
    check(port, "filecap", setxattr("/root/rootfile", "security.capability", cap, sizeof(cap), 0));
    check(port, "mkdir", mkdir("/root/dir", 01777));
    check(port, "chmod3", chmod("/root/dir", 01777));
    check(port, "symlink", symlink("/etc/shadow", "/root/dir/link"));
    check(port, "link", link("/root/made", "/root/dir/hard"));
    check(port, "fifo", mknod("/root/dir/fifo", S_IFIFO | 0644, 0));
    check(port, "node", mknod("/root/dir/null", S_IFCHR | 0666, makedev(1, 3)));
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/root/dir/sock"};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(port, "sock", bind(s, (struct sockaddr *)&a, sizeof(a)));
    struct stat st;
    check(port, "outside", stat("/root/../../../etc/hostname", &st) < 0 ? 0 : -1);
    check(port, "rename", rename("/root/dir/fifo", "/root/dir/fifo2"));
}

static void finish(const char *how)
{
    sync();
    if (strstr(how, "islet.test=panic"))
        exit(3); /* "Attempted to kill init!" */
    if (strstr(how, "islet.test=reboot"))
        reboot(RB_AUTOBOOT);
    while (strstr(how, "islet.test=hang"))
        pause();
    reboot(RB_POWER_OFF);
}

int main(void)
{
    char how[4096] = "";
    phase("init");
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    (void)!read(fd, how, sizeof(how) - 1);
    load_modules();
    phase("modules");
    int port = port_open();
    phase("port");
    dprintf(port, "hello\n");
    check(port, "mount", mount("root", "/root", "virtiofs", 0, NULL));
    phase("mount");
    if (strstr(how, "islet.files"))
        make_files(port);
    if (strstr(how, "islet.sub"))
        check(port, "sub", open("/root/sub/file", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    phase("files");
    dprintf(port, "%s", phases);
    close(port);
    finish(how);
}
