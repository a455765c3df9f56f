// SPDX-License-Identifier: Apache-2.0
/* What `exec` is to run: from a process document, or from the container's own process with the
 * command line's changes. */
#ifndef ISLET_RUNTIME_EXEC_PROCESS_H
#define ISLET_RUNTIME_EXEC_PROCESS_H

#include <stdbool.h>

#include "base/err.h"
#include "runtime/runtime.h"
#include "runtime/spec.h"

/* With a document *ret is the caller's and *ret_own true; what it leaves out is taken from
 * `container`. Else *ret is the changed process of `container`, which goes on owning it. */
int exec_process(const struct rt_exec *r, struct spec *container, struct spec_process *ret,
        bool *ret_own, struct err *e) must_check;

/* "uid[:gid]", decimal, nothing else (CVE-2026-30892: a short form must never end as uid 0). */
int exec_user_parse(const char *text, struct json_u64 *ret_uid, struct json_u64 *ret_gid,
        struct err *e) must_check;

#endif
