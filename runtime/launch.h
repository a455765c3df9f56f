// SPDX-License-Identifier: Apache-2.0
/*
 * Starting the stage: builds its plan block from a process object and executes it from memory.
 * Used by the birth's child and by exec.
 */
#ifndef ISLET_RUNTIME_LAUNCH_H
#define ISLET_RUNTIME_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/spec.h"
#include "runtime/stage/stage.h"

struct sock_filter;

/* What goes into the plan beside the process object; zero and -1 are "none". */
struct launch {
    const struct spec_process *process;
    const struct spec_linux *linux_; /* personality; may be NULL */
    uint32_t flags;                  /* enum stage_flag, those decided by the caller */
    int sync_fd, start_fd, pidfd, cgroup_fd;
    uint32_t join; /* CLONE_NEW* */
    uint32_t keep_fds;
    const struct sock_filter *filter;
    size_t n_filter;
    uint32_t filter_flags;
    const char *key_name; /* may be NULL */
};

/* A memfd for the plan block; filled at once or, as it is shared, after a clone. */
int launch_plan_fd(struct err *e) must_check;
int launch_plan_fill(int planfd, const struct launch *l, struct err *e) must_check;

/* An fd of the stage program: sealed memfd, else a file on a detached read-only tmpfs. */
int launch_stage_fd(struct err *e) must_check;

/* What the caller's habits must not pass on to the payload: CPU affinity, ignored and blocked
 * signals; and its stdio becomes its user's. In the process that becomes the payload. */
void launch_reset(const struct spec_process *p);

/* Replaces this process by the stage; `home` (may be NULL) is added to the payload's environment as
 * "HOME=…". Returns only on failure. */
int launch_exec(int stagefd, int planfd, char *home, struct err *e) must_check;

/* Turns a stage's or child's failure message into an error. */
int launch_failure(const struct stage_msg *m, struct err *e) must_check;

/* Capabilities that the process object asks for and this process does not have: an error that
 * names the first (a container cannot have more than its maker). */
int launch_caps_check(const struct spec_process *p, struct err *e) must_check;

/* --preserve-fds N: fds 3..2+N were passed by our caller, or an error names the missing one. */
int launch_preserved_check(unsigned n, struct err *e) must_check;

/* "HOME=…" of `uid` by the passwd of the root at rootfd ("/" when it has none), or NULL when the
 * process brings its own. The caller's. */
char *launch_home(int rootfd, const struct spec_process *p);

/* Value of an env entry, or NULL. */
const char *launch_env(char *const *env, size_t n, const char *name);

#endif
