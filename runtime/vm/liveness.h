// SPDX-License-Identifier: Apache-2.0
/* Is that process still the one that was recorded? By pid, start time and not being a zombie: PID 1
 * of some machines reaps late or never. */
#ifndef ISLET_RUNTIME_VM_LIVENESS_H
#define ISLET_RUNTIME_VM_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Field 22 of /proc/PID/stat; false when there is no such process or it is a zombie. */
bool liveness_start_time(pid_t pid, uint64_t *ret);
bool liveness_is_alive(pid_t pid, uint64_t start_time);

/* SIGKILL by pidfd, so that only the recorded process can be hit, and waits until it is dead or
 * timeout_ms passed. False when it is still alive. */
bool liveness_kill(pid_t pid, uint64_t start_time, int timeout_ms);

#endif
