// SPDX-License-Identifier: Apache-2.0
/* What the files of the stage share among themselves; see stage.h. */
#ifndef ISLET_RUNTIME_STAGE_PARTS_H
#define ISLET_RUNTIME_STAGE_PARTS_H

#include "runtime/stage/stage.h"

struct stage {
    const struct stage_plan *plan; /* mapped privately, checked by stage_open */
    const char *home;              /* "HOME=…" to add, or NULL */
    int is_started;   /* nobody listens on the socket any more: trouble is told on stderr */
    char found[4096]; /* path of the program */
};

/* talk.c */
void stage_open(struct stage *s, const char *fd_text, const char *home);
void stage_send(const struct stage *s, const struct stage_msg *m, int fd);
void stage_fail(const struct stage *s, enum stage_point at, long rc, const char *object)
        __attribute__((noreturn));
void stage_exit(int code) __attribute__((noreturn));
/* A string of the block; "" for none. Every offset is checked against the block's size. */
const char *stage_str(const struct stage *s, stage_off off);
const void *stage_bytes(const struct stage *s, stage_off off, uint32_t len);
void stage_copy(char *out, uint32_t room, const char *text);

/* tty.c */
void stage_terminal(const struct stage *s);

/* identity.c */
/* Before a user namespace is entered only raised (a right of the host's root); set exactly when
 * nothing of ours needs a file or memory any more. */
void stage_raise_rlimits(const struct stage *s);
void stage_set_rlimits(const struct stage *s);
void stage_label(const struct stage *s);
void stage_identity(const struct stage *s);

/* leave.c */
/* What the payload keeps, the socket (close-on-exec: its end tells islet that the payload runs) and
 * the start fifo stay; everything else is closed for real, before a filter could forbid it. */
void stage_close_others(const struct stage *s);
/* Tried before the user changes (a cwd only root may enter) and, if that failed, once more after;
 * returns whether it is done; is_last makes a failure final. */
int stage_chdir(const struct stage *s, int is_last);
const char *stage_look(struct stage *s);
void stage_seccomp(const struct stage *s);
void stage_leave(const struct stage *s, const char *program);

#endif
