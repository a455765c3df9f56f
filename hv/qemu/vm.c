// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a VM under QEMU: two jailed processes, virtiofsd first (QEMU's connection to it is
 * made by us before either runs, so there is no socket to find or to guess), and one epoll fd that
 * wakes the caller for everything that vm_poll has to look at.
 *
 * The end: QEMU's SHUTDOWN event says poweroff, reset or panic; a reset after the kernel's panic
 * text on the console is a panic. A QEMU or virtiofsd that is gone without that event is a crash.
 * Whatever the end, the other process goes with it, at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "hv/hv.h"
#include "hv/qemu/argv.h"
#include "hv/qemu/console.h"
#include "hv/qemu/fs.h"
#include "hv/qemu/jail.h"
#include "hv/qemu/probe.h"
#include "hv/qemu/qmp.h"
#include "hv/qemu/tsc.h"

#define MEMORY_MIN (96ull << 20)
#define READ_CHUNK 16384
#define READ_ROUNDS 64 /* at most 1 MiB of one stream per vm_poll */

/* What virtiofsd needs to set up its sandbox, then to write files as any user. It drops the first
 * two itself. */
#define CAP(name) (1ull << CAP_##name)
#define FS_CAPS                                                                                    \
    (CAP(SYS_ADMIN) | CAP(SETPCAP) | CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |  \
            CAP(SETGID) | CAP(SETUID) | CAP(MKNOD) | CAP(SETFCAP))

struct engine {
    int qmp_fd;
    int console_fd;
    int stderr_fd;
    int epoll_fd;
    bool is_ended;
    enum vm_end end;
    struct qmp qmp;
    struct console console;
    char said[256]; /* the last line on standard error of either process */
    char why[400];
};

/* -- start ------------------------------------------------------------------------------------ */

/* The ends of all streams; the first of each pair is ours, the second the program's. */
struct wires {
    int qmp[2];
    int console[2];
    int errors[2];
    int fs_listen;
    int fs_connected;
};

static void wires_close(struct wires *w)
{
    int *all[] = {&w->qmp[0], &w->qmp[1], &w->console[0], &w->console[1], &w->errors[0],
            &w->errors[1], &w->fs_listen, &w->fs_connected};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        own_close(all[i]);
        *all[i] = -1;
    }
}

/* virtiofsd takes a listening socket only: bound in a directory of ours, connected, and unlinked
 * before anything else can run. The path goes through /proc since sun_path is short. */
static int fs_wire(const char *run_dir, struct wires *w, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    autoclose int dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "open '%s'", run_dir);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/fs.sock", dir);
    w->fs_listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    w->fs_connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (w->fs_listen < 0 || w->fs_connected < 0)
        return err_sys(e, "make a socket");
    if (unlinkat(dir, "fs.sock", 0) < 0 && errno != ENOENT)
        return err_sys(e, "remove '%s/fs.sock'", run_dir);
    if (bind(w->fs_listen, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(w->fs_listen, 1) < 0)
        return err_sys(e, "listen on '%s/fs.sock'", run_dir);
    int rc = connect(w->fs_connected, (struct sockaddr *)&a, sizeof(a));
    if (rc < 0)
        rc = err_sys(e, "connect to '%s/fs.sock'", run_dir);
    (void)unlinkat(dir, "fs.sock", 0); /* its work is done */
    return rc;
}

static int wires_open(const struct vm_config *c, struct wires *w, struct err *e)
{
    int type = SOCK_STREAM | SOCK_CLOEXEC;
    if (socketpair(AF_UNIX, type, 0, w->qmp) < 0 || socketpair(AF_UNIX, type, 0, w->console) < 0 ||
            socketpair(AF_UNIX, type, 0, w->errors) < 0)
        return err_sys(e, "make sockets");
    /* A program that says more than we read loses words, not time. */
    if (fcntl(w->errors[1], F_SETFL, O_NONBLOCK) < 0)
        return err_sys(e, "make a socket non-blocking");
    if (write(w->qmp[0], QMP_HELLO, sizeof(QMP_HELLO) - 1) < 0)
        return err_sys(e, "write to a socket");
    return c->share_fd < 0 ? 0 : fs_wire(c->run_dir, w, e);
}

