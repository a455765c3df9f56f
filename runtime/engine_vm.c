// SPDX-License-Identifier: Apache-2.0
/*
 * The VM wall behind the verbs. The host keeps what it keeps for a container (directory, lock,
 * cgroup, state, pid file); the process with that pid, the VM and what goes on inside are the
 * business of runtime/vm/.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "runtime/birth.h"
#include "runtime/engine.h"
#include "runtime/sync.h"
#include "runtime/vm/vm.h"

static struct vmw_place place_of_birth(const struct birth *b)
{
    return (struct vmw_place){.id = b->req->id, .statedir_fd = b->dir.fd, .root = b->ctx->root};
}

static struct vmw_place place_of(const struct engine_place *p)
{
    return (struct vmw_place){.id = p->id, .statedir_fd = p->dir.fd, .root = p->ctx->root};
}

/* Memory and CPU are held exactly by the guest, and as a whole by the VM's size; what the host cannot
 * add to that is no gap. Anything else that it cannot hold is. */
static int judge_gaps(struct birth *b, char **gaps, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; gaps && gaps[i]; i++) {
        autofree char *gap = gaps[i];
        if (strncmp(gap, "memory.", 7) == 0 || strncmp(gap, "cpu.", 4) == 0)
            log_debug("on the host: %s", gap);
        else if (b->ctx->allow_degraded)
            birth_gap(b, gap);
        else if (rc == 0)
            rc = err_set(e, ERR_UNSUPPORTED, "/linux/resources: %s", gap);
    }
    mem_free(gaps);
    return rc;
}

/* The limits of the container plus what the VM itself needs hold for all its processes. */
int step_vm_cgroup(struct birth *b, struct err *e)
{
    struct cg_limits limits = {0};
    if (!b->cgroup_path)
        return 0;
    json_t *doc = vmw_host_resources(b->config);
    int rc = json_decode(doc, cg_limits_fields, &limits, "/linux/resources", NULL, e);
    json_decref(doc);
    if (rc < 0)
        return -1;
    rc = cg_create(b->cgroup_path, &limits, &b->cgroup, &b->cgroup_made, e);
    char **gaps = NULL;
    if (rc == 0)
        rc = cg_apply(&b->cgroup, &limits, &gaps, e);
    if (judge_gaps(b, gaps, e) < 0)
        rc = -1;
    json_release(cg_limits_fields, &limits);
    return rc < 0 ? err_add(e, "cgroup of the VM") : 0;
}

int step_vm_spawn(struct birth *b, struct err *e)
{
    struct vmw_place place = place_of_birth(b);
    struct vmw_created made = {0};
    struct vmw_request r = {
            .context = b->ctx,
            .create = b->req,
            .config = b->config,
            .state_dir = b->dir.path,
            .cgroup_fd = b->cgroup.dirfd,
    };
    if (vmw_create(&place, &r, &made, e) < 0)
        return -1;
    b->pid = made.pid;
    b->start_time = made.starttime;
    b->acceleration = made.acceleration;
    for (size_t i = 0; made.gaps && made.gaps[i]; i++) {
        birth_gap(b, made.gaps[i]);
        mem_free(made.gaps[i]);
    }
    mem_free(made.gaps);
    return 0;
}

void unstep_vm_spawn(struct birth *b)
{
    struct vmw_place place = place_of_birth(b);
    struct err ignored; /* the first failure is the one that is told */
    if (b->pid <= 0)
        return;
    neglect(vmw_delete(&place, b->pid, b->start_time, &ignored));
    (void)waitpid(b->pid, NULL, 0);
    b->pid = 0;
}

static int vm_create(struct birth *b, struct err *e)
{
    b->isolation = "vm";
    b->engine = "qemu";
    if (birth_plan(b, e) < 0)
        return -1;
    return birth_run(b, birth_vm_steps, STEP_HOST, e);
}

