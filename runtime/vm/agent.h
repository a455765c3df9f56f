// SPDX-License-Identifier: Apache-2.0
/*
 * The agent: PID 1 of the guest. It prepares the machine, then does what the host process asks for
 * over the channel (wire.h), by the same rt_* calls that a user's `islet` makes on the host.
 *
 * Every rt_* call happens in a forked child (a *worker*), because it may block and because it is
 * written for a process that lives for one verb. What it leaves behind (the container's init, a
 * detached exec) becomes the agent's child when the worker ends, for the agent is PID 1; so the
 * agent learns every exit status first hand. A process may end before its worker did: statuses of
 * unknown children are kept while any worker runs.
 */
#ifndef ISLET_RUNTIME_VM_AGENT_H
#define ISLET_RUNTIME_VM_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "runtime/runtime.h"
#include "runtime/vm/mux.h"

/* The verbs, replaceable for tests. */
struct agent_rt {
    int (*create)(const struct rt_context *, const struct rt_create *, struct err *);
    int (*start)(const struct rt_context *, const char *, struct err *);
    int (*exec)(const struct rt_context *, const struct rt_exec *, int *, struct err *);
    int (*kill)(const struct rt_context *, const char *, int, bool, struct err *);
    int (*delete_)(const struct rt_context *, const char *, bool, struct err *);
    int (*ps)(const struct rt_context *, const char *, pid_t **, size_t *, struct err *);
    int (*pause)(const struct rt_context *, const char *, bool, struct err *);
};

struct agent_config {
    int channel_fd;
    bool is_port;    /* a virtio port, not a socket */
    bool is_machine; /* PID 1 of a guest: sets clock and host name, mounts the root, powers off */
    const char *dir; /* directory of ours, e.g. "/run/islet" */
    const struct agent_rt *rt;
};

/* Serves until BYE was answered or the channel broke. Takes channel_fd. */
int agent_serve(const struct agent_config *c, struct err *e) must_check;

/* agent_boot.c: mounts, modules, lo. *ret_channel: the open port. */
int agent_boot(int *ret_channel, struct err *e) must_check;
int agent_mount_root(struct err *e) must_check; /* GUEST_ROOT; mounted already is fine */
void agent_power_off(void) __attribute__((noreturn));

/* -- within the agent --------------------------------------------------------------------------- */

struct agent_proc;
struct agent_work;

#define AGENT_ANSWERS 32

/* A request that was taken, and its reply once there is one. */
struct agent_answer {
    uint32_t id;
    bool is_done;
    struct wire_out reply;
};

struct agent_orphan {
    struct agent_orphan *next;
    pid_t pid;
    int status;
};

struct agent {
    const struct agent_config *config;
    struct rt_context context;
    char *state_root;
    struct loop *loop;
    struct mux *mux;
    int signal_fd;
    struct agent_proc *procs;
    struct agent_work *works;
    struct agent_orphan *orphans;
    struct agent_answer answers[AGENT_ANSWERS];
    unsigned next_answer;
};

/* err->kind ERR_NONE for well; `more` may be NULL. */
void agent_reply(struct agent *a, uint32_t id, const struct err *what, const struct wire_out *more);

/* agent_work.c. fn runs in the child and puts what the reply carries into `more`. `done` may be
 * NULL: then the result is the reply to `id`. `arg` must live until then. */
typedef int agent_work_fn(struct agent *a, void *arg, struct wire_out *more, struct err *e);
typedef void agent_done_fn(struct agent *a, void *arg, const struct err *what,
        struct wire_in *more);
void agent_work_start(struct agent *a, uint32_t id, agent_work_fn *fn, agent_done_fn *done,
        void *arg);
/* Is this pid a worker? Then it was the last one's end. */
bool agent_work_reaped(struct agent *a, pid_t pid);

/* agent_proc.c */
void agent_proc_request(struct agent *a, const struct wire_frame *f);
void agent_proc_signal(struct agent *a, const struct wire_frame *f);
void agent_proc_resize(struct agent *a, const struct wire_frame *f);
void agent_proc_reaped(struct agent *a, pid_t pid, int status);
void agent_procs_free(struct agent *a);

/* agent_birth.c: what the workers of CREATE and EXEC do. */
struct agent_birth {
    const char *cid;
    bool is_exec;
    bool has_tty;
    int stdio[3];        /* for the payload; -1 with a tty */
    const char *console; /* socket that takes the pty master, or NULL */
    const char *pid_file;
    const unsigned char *body;
    size_t body_len;
};
int agent_birth_run(struct agent *a, const struct agent_birth *b, struct err *e) must_check;

#endif