static int fs_start(const struct vm_config *c, const struct wires *w, struct vm *v, struct err *e)
{
    struct fs_program program = {0};
    if (fs_find(&program, e) < 0)
        return -1;
    struct argv argv = {0};
    struct jail j = {
            .what = "virtiofsd",
            .mount_point = c->run_dir,
            .stderr_fd = w->errors[1],
            .cgroup_fd = c->cgroup_fd,
            .has_proc = true, /* to start; its sandbox leaves it behind */
            .caps = FS_CAPS,
            .nofile = 1u << 20,
    };
    jail_bind_libraries(&j);
    jail_bind_path(&j, program.path, program.path, JAIL_EXEC);
    jail_bind_fd(&j, c->share_fd, "/share",
            JAIL_RECURSIVE | (c->share_readonly ? 0 : JAIL_WRITABLE));
    fs_argv(&program, "/share", jail_add_fd(&j, w->fs_listen), &argv);
    j.argv = argv.v;
    int rc = jail_spawn(&j, &v->fs_pid, &v->fs_pidfd, e);
    argv_release(&argv);
    fs_program_release(&program);
    return rc;
}

static void qemu_binds(struct jail *j, const struct vm_config *c, const char *program)
{
    jail_bind_libraries(j);
    jail_bind_path(j, program, program, JAIL_EXEC);
    jail_bind_path(j, "/usr/share/qemu", "/usr/share/qemu", 0);
    jail_bind_path(j, "/usr/share/seabios", "/usr/share/seabios", JAIL_OPTIONAL);
    jail_bind_path(j, c->kernel->vmlinux, "/kernel", 0);
    jail_bind_path(j, c->initramfs, "/initramfs", 0);
}

static int qemu_start(const struct vm_config *c, const struct wires *w, struct vm *v, struct err *e)
{
    autofree char *program = NULL;
    if (probe_qemu(&program, e) < 0)
        return -1;
    struct stat kvm = {0};
    if (c->accel == VM_ACCEL_KVM && stat("/dev/kvm", &kvm) < 0)
        return err_sys(e, "stat '/dev/kvm'");
    struct jail j = {
            .what = "qemu",
            .mount_point = c->run_dir,
            .stderr_fd = w->errors[1],
            .cgroup_fd = c->cgroup_fd,
            .uid = c->uid_base,
            .kvm = kvm.st_rdev,
            .nofile = 256,
    };
    qemu_binds(&j, c, program);
    struct qemu_plan plan = {
            .program = program,
            .name = c->name,
            .kernel = "/kernel",
            .initramfs = "/initramfs",
            .cmdline_extra = c->cmdline_extra,
            .accel = c->accel,
            .vcpus = c->vcpus,
            .memory = c->memory,
            .tsc_khz = c->accel == VM_ACCEL_EMULATED ? tsc_khz() : 0,
            .qmp_fd = jail_add_fd(&j, w->qmp[1]),
            .console_fd = jail_add_fd(&j, w->console[1]),
            .channel_fd = jail_add_fd(&j, c->channel_fd),
            .fs_fd = w->fs_connected >= 0 ? jail_add_fd(&j, w->fs_connected) : -1,
    };
    struct argv argv = {0};
    if (qemu_argv(&plan, &argv, e) < 0)
        return -1;
    j.argv = argv.v;
    int rc = jail_spawn(&j, &v->vmm_pid, &v->vmm_pidfd, e);
    argv_release(&argv);
    return rc;
}

