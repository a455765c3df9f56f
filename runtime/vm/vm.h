// SPDX-License-Identifier: Apache-2.0
/*
 * The VM wall: what the verbs call when a container's isolation is "vm".
 *
 * Per container one host process (role @vmhost), child of whoever called islet, session leader, in
 * the container's host cgroup. Its pid is the pid in the state and its exit status is the
 * payload's. It starts the VM, talks to the agent (the guest's PID 1, which applies the bundle with
 * the same rt_* code as on the host) and serves <state dir>/vm/control.sock for later verbs.
 *
 * Below <state dir>/vm, written by the host process:
 *   control.sock  requests of later verbs (SOCK_SEQPACKET; the directory is 0700)
 *   vm.json       {schema, uid, processes: [{pid, startTime}]} for a delete after any crash
 *   started, paused   markers; the status is derived from these and from the host process
 *   console.log   the guest kernel's log
 * and <state dir>/exit.json {schema, code, signal, reason, time} once, when the payload has ended.
 *
 * How it ends:
 *   reason "exited"    the payload ended: its code, or the host process dies by the same signal
 *   reason "poweroff"  the guest was powered off from inside: 0
 *   reason "reboot"    the guest was rebooted from inside: 0 (it is not booted again)
 *   reason "panic"     the guest kernel died: 255
 *   reason "crash"     QEMU or virtiofsd died, or the agent stopped to answer: 255
 *   reason "killed"    SIGKILL was asked for and the guest did not react: SIGKILL, 137
 * SIGKILL of the host process itself leaves no exit.json: status stopped, vmw_delete cleans up.
 */
#ifndef ISLET_RUNTIME_VM_VM_H
#define ISLET_RUNTIME_VM_VM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/runtime.h"

/* Which container; both are the caller's. */
struct vmw_place {
    const char *id;
    int statedir_fd;  /* <root>/<id>, mode 0700, exists */
    const char *root; /* <root>: holds .vm-uids */
};

struct vmw_request {
    const struct rt_context *context; /* allow_degraded, vm_kernel */
    const struct rt_create
            *create;       /* id, bundle (a path), console_socket, preserve_fds (refused) */
    json_t *config;        /* the bundle's document, unchanged */
    const char *state_dir; /* absolute path of place.statedir_fd */
    int cgroup_fd;         /* host process and VM start here; -1: stay */
};

struct vmw_created {
    pid_t pid; /* of the host process, our child until we exit */
    uint64_t starttime;
    const char *acceleration; /* "kvm" or "emulated"; static */
    char **gaps;              /* NULL-terminated or NULL; the caller's */
};

/* Returns when the container is created inside the guest, or with everything undone. stdin, stdout
 * and stderr of the caller become the payload's (or the console socket gets a pty). */
int vmw_create(const struct vmw_place *p, const struct vmw_request *r, struct vmw_created *ret,
        struct err *e) must_check;

/* What the host cgroup of the VM is to carry: linux.resources with memory + VMW_MEMORY_OVERHEAD,
 * and without what only makes sense inside (pids, devices, hugepages, rdma). A new reference. */
json_t *vmw_host_resources(const json_t *config);
#define VMW_MEMORY_OVERHEAD (96ull << 20)

int vmw_start(const struct vmw_place *p, struct err *e) must_check;

/* Foreground `run`: waits for the host process (our child), passing on our signals to it; has_tty:
 * stdin is put in raw mode meanwhile. *ret_status: exit code, or 128+n. */
int vmw_wait(pid_t pid, bool has_tty, int *ret_status, struct err *e) must_check;

/* As rt_exec. Detached: *ret_pid is a process (our child until we exit) that carries the exit
 * status; the caller writes the pid file. Foreground: *ret_pid is 0, *ret_status as vmw_wait. */
int vmw_exec(const struct vmw_place *p, const struct rt_exec *r, pid_t *ret_pid, int *ret_status,
        struct err *e) must_check;

int vmw_kill(const struct vmw_place *p, int sig, bool is_all, struct err *e) must_check;
int vmw_ps(const struct vmw_place *p, pid_t **ret, size_t *ret_n, struct err *e) must_check;
int vmw_pause(const struct vmw_place *p, bool is_paused, struct err *e) must_check;

/* From files alone: never talks to the guest. `pid` and `starttime` are the state's. */
int vmw_status(const struct vmw_place *p, pid_t pid, uint64_t starttime, enum rt_status *ret,
        struct err *e) must_check;

/* Kills every process of the VM that is left (by pid and start time; the caller kills its cgroup)
 * and gives the uids back. Idempotent; works after a SIGKILL of everything. The directory below
 * statedir_fd is the caller's to remove. */
int vmw_delete(const struct vmw_place *p, pid_t pid, uint64_t starttime, struct err *e) must_check;

/* Role mains: "@vmhost", and "@agent" or argv[0] "/init" with pid 1. */
int vm_host_main(int argc, char **argv);
int vm_agent_main(int argc, char **argv);

#endif
