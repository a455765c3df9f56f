// SPDX-License-Identifier: Apache-2.0
/*
 * See vm.h: vmw_create. Everything that can be refused is refused here, before a process is
 * started; then the host process is started and its word awaited. What was made is undone in
 * reverse on failure: the host process kills its VM when we are gone, so only files remain.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/msg.h"
#include "base/own.h"
#include "base/role.h"
#include "hv/hv.h"
#include "runtime/console.h"
#include "runtime/vm/guest_config.h"
#include "runtime/vm/host_role.h"
#include "runtime/vm/liveness.h"
#include "runtime/vm/size.h"
#include "runtime/vm/uids.h"
#include "runtime/vm/vm.h"

#define CACHE "/var/cache/islet/vm"

/* What the agent needs beyond what is built into every kernel. */
static const char *const guest_modules[] = {"virtio_mmio", "virtio_console", "virtiofs",
        "virtio_rng", NULL};

struct creation {
    const struct vmw_place *place;
    const struct vmw_request *request;
    struct guest_config guest;
    struct host_role role;
    int share_fd, console_fd, body_fd, ready_fd;
    bool has_uid, has_dir;
    pid_t pid;
};

static void strings_add(char ***list, char *text)
{
    size_t n = 0;
    while (*list && (*list)[n])
        n++;
    *list = mem_grow(*list, n + 2, sizeof(char *));
    (*list)[n] = text;
    (*list)[n + 1] = NULL;
}

static int accel_choose(struct creation *c, struct err *e)
{
    enum vm_accel accel = VM_ACCEL_EMULATED;
    autofree char *why = NULL;
    if (vm_accel_probe(&accel, &why, e) < 0)
        return -1;
    if (accel == VM_ACCEL_KVM)
        return 0;
    if (!c->request->context->allow_degraded)
        return err_set(e, ERR_UNSUPPORTED,
                "no usable KVM here (%s): an emulated VM is no security boundary; "
                "--allow-degraded accepts that",
                why ? why : "unknown reason");
    c->role.flags |= HOST_ROLE_EMULATED;
    strings_add(&c->guest.gaps,
            str_fmt("acceleration: emulated, which is no security boundary: %s", why ? why : ""));
    return 0;
}

/* The document decides; nothing is made yet. */
static int config_plan(struct creation *c, struct err *e)
{
    const struct rt_create *r = c->request->create;
    struct vm_size_host host;
    struct vm_size size;
    if (r->preserve_fds)
        return err_set(e, ERR_UNSUPPORTED, "--preserve-fds: descriptors cannot enter a VM");
    if (guest_config_make(c->request->config, c->place->id, c->request->context->allow_degraded,
                &c->guest, e) < 0)
        return -1;
    if (accel_choose(c, e) < 0)
        return -1;
    if (c->guest.has_tty)
        c->role.flags |= HOST_ROLE_TTY;
    vm_size_host_get((c->role.flags & HOST_ROLE_EMULATED) != 0, &host);
    if (vm_size_plan(c->request->config, &host, &size, e) < 0)
        return -1;
    c->role.memory = size.memory;
    c->role.vcpus = size.vcpus;
    c->role.id = str_dup(c->place->id);
    c->role.run_dir = str_fmt("%s/vm", c->request->state_dir);
    return 0;
}

static int file_copy(const char *path, struct wire_file *ret, struct err *e)
{
    char *data = NULL;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "open '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_UNSUPPORTED, "'%s' is no file: it cannot be copied into a VM", path);
    if (fd_read_all(fd, GUEST_FILE_MAX, &data, &ret->len, e) < 0)
        return err_add(e, "copy '%s' into the VM", path);
    ret->data = (unsigned char *)data;
    return 0;
}

static int body_write(struct creation *c, const struct wire_create *w, struct err *e)
{
    struct wire_out o = {0};
    wire_create_encode(&o, w);
    c->body_fd = memfd_create("islet-create", MFD_CLOEXEC);
    int r = c->body_fd < 0 ? err_sys(e, "memfd_create") : 0;
    if (r == 0 && o.len > WIRE_BODY_MAX)
        r = err_set(e, ERR_CONFIG, "config.json and its files are larger than %u bytes",
                WIRE_BODY_MAX);
    if (r == 0)
        r = fd_write_all(c->body_fd, o.buf, o.len, e);
    if (r == 0 && lseek(c->body_fd, 0, SEEK_SET) < 0)
        r = err_sys(e, "lseek");
    wire_out_release(&o);
    return r;
}

static int body_make(struct creation *c, struct err *e)
{
    struct wire_create w = {.sysctls = c->guest.sysctls};
    int r = 0;
    while (c->guest.files[w.n_files])
        w.n_files++;
    w.files = mem_new(w.n_files, sizeof(*w.files));
    for (size_t i = 0; i < w.n_files && r == 0; i++)
        r = file_copy(c->guest.files[i], &w.files[i], e);
    if (r == 0) {
        w.config = json_text(c->guest.config, false);
        r = body_write(c, &w, e);
    }
    w.sysctls = NULL; /* borrowed */
    wire_create_release(&w);
    return r;
}

