// SPDX-License-Identifier: Apache-2.0
/*
 * The table of contents of a container's birth. HOST steps above and below "clone" run in islet;
 * CHILD steps run beside the HOST steps after "clone", in the new namespaces, and end with the exec
 * of the stage; "ready" is where the two meet.
 *
 * A debug build (DEBUG=1) fails the step named by ISLET_FAIL_STEP and dies at the one named by
 * ISLET_DIE_STEP, so that every revert, and cleaning up after none, can be tested.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "runtime/birth.h"

const struct step birth_ns_steps[] = {
        {"state-dir",  STEP_HOST,  step_state_dir,     unstep_state_dir}, /* lock, <root>/<id> */
        {"sources",    STEP_HOST,  step_sources,       NULL            }, /* of bind mounts */
        {"namespaces", STEP_HOST,  step_namespaces,    NULL            }, /* open those joined */
        {"cgroup",     STEP_HOST,  step_cgroup,        unstep_cgroup   },
        {"console",    STEP_HOST,  step_console,       NULL            }, /* connect the socket */
        {"fifo",       STEP_HOST,  step_fifo,          NULL            }, /* dies with the dir */
        {"clone",      STEP_HOST,  step_clone,         unstep_clone    },

 /* in the child, while islet does what stands below */
        {"join",       STEP_CHILD, step_child_join,    NULL            },
        {"network",    STEP_CHILD, step_child_network, NULL            }, /* lo up */
        {"root",       STEP_CHILD, step_child_root,    NULL            }, /* propagation, rootfs */
        {"mounts",     STEP_CHILD, step_child_mounts,  NULL            },
        {"devices",    STEP_CHILD, step_child_devices, NULL            }, /* nodes and links */
        {"sysctl",     STEP_CHILD, step_child_sysctl,  NULL            },
        {"paths",      STEP_CHILD, step_child_paths,   NULL            }, /* masked, read-only */
        {"pivot",      STEP_CHILD, step_child_pivot,   NULL            },
        {"names",      STEP_CHILD, step_child_names,   NULL            }, /* host, domain */
        {"stage",      STEP_CHILD, step_child_stage,   NULL            }, /* exec of the stage */

        {"id-maps",    STEP_HOST,  step_id_maps,       NULL            }, /* of the user namespace */
        {"plan",       STEP_HOST,  step_stage_plan,    NULL            }, /* seccomp, the stage's orders */
        {"limits",     STEP_HOST,  step_limits,        NULL            }, /* die with the cgroup */
        {"state",      STEP_HOST,  step_state_early,   NULL            }, /* dies with the dir */
        {"ready",      STEP_HOST,  step_ready,         NULL            }, /* the stage is there */
        {"memory",     STEP_HOST,  step_memory,        NULL            }, /* too small for us, not for it */
        {"publish",    STEP_HOST,  step_state_late,    NULL            }, /* the state: now it is a container */
        {"oom-score",  STEP_HOST,  step_oom_score,     NULL            },
        {"pid-file",   STEP_HOST,  step_pid_file,      unstep_pid_file },
        {NULL,         STEP_HOST,  NULL,               NULL            },
};

/* Inside the guest the agent goes through the table above with the same code. */
const struct step birth_vm_steps[] = {
        {"state-dir", STEP_HOST, step_state_dir, unstep_state_dir},
        {"cgroup",    STEP_HOST, step_vm_cgroup, unstep_cgroup   }, /* of all processes of the VM */
        {"vm",        STEP_HOST, step_vm_spawn,  unstep_vm_spawn }, /* boot, create inside */
        {"state",     STEP_HOST, step_state,     NULL            },
        {"pid-file",  STEP_HOST, step_pid_file,  unstep_pid_file },
        {NULL,        STEP_HOST, NULL,           NULL            },
};

static int step_fault(const struct step *s, struct err *e)
{
#ifdef ISLET_DEBUG
    const char *fail = getenv("ISLET_FAIL_STEP");
    const char *die = getenv("ISLET_DIE_STEP");
    if (die && strcmp(die, s->name) == 0) {
        (void)kill(getpid(), SIGKILL);
        _exit(137); /* process 1 of a pid namespace does not hear its own signal */
    }
    if (fail && strcmp(fail, s->name) == 0)
        return err_set(e, ERR_INTERNAL, "step '%s' fails as asked", s->name);
#else
    (void)s;
    (void)e;
#endif
    return 0;
}

static void revert_below(struct birth *b, const struct step *steps, size_t n)
{
    while (n-- > 0)
        if (steps[n].where == STEP_HOST && steps[n].revert)
            steps[n].revert(b);
}

int birth_run(struct birth *b, const struct step *steps, enum step_where where, struct err *e)
{
    for (size_t i = 0; steps[i].name; i++) {
        const struct step *s = &steps[i];
        if (s->where != where)
            continue;
        log_debug("step %s", s->name);
        if (s->apply(b, e) == 0 && step_fault(s, e) == 0)
            continue;
        if (where == STEP_HOST)
            revert_below(b, steps, i + 1);
        return -1;
    }
    return 0;
}

void birth_undo(struct birth *b, const struct step *steps)
{
    size_t n = 0;
    while (steps[n].name)
        n++;
    revert_below(b, steps, n);
}

/* The first failure is told, but everything is tried. */
int birth_bury(struct birth *b, struct err *e)
{
    struct err first = {0};
    struct stat ours, there;
    int rc = 0;
    /* deleted by somebody meanwhile, and perhaps made anew by the same name: not ours any more */
    if (fstat(b->dir.fd, &ours) < 0 || stat(b->dir.path, &there) < 0 ||
            ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
        return 0;
    if (b->cgroup_made) {
        struct err ignored;
        if (!(b->clone_flags & CLONE_NEWPID)) /* a shared pid namespace does not end with init */
            neglect(cg_kill(&b->cgroup, &ignored)); /* the removal tells */
        rc = cg_remove(&b->cgroup, 10000, &first);
    }
    if (state_dir_remove(b->ctx->root, b->req->id, &b->dir, e) < 0)
        return -1;
    state_unlock_remove(b->ctx->root, b->req->id, steal_fd(b->lock_fd));
    if (rc < 0)
        *e = first;
    return rc;
}
