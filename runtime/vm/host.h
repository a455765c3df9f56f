// SPDX-License-Identifier: Apache-2.0
/*
 * The host process of one VM (role @vmhost): what it knows and how its parts call each other.
 *
 *   host_role.c     config and descriptors in, VM engine, exit like the payload
 *   host.c          life: boot -> created -> running -> ended; the link to the agent
 *   host_proc.c     processes in the guest and their streams
 *   host_control.c  the control socket: requests of later verbs
 *   host_record.c   files: markers, vm.json, exit.json
 *
 * Nothing here trusts the guest: frames come bounds-checked from the decoder, a request is answered
 * only once, ids and processes that we did not ask for are ignored.
 */
#ifndef ISLET_RUNTIME_VM_HOST_H
#define ISLET_RUNTIME_VM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/msg.h"
#include "hv/hv.h"
#include "runtime/vm/mux.h"

/* The machine behind the channel; replaced by a plain process in tests. */
struct host_engine {
    int (*spawn)(void *arg, int channel_fd, int *ret_events_fd, struct err *e);
    int (*poll)(void *arg, bool *ret_ended, enum vm_end *ret, struct err *e);
    const char *(*why)(void *arg);
    void (*kill)(void *arg);
    size_t (*pids)(void *arg, pid_t ret[4]);
};

enum host_flag { HOST_TTY = 1u << 0, HOST_EMULATED = 1u << 1 };

struct host_setup {
    const char *id;
    unsigned flags; /* enum host_flag */
    unsigned uid;   /* of the VM's processes, for the record */
    int state_fd;   /* <state dir> */
    int vm_fd;      /* <state dir>/vm */
    int ready_fd;   /* our creator waits here; -1 after it was told */
    int stdio[3];   /* taken; with a tty 0 and 1 are terminals, or a pty's slave */
    int body_fd;    /* of CREATE; taken */
    const struct host_engine *engine;
    void *engine_arg;
};

/* How it ended. */
struct host_end {
    int code;
    int signal; /* 0: by code */
    const char *reason;
};

/* Runs the VM to its end. An error means that nothing was created; the creator was told. */
int host_run(const struct host_setup *s, struct host_end *ret, struct err *e) must_check;

/* -- within the host process --------------------------------------------------------------------- */

enum host_phase {
    HOST_BOOTING,  /* no HELLO yet */
    HOST_CREATING, /* CREATE was sent */
    HOST_CREATED,
    HOST_RUNNING,
    HOST_ENDED,   /* exit.json is written; output is drained */
    HOST_LEAVING, /* BYE was sent */
};

struct host_proc;
struct host_client;
struct host_request;

struct host {
    const struct host_setup *setup;
    struct loop *loop;
    struct mux *mux;
    enum host_phase phase;
    int events_fd;
    struct loop_fd *events_watch;
    struct loop_fd *ready_watch;
    int signal_fd;
    int listen_fd;
    uint32_t next_request;
    uint32_t next_proc;
    struct host_request *requests;
    struct host_proc *procs;
    struct host_proc *init; /* one of procs, or NULL once it is over */
    struct host_client *clients;
    struct loop_timer *timer; /* boot, kill, leave, or the engine's word after a broken link */
    bool is_broken;
    bool is_vm_over;
    struct host_end end;
    struct err failure; /* before HOST_CREATED */
};

/* -- host.c */
typedef void host_answer_fn(struct host *h, void *arg, const struct err *what,
        struct wire_in *more);
/* Sends a request; fn (may be NULL) is called once, also when the link breaks. */
void host_ask(struct host *h, enum wire_type type, const struct wire_out *data, host_answer_fn *fn,
        void *arg);
/* The answers that would be for `arg` go nowhere: it is gone. */
void host_ask_forget(struct host *h, const void *arg);
void host_created(struct host *h);
void host_fail(struct host *h, const struct err *what); /* nothing was created */
/* The payload has ended. The first to say so counts. */
void host_ended(struct host *h, int code, int signal, const char *reason);
void host_output_over(struct host *h);
void host_signal_init(struct host *h, int sig, bool is_all, host_answer_fn *fn, void *arg);

/* -- host_proc.c */
struct host_proc_setup {
    bool is_exec;
    bool has_tty;
    int stdio[3];               /* taken, also on failure; -1: none */
    int body_fd;                /* taken, also on failure */
    struct host_client *client; /* told of its birth and end; NULL: the init */
};
struct host_proc *host_proc_new(struct host *h, const struct host_proc_setup *s,
        struct err *e) must_check;
void host_proc_stdin(struct host_proc *p); /* from now on its stdin is read */
void host_proc_exited(struct host *h, const struct wire_frame *f);
void host_proc_signal(struct host_proc *p, int sig);
void host_proc_resize(struct host_proc *p, unsigned rows, unsigned cols);
void host_proc_window(struct host_proc *p); /* its terminal changed its size, maybe */
void host_proc_orphan(struct host_proc *p); /* its client is gone: SIGKILL */
bool host_proc_has_tty(const struct host_proc *p);
void host_procs_cut(struct host *h);  /* the VM is gone, and all that ran in it */
void host_procs_drop(struct host *h); /* dead ones no longer wait for slow readers */
void host_procs_free(struct host *h);

/* -- host_control.c */
int host_control_open(struct host *h, struct err *e) must_check;
void host_control_close(struct host *h);
void host_client_born(struct host_client *c, const struct err *what, uint32_t pid);
void host_client_exited(struct host_client *c, uint32_t code, uint32_t signal);

/* -- host_record.c */
int host_record_vm(struct host *h, struct err *e) must_check;
void host_record_exit(struct host *h);
void host_mark(struct host *h, const char *name, bool is_on);

#define HOST_SOCKET "control.sock"
#define HOST_MARK_STARTED "started"
#define HOST_MARK_PAUSED "paused"
#define HOST_CONSOLE_LOG "console.log"

/*
 * The control socket: SOCK_SEQPACKET, message types are the wire's. A request gets WIRE_REPLY (with
 * what the wire's reply carries behind the error) or an error message.
 *   START -                SIGNAL sig, all          PS -          PAUSE on
 *   EXEC  flags, rows, cols + descriptors {body, stdin, stdout, stderr}: reply {pid}, later EXITED
 *         {code, signal}. On that connection SIGNAL and RESIZE {rows, cols} are about the process
 *         and are not answered; its end kills the process.
 */

#endif