static int root_open(struct creation *c, struct err *e)
{
    const json_t *root = json_object_get(c->request->config, "root");
    const char *path = json_string_value(json_object_get(root, "path"));
    const char *bundle = c->request->create->bundle ? c->request->create->bundle : ".";
    if (!path)
        return err_set(e, ERR_CONFIG, "/root/path: missing");
    autoclose int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "open bundle '%s'", bundle);
    c->share_fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->share_fd < 0)
        return err_sys(e, "open root '%s' of bundle '%s'", path, bundle);
    return 0;
}

static int kernel_find(struct creation *c, struct err *e)
{
    const char *path = c->request->context->vm_kernel;
    if (vm_kernel_find(path, CACHE, &c->role.kernel, e) < 0 ||
            vm_initramfs(&c->role.kernel, "/proc/self/exe", guest_modules, CACHE,
                    &c->role.initramfs, e) < 0)
        return err_add(e, "VM");
    return 0;
}

static int place_make(struct creation *c, struct err *e)
{
    const char *console = c->request->create->console_socket;
    uid_t uid = 0;
    if (c->guest.has_tty && console) {
        c->console_fd = console_connect(console, e);
        if (c->console_fd < 0)
            return -1;
        c->role.flags |= HOST_ROLE_CONSOLE;
    }
    if (mkdirat(c->place->statedir_fd, "vm", 0700) < 0)
        return err_sys(e, "create '%s'", c->role.run_dir);
    c->has_dir = true;
    if (vm_uid_take(c->place->root, c->place->id, &uid, e) < 0)
        return -1;
    c->has_uid = true;
    c->role.uid = uid;
    return 0;
}

/* Returns when the container is created, or with the host process gone. */
static int host_start(struct creation *c, struct err *e)
{
    int ready[2];
    struct msg m = {0};
    struct wire_out config = {0};
    autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0)
        return err_sys(e, "open '/dev/null'");
    if (msg_pair(ready, e) < 0)
        return -1;
    c->ready_fd = ready[0];
    int fds[HOST_FDS] = {
            [HOST_FD_READY] = ready[1],
            [HOST_FD_STATE] = c->place->statedir_fd,
            [HOST_FD_SHARE] = c->share_fd,
            [HOST_FD_CONSOLE] = c->console_fd >= 0 ? c->console_fd : null,
            [HOST_FD_BODY] = c->body_fd,
    };
    host_role_encode(&config, &c->role);
    const struct role_spawn spawn = {
            .name = "@vmhost",
            .title = c->place->id,
            .config = config.buf,
            .config_len = config.len,
            .fds = fds,
            .n_fds = HOST_FDS,
            .stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
            .cgroup_fd = c->request->cgroup_fd,
            .has_session = true,
    };
    int r = role_spawn(&spawn, &c->pid, e);
    wire_out_release(&config);
    (void)close(ready[1]);
    if (r < 0)
        return -1;
    if (msg_recv_answer(c->ready_fd, &m, e) < 0)
        return err_add(e, "VM");
    msg_release(&m);
    return 0;
}

static void undo(struct creation *c)
{
    struct err ignored; /* the first error is the one to tell */
    if (c->pid > 0) {
        (void)kill(c->pid, SIGKILL); /* its VM dies with it */
        (void)waitpid(c->pid, NULL, 0);
    }
    if (c->has_uid && vm_uid_give(c->place->root, c->place->id, &ignored) < 0)
        return;
    if (c->has_dir && fd_remove_tree(c->place->statedir_fd, "vm", &ignored) < 0)
        return;
}

static void creation_release(struct creation *c)
{
    guest_config_release(&c->guest);
    host_role_release(&c->role);
    own_close(&c->share_fd);
    own_close(&c->console_fd);
    own_close(&c->body_fd);
    own_close(&c->ready_fd);
}

int vmw_create(const struct vmw_place *p, const struct vmw_request *r, struct vmw_created *ret,
        struct err *e)
{
    struct creation c = {.place = p,
            .request = r,
            .share_fd = -1,
            .console_fd = -1,
            .body_fd = -1,
            .ready_fd = -1};
    struct vmw_created made = {0};
    int done = -1;
    if (config_plan(&c, e) == 0 && root_open(&c, e) == 0 && body_make(&c, e) == 0 &&
            kernel_find(&c, e) == 0 && place_make(&c, e) == 0 && host_start(&c, e) == 0)
        done = 0;
    if (done == 0 && !liveness_start_time(c.pid, &made.starttime))
        made.starttime = 0; /* ended already: a stopped container, whose pid matches nothing */
    if (done < 0) {
        undo(&c);
    } else {
        made.pid = c.pid;
        made.acceleration =
                vm_accel_name(c.role.flags & HOST_ROLE_EMULATED ? VM_ACCEL_EMULATED : VM_ACCEL_KVM);
        if (c.guest.gaps[0])
            made.gaps = steal_ptr(c.guest.gaps);
        *ret = made;
    }
    creation_release(&c);
    return done;
}
