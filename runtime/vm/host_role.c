// SPDX-License-Identifier: Apache-2.0
/* See host.h and host_role.h: the main of role @vmhost. */
#include "runtime/vm/host_role.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "base/role.h"
#include "runtime/vm/host.h"
#include "runtime/vm/host_confine.h"
#include "runtime/vm/stdio.h"
#include "runtime/vm/vm.h"

#define CONSOLE_TAIL 2048

void host_role_encode(struct wire_out *o, const struct host_role *r)
{
    wire_put_str(o, r->id);
    wire_put_str(o, r->run_dir);
    wire_put_u32(o, r->flags);
    wire_put_u32(o, r->uid);
    wire_put_u32(o, r->vcpus);
    wire_put_u64(o, r->memory);
    wire_put_str(o, r->kernel.vmlinuz);
    wire_put_str(o, r->kernel.release);
    wire_put_str(o, r->kernel.modules);
    wire_put_str(o, r->kernel.vmlinux);
    wire_put_str(o, r->initramfs);
}

int host_role_decode(const void *p, size_t n, struct host_role *ret, struct err *e)
{
    struct wire_in in = {.p = p, .left = n};
    struct host_role r = {.id = wire_get_str(&in)};
    r.run_dir = wire_get_str(&in);
    r.flags = wire_get_u32(&in);
    r.uid = wire_get_u32(&in);
    r.vcpus = wire_get_u32(&in);
    r.memory = wire_get_u64(&in);
    r.kernel.vmlinuz = wire_get_str(&in);
    r.kernel.release = wire_get_str(&in);
    r.kernel.modules = wire_get_str(&in);
    r.kernel.vmlinux = wire_get_str(&in);
    r.initramfs = wire_get_str(&in);
    if (wire_in_end(&in, "config of @vmhost", e) < 0) {
        host_role_release(&r);
        return -1;
    }
    *ret = r;
    return 0;
}

void host_role_release(struct host_role *r)
{
    mem_free(r->id);
    mem_free(r->run_dir);
    mem_free(r->kernel.vmlinuz);
    mem_free(r->kernel.release);
    mem_free(r->kernel.modules);
    mem_free(r->kernel.vmlinux);
    mem_free(r->initramfs);
    *r = (struct host_role){0};
}

/* -- the engine: a VM of hv/ ---------------------------------------------------------------------- */

struct machine {
    const struct host_role *role;
    int vm_fd;
    struct vm vm;
    bool is_spawned;
    char why[512];
};

