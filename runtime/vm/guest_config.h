// SPDX-License-Identifier: Apache-2.0
/*
 * What the guest applies: the bundle's config.json, minus what belongs to the host. Pure.
 *
 * The guest runs the same runtime code on the result, so everything that is not named here stays as
 * it is: process, user, capabilities, rlimits, seccomp, resources (exact in the guest), masked and
 * read-only paths, mounts of file systems that the guest's kernel makes.
 *
 *   root.path              the virtiofs mount
 *   hooks                  run on the host by the host's runtime; startContainer, which runs inside
 *                          the container, stays; createContainer is refused (it needs both)
 *   namespaces             paths go (they are of the host); network goes altogether: the guest's
 *                          own is the container's. net.* sysctls therefore go to the agent
 *   cgroupsPath            replaced
 *   bind mounts            of the host are refused by pointer until volumes exist, except
 *                          what can be mirrored without a share: /dev/shm becomes a tmpfs, and the
 *                          small files that clients make (resolv.conf, hosts, …) are copied
 *   devices                those that every kernel has; others are refused by pointer
 *   AppArmor, SELinux      no policy is loaded in the guest: refused, or a gap
 */
#ifndef ISLET_RUNTIME_VM_GUEST_CONFIG_H
#define ISLET_RUNTIME_VM_GUEST_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define GUEST_ROOT "/run/islet/root"
#define GUEST_FILES "/run/islet/files"
#define GUEST_FILE_MAX 65536u

struct guest_config {
    json_t *config; /* for the guest */
    char **files;   /* host paths to copy; number i becomes GUEST_FILES/i */
    char **sysctls; /* "net.ipv4.x=1", for the guest's own network namespace */
    char **gaps;    /* what was asked and not achieved */
    bool has_tty;   /* process.terminal */
};

/* All lists are NULL-terminated, never NULL. Owned: guest_config_release. */
int guest_config_make(const json_t *config, const char *id, bool allow_degraded,
        struct guest_config *ret, struct err *e) must_check;
void guest_config_release(struct guest_config *g);

#endif
