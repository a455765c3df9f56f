// SPDX-License-Identifier: Apache-2.0
/* What callers read: line 1 `<name> version X`, then "commit: ", "spec: ", "libseccomp: ", as runc
 * prints them. */
#include <seccomp.h>

#include "base/own.h"
#include "cli/out.h"
#include "cli/verbs.h"

#ifndef ISLET_COMMIT
#define ISLET_COMMIT "unknown"
#endif
#ifndef ISLET_VERSION
#define ISLET_VERSION "unknown"
#endif

int cli_version(const struct cli_call *call, struct err *e)
{
    (void)call; /* nothing of it matters */
    const struct scmp_version *s = seccomp_version();
    autofree char *text = str_fmt("islet version %s\ncommit: %s\nspec: %s\nlibseccomp: %u.%u.%u\n",
            ISLET_VERSION, ISLET_COMMIT, RT_OCI_VERSION, s ? s->major : 0, s ? s->minor : 0,
            s ? s->micro : 0);
    return out_text(text, e);
}