static int machine_spawn(void *arg, int channel_fd, int *ret_events_fd, struct err *e)
{
    struct machine *m = arg;
    const struct host_role *r = m->role;
    autoclose int console = openat(m->vm_fd, HOST_CONSOLE_LOG,
            O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (console < 0)
        return err_sys(e, "create '%s/" HOST_CONSOLE_LOG "'", r->run_dir);
    const struct vm_config c = {
            .name = r->id,
            .run_dir = r->run_dir,
            .kernel = &r->kernel,
            .initramfs = r->initramfs,
            .accel = r->flags & HOST_ROLE_EMULATED ? VM_ACCEL_EMULATED : VM_ACCEL_KVM,
            .vcpus = r->vcpus,
            .memory = r->memory,
            .share_fd = ROLE_FIRST_FD + HOST_FD_SHARE,
            .cgroup_fd = -1, /* this process is in it already */
            .channel_fd = channel_fd,
            .console_fd = console,
            .uid_base = r->uid,
    };
    if (vm_spawn(&c, &m->vm, e) < 0)
        return -1;
    m->is_spawned = true;
    *ret_events_fd = m->vm.events_fd;
    return host_confine(e);
}

static int machine_poll(void *arg, bool *ret_ended, enum vm_end *ret, struct err *e)
{
    struct machine *m = arg;
    *ret_ended = false;
    return m->is_spawned ? vm_poll(&m->vm, ret_ended, ret, e) : 0;
}

/* The last line of the guest's console that says anything: its kernel's or the agent's reason. */
static char *console_tail(const struct machine *m)
{
    char buf[CONSOLE_TAIL + 1];
    autoclose int fd = openat(m->vm_fd, HOST_CONSOLE_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = size > CONSOLE_TAIL ? size - CONSOLE_TAIL : 0;
    ssize_t n = fd < 0 ? 0 : pread(fd, buf, CONSOLE_TAIL, from);
    size_t end = n > 0 ? (size_t)n : 0;
    while (end && (unsigned char)buf[end - 1] <= ' ')
        end--;
    size_t start = end;
    while (start && buf[start - 1] != '\n')
        start--;
    char *line = str_ndup(buf + start, end - start);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return line;
}

static const char *machine_why(void *arg)
{
    struct machine *m = arg;
    autofree char *said = console_tail(m);
    autofree char *text = str_fmt("%s%s%s", m->is_spawned ? vm_why(&m->vm) : "",
            *said ? "; its last words: " : "", said);
    size_t n = strnlen(text, sizeof(m->why) - 1);
    memcpy(m->why, text, n);
    m->why[n] = '\0';
    return m->why;
}

static void machine_kill(void *arg)
{
    struct machine *m = arg;
    if (m->is_spawned)
        vm_kill(&m->vm);
}

static size_t machine_pids(void *arg, pid_t ret[4])
{
    const struct machine *m = arg;
    size_t n = 0;
    if (m->vm.vmm_pid > 0)
        ret[n++] = m->vm.vmm_pid;
    if (m->vm.fs_pid > 0)
        ret[n++] = m->vm.fs_pid;
    return n;
}

static const struct host_engine machine_engine = {
        .spawn = machine_spawn,
        .poll = machine_poll,
        .why = machine_why,
        .kill = machine_kill,
        .pids = machine_pids,
};

/* -- main ----------------------------------------------------------------------------------------- */

/* The payload's stdio out of ours, or a pty whose master goes to the console socket. */
static int stdio_take(const struct host_role *r, int ret_stdio[3], struct err *e)
{
    if (r->flags & HOST_ROLE_CONSOLE) {
        int slave = -1;
        if (stdio_pty(ROLE_FIRST_FD + HOST_FD_CONSOLE, &slave, e) < 0)
            return -1;
        ret_stdio[0] = slave;
        ret_stdio[1] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
        ret_stdio[2] = -1;
        if (ret_stdio[1] < 0)
            return err_sys(e, "dup");
        return stdio_null(e);
    }
    for (int i = 0; i < 3; i++) {
        int fd = fcntl(i, F_DUPFD_CLOEXEC, ROLE_FIRST_FD);
        if (fd < 0)
            return err_sys(e, "dup");
        ret_stdio[i] = stdio_own(fd, i == 0);
    }
    return stdio_null(e);
}

static int serve(struct host_role *r, struct host_end *ret, struct err *e)
{
    int state_fd = ROLE_FIRST_FD + HOST_FD_STATE;
    int body_fd = ROLE_FIRST_FD + HOST_FD_BODY;
    autoclose int vm_fd = openat(state_fd, "vm", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (vm_fd < 0)
        return err_sys(e, "open '%s'", r->run_dir);
    struct machine m = {.role = r, .vm_fd = vm_fd};
    struct host_setup s = {
            .id = r->id,
            .flags = (r->flags & HOST_ROLE_TTY ? HOST_TTY : 0) |
                     (r->flags & HOST_ROLE_EMULATED ? HOST_EMULATED : 0),
            .uid = r->uid,
            .state_fd = state_fd,
            .vm_fd = vm_fd,
            .ready_fd = ROLE_FIRST_FD + HOST_FD_READY,
            .body_fd = body_fd,
            .engine = &machine_engine,
            .engine_arg = &m,
    };
    if (stdio_take(r, s.stdio, e) < 0)
        return -1;
    int done = host_run(&s, ret, e);
    if (m.is_spawned)
        vm_release(&m.vm);
    return done;
}

int vm_host_main(int argc, char **argv)
{
    autofree char *config = NULL;
    size_t len = 0;
    struct host_role r;
    struct host_end end = {.code = 255};
    struct err e = {0}, ignored;
    (void)argc;
    (void)argv;
    log_set_role("vmhost");
    if (role_enter(HOST_FDS, &config, &len, &e) < 0) {
        log_error("%s", e.text);
        return 2;
    }
    if (host_role_decode(config, len, &r, &e) < 0)
        return msg_send_err(ROLE_FIRST_FD + HOST_FD_READY, &e, &ignored) < 0 ? 2 : 1;
    autofree char *log = str_fmt("%s/host.log", r.run_dir);
    if (log_open(log, LOG_FORMAT_TEXT, LOG_LEVEL_WARN, &e) < 0)
        return msg_send_err(ROLE_FIRST_FD + HOST_FD_READY, &e, &ignored) < 0 ? 2 : 1;
    if (serve(&r, &end, &e) < 0) {
        log_warn("%s", e.text);
        (void)!msg_send_err(ROLE_FIRST_FD + HOST_FD_READY, &e,
                &ignored); /* told twice: read once */
        return 1;
    }
    host_role_release(&r);
    stdio_end_as(end.code, end.signal);
}