static int watch(const struct engine *en, int fd, struct err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= 0 && epoll_ctl(en->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        return err_sys(e, "watch a descriptor");
    return 0;
}

static int config_check(const struct vm_config *c, struct err *e)
{
    if (geteuid() != 0)
        return err_set(e, ERR_UNSUPPORTED, "a VM needs root on the host, to confine it");
    if (c->uid_base == 0)
        return err_set(e, ERR_INTERNAL, "qemu would run as root: no uid_base");
    if (c->memory < MEMORY_MIN)
        return err_set(e, ERR_CONFIG,
                "%llu bytes of memory are too few for a VM: at least %llu MiB",
                (unsigned long long)c->memory, MEMORY_MIN >> 20);
    if (c->vcpus == 0 || c->vcpus > 255)
        return err_set(e, ERR_CONFIG, "%u virtual CPUs: 1 to 255 are possible", c->vcpus);
    return 0;
}

static int start(const struct vm_config *c, struct wires *w, struct vm *v, struct err *e)
{
    struct engine *en = v->engine;
    if (config_check(c, e) < 0 || wires_open(c, w, e) < 0)
        return -1;
    en->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (en->epoll_fd < 0)
        return err_sys(e, "make an epoll descriptor");
    if (c->share_fd >= 0 && fs_start(c, w, v, e) < 0)
        return -1;
    if (qemu_start(c, w, v, e) < 0)
        return -1;
    en->qmp_fd = steal_fd(w->qmp[0]);
    en->console_fd = steal_fd(w->console[0]);
    en->stderr_fd = steal_fd(w->errors[0]);
    en->console.out_fd = fcntl(c->console_fd, F_DUPFD_CLOEXEC, 0);
    if (en->console.out_fd < 0)
        return err_sys(e, "duplicate the console's descriptor");
    int fds[] = {en->qmp_fd, en->console_fd, en->stderr_fd, v->vmm_pidfd, v->fs_pidfd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (watch(en, fds[i], e) < 0)
            return -1;
    v->events_fd = en->epoll_fd;
    return 0;
}

int vm_spawn(const struct vm_config *c, struct vm *ret, struct err *e)
{
    struct vm v = {.vmm_pidfd = -1, .fs_pidfd = -1, .events_fd = -1};
    struct wires w = {
            {-1, -1},
            {-1, -1},
            {-1, -1},
            -1, -1
    };
    struct engine *en = mem_new(1, sizeof(*en));
    en->qmp_fd = en->console_fd = en->stderr_fd = en->epoll_fd = en->console.out_fd = -1;
    v.engine = en;
    int rc = start(c, &w, &v, e);
    wires_close(&w);
    if (rc < 0) {
        vm_release(&v);
        return err_add(e, "start VM '%s'", c->name);
    }
    *ret = v;
    return 0;
}

/* -- watch ------------------------------------------------------------------------------------ */

/* Keeps the last whole line, for people: what cannot be printed becomes '?'. */
static void said_feed(struct engine *en, const char *p, size_t len)
{
    while (len && p[len - 1] == '\n')
        len--;
    const char *nl = memrchr(p, '\n', len);
    if (nl) {
        len -= (size_t)(nl + 1 - p);
        p = nl + 1;
    }
    if (len >= sizeof(en->said))
        len = sizeof(en->said) - 1;
    for (size_t i = 0; i < len; i++)
        en->said[i] = (unsigned char)p[i] >= 0x20 && p[i] != 0x7f ? p[i] : '?';
    if (len)
        en->said[len] = '\0';
}

/* Reads what is there and hands it on; a stream that has ended is closed. */
static void drain(struct engine *en, int *fd)
{
    char buf[READ_CHUNK];
    for (int round = 0; *fd >= 0 && round < READ_ROUNDS; round++) {
        ssize_t n = recv(*fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            own_close(fd); /* leaves the epoll set by itself */
            *fd = -1;
        } else if (fd == &en->qmp_fd) {
            qmp_feed(&en->qmp, buf, (size_t)n);
        } else if (fd == &en->console_fd) {
            console_feed(&en->console, buf, (size_t)n);
        } else {
            said_feed(en, buf, (size_t)n);
        }
    }
}

static void drain_all(struct engine *en)
{
    drain(en, &en->qmp_fd); /* first: what the console said before the event is there then */
    drain(en, &en->console_fd);
    drain(en, &en->stderr_fd);
}

static bool is_dead(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&p, 1, 0) > 0;
}

/* How a process ended, in words; it stays to be reaped. */
static void why_ended(struct engine *en, const char *what, int pidfd)
{
    siginfo_t info = {0};
    const char *colon = *en->said ? ": " : "";
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        (void)snprintf(en->why, sizeof(en->why), "%s is gone%s%s", what, colon, en->said);
    else if (info.si_code == CLD_EXITED)
        (void)snprintf(en->why, sizeof(en->why), "%s ended with status %d%s%s", what,
                info.si_status, colon, en->said);
    else
        (void)snprintf(en->why, sizeof(en->why), "%s was killed by signal %d%s%s", what,
                info.si_status, colon, en->said);
}

static void end_set(struct engine *en, enum vm_end end, const char *why)
{
    en->is_ended = true;
    en->end = end;
    if (why)
        (void)snprintf(en->why, sizeof(en->why), "%s", why);
}

static void look(struct vm *v)
{
    struct engine *en = v->engine;
    bool is_vmm_dead = is_dead(v->vmm_pidfd); /* before the last reading, so nothing is missed */
    bool is_fs_dead = is_dead(v->fs_pidfd);
    drain_all(en);
    switch (en->qmp.stop) {
    case QMP_STOP_POWEROFF:
        return end_set(en, VM_END_POWEROFF, "the guest powered off");
    case QMP_STOP_PANIC:
        return end_set(en, VM_END_PANIC, "the guest's kernel panicked");
    case QMP_STOP_RESET:
        if (en->console.is_panic)
            return end_set(en, VM_END_PANIC, "the guest's kernel panicked");
        return end_set(en, VM_END_REBOOT, "the guest rebooted");
    case QMP_STOP_HOST:
        return end_set(en, VM_END_CRASH, "qemu was told to stop");
    case QMP_RUNNING:
        break;
    }
    if (!is_vmm_dead && !is_fs_dead)
        return;
    if (is_vmm_dead)
        why_ended(en, "qemu", v->vmm_pidfd);
    else
        why_ended(en, "virtiofsd", v->fs_pidfd);
    end_set(en, VM_END_CRASH, NULL);
}

int vm_poll(struct vm *v, bool *ret_ended, enum vm_end *ret, struct err *e)
{
    struct engine *en = v->engine;
    if (!en)
        return err_set(e, ERR_INTERNAL, "vm_poll of a VM that was released");
    if (!en->is_ended) {
        look(v);
        if (en->is_ended)
            vm_kill(v);
    }
    *ret_ended = en->is_ended;
    if (en->is_ended)
        *ret = en->end;
    return 0;
}

const char *vm_why(const struct vm *v)
{
    const struct engine *en = v->engine;
    return en ? en->why : "";
}

/* -- end -------------------------------------------------------------------------------------- */

static void process_kill(pid_t *pid, int pidfd)
{
    siginfo_t info;
    if (*pid <= 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0); /* fails when it is dead */
    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
        continue;
    *pid = 0;
}

void vm_kill(struct vm *v)
{
    struct engine *en = v->engine;
    process_kill(&v->vmm_pid, v->vmm_pidfd);
    process_kill(&v->fs_pid, v->fs_pidfd);
    if (en && !en->is_ended)
        end_set(en, VM_END_CRASH, "it was killed");
}

void vm_release(struct vm *v)
{
    struct engine *en = v->engine;
    vm_kill(v);
    own_close(&v->vmm_pidfd);
    own_close(&v->fs_pidfd);
    if (en) {
        int fds[] = {en->qmp_fd, en->console_fd, en->stderr_fd, en->epoll_fd, en->console.out_fd};
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
            own_close(&fds[i]);
        mem_free(en);
    }
    *v = (struct vm){.vmm_pidfd = -1, .fs_pidfd = -1, .events_fd = -1};
}