static int run_to_end(struct birth *b, int *ret_status, struct err *e)
{
    struct vmw_place place = place_of_birth(b);
    struct err ignored;
    bool has_tty = b->spec.process.terminal.v && !b->req->console_socket;
    if (vmw_start(&place, e) < 0) {
        birth_undo(b, birth_vm_steps);
        return -1;
    }
    *ret_status = 0;
    if (b->req->is_detached)
        return 0;
    own_close(&b->lock_fd); /* other verbs may come while it runs */
    b->lock_fd = -1;
    if (vmw_wait(b->pid, has_tty, ret_status, e) < 0)
        return -1;
    if (b->req->keep)
        return 0;
    b->lock_fd = state_lock(b->ctx->root, b->req->id, e);
    if (b->lock_fd < 0)
        return -1;
    neglect(vmw_delete(&place, b->pid, b->start_time, &ignored)); /* what is left shows below */
    return birth_bury(b, e);
}

static int vm_run(struct birth *b, int *ret_status, struct err *e)
{
    return vm_create(b, e) < 0 ? -1 : run_to_end(b, ret_status, e);
}

static int vm_status(struct engine_place *p, enum rt_status *ret, struct err *e)
{
    struct vmw_place place = place_of(p);
    return vmw_status(&place, (pid_t)p->state.pid.v, p->state.start_time.v, ret, e);
}

static int vm_start(struct engine_place *p, struct err *e)
{
    struct vmw_place place = place_of(p);
    enum rt_status status;
    if (vm_status(p, &status, e) < 0)
        return -1;
    if (status == RT_STOPPED)
        return err_set(e, ERR_STATE, "cannot start a container that has stopped");
    if (status != RT_CREATED)
        return err_set(e, ERR_STATE, "cannot start an already running container");
    return vmw_start(&place, e);
}

static int vm_exec(struct engine_place *p, const struct rt_exec *r, int *ret_status, struct err *e)
{
    struct vmw_place place = place_of(p);
    enum rt_status status;
    pid_t pid = 0;
    if (vm_status(p, &status, e) < 0)
        return -1;
    if (status == RT_STOPPED)
        return err_set(e, ERR_STATE, "cannot exec in a stopped container");
    /* in the foreground we are the process that stands for the one in the guest */
    if (r->pid_file && !r->is_detached && sync_pid_file(r->pid_file, getpid(), e) < 0)
        return -1;
    if (vmw_exec(&place, r, &pid, ret_status, e) < 0) {
        if (r->pid_file && !r->is_detached)
            (void)unlink(r->pid_file); /* ours; a failed exec leaves none */
        return -1;
    }
    return r->pid_file && r->is_detached ? sync_pid_file(r->pid_file, pid, e) : 0;
}

static int vm_kill(struct engine_place *p, int sig, bool is_all, struct err *e)
{
    struct vmw_place place = place_of(p);
    enum rt_status status;
    if (vm_status(p, &status, e) < 0)
        return -1;
    if (status == RT_STOPPED)
        return err_set(e, ERR_STATE, "container not running");
    return vmw_kill(&place, sig, is_all, e);
}

static int vm_pause(struct engine_place *p, bool is_paused, struct err *e)
{
    struct vmw_place place = place_of(p);
    enum rt_status status;
    if (vm_status(p, &status, e) < 0)
        return -1;
    if (is_paused && status != RT_RUNNING && status != RT_CREATED)
        return err_set(e, ERR_STATE, "container not running or created: %s",
                rt_status_name(status));
    if (!is_paused && status != RT_PAUSED)
        return err_set(e, ERR_STATE, "container not paused");
    return vmw_pause(&place, is_paused, e);
}

static int vm_ps(struct engine_place *p, pid_t **ret, size_t *ret_n, struct err *e)
{
    struct vmw_place place = place_of(p);
    return vmw_ps(&place, ret, ret_n, e);
}

static int vm_destroy(struct engine_place *p, struct err *e)
{
    struct vmw_place place = place_of(p);
    if (vmw_delete(&place, (pid_t)p->state.pid.v, p->state.start_time.v, e) < 0)
        return -1;
    return engine_ns.destroy(p, e); /* the cgroup, and what is left in it */
}

const struct engine_ops engine_vm = {
        .name = "qemu",
        .create = vm_create,
        .run = vm_run,
        .start = vm_start,
        .exec = vm_exec,
        .kill = vm_kill,
        .pause = vm_pause,
        .ps = vm_ps,
        .status = vm_status,
        .destroy = vm_destroy,
};
