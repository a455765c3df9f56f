// SPDX-License-Identifier: Apache-2.0
/*
 * The bytes between the host process and the agent, and the one decoder of them.
 *
 * A frame is a header of 20 bytes and at most WIRE_DATA_MAX bytes of data, little-endian:
 *
 *   u32 magic   "ISL1"     u16 type   u16 0
 *   u32 len     of data    u32 stream (0 for those that belong to none)
 *   u32 id      of the request that is made or answered, 0 for the others
 *
 * Who says what (H host, A agent). Texts are u32 length + bytes without NUL. "cid" is the container
 * id and stands in every request, so that one VM may hold several containers later. "proc" is a
 * number that the host gives to a process it asks for (never reused on a link); its streams are
 * proc * 4 + {0 stdin, 1 stdout, 2 stderr, 3 body}: the body goes to the agent before the request
 * is acted upon and holds what may be larger than a frame.
 *
 *   A HELLO    version, kernel release                  first of all
 *   H WELCOME  version, time in ns, host name           sets the guest's clock
 *   H CREATE   cid, proc, flags, rows, cols             body: struct wire_create's fields
 *   H START    cid
 *   H EXEC     cid, proc, flags, rows, cols             body: struct wire_exec's fields
 *   H SIGNAL   cid, proc (0: by rt_kill), signal, all
 *   H RESIZE   cid, proc, rows, cols
 *   H PS       cid                                      reply: n, n pids
 *   H PAUSE    cid, on
 *   H DELETE   cid
 *   H BYE      -                                        sync; reply; power off
 *   A REPLY    struct err (kind 0: well), then what the request says
 *   A EXITED   cid, proc, code, signal                  when the process is dead
 *   . DATA     bytes of a stream      . EOF   no more of them
 *   . CREDIT   u32: that many bytes were consumed and may be sent again
 *   . STOP     the receiver takes no more; answered by EOF
 *
 * Requests are numbered and idempotent: the agent answers a repeated id with the reply it gave.
 * Each stream starts with a credit of WIRE_WINDOW; data beyond the credit breaks the link. So a
 * slow reader stops its writer and nothing else, and both sides hold bounded memory.
 */
#ifndef ISLET_RUNTIME_VM_WIRE_H
#define ISLET_RUNTIME_VM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WIRE_VERSION 1u
#define WIRE_MAGIC 0x314c5349u
#define WIRE_HEADER 20u
#define WIRE_FRAME_MAX 65536u
#define WIRE_DATA_MAX (WIRE_FRAME_MAX - WIRE_HEADER)
#define WIRE_WINDOW (256u << 10)
#define WIRE_BODY_MAX (8u << 20)

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_WELCOME,
    WIRE_CREATE,
    WIRE_START,
    WIRE_EXEC,
    WIRE_SIGNAL,
    WIRE_RESIZE,
    WIRE_PS,
    WIRE_PAUSE,
    WIRE_DELETE,
    WIRE_BYE,
    WIRE_REPLY,
    WIRE_EXITED,
    WIRE_DATA,
    WIRE_EOF,
    WIRE_CREDIT,
    WIRE_STOP,
    WIRE_TYPE_END,
};

enum wire_stream { WIRE_STDIN, WIRE_STDOUT, WIRE_STDERR, WIRE_BODY };
static inline uint32_t wire_stream_id(uint32_t proc, enum wire_stream s)
{
    return proc * 4 + (uint32_t)s;
}

enum wire_flag { WIRE_TTY = 1u << 0 };

struct wire_frame {
    uint16_t type; /* enum wire_type */
    uint32_t stream;
    uint32_t id;
    uint32_t len;
    const unsigned char *data; /* valid until the decoder is used again */
};

/* -- frames out ------------------------------------------------------------------------------ */

void wire_header_put(unsigned char out[WIRE_HEADER], const struct wire_frame *f);

/* -- frames in: bytes in any pieces, frames out ---------------------------------------------- */

struct wire_decoder {
    unsigned char *buf; /* 2 * WIRE_FRAME_MAX */
    size_t at;
    size_t have;
};
void wire_decoder_init(struct wire_decoder *d);
void wire_decoder_release(struct wire_decoder *d);
/* Where to read the next bytes to, never less than WIRE_FRAME_MAX once all frames were taken. */
unsigned char *wire_decoder_room(struct wire_decoder *d, size_t *ret_room);
void wire_decoder_fed(struct wire_decoder *d, size_t n);
/* An error means that the other side does not speak this protocol: the link is to be dropped. */
int wire_decoder_next(struct wire_decoder *d, struct wire_frame *ret, bool *ret_has,
        struct err *e) must_check;

/* -- values ---------------------------------------------------------------------------------- */

/* A growing buffer. Owned: wire_out_release. */
struct wire_out {
    unsigned char *buf;
    size_t len;
    size_t room;
};
void wire_put_u32(struct wire_out *o, uint32_t v);
void wire_put_u64(struct wire_out *o, uint64_t v);
void wire_put_bytes(struct wire_out *o, const void *p, size_t n); /* no length in front */
void wire_put_block(struct wire_out *o, const void *p, size_t n); /* u32 length in front */
void wire_put_str(struct wire_out *o, const char *s);             /* NULL as "" */
void wire_put_strs(struct wire_out *o, const char *const *list);  /* NULL as empty */
void wire_put_err(struct wire_out *o, const struct err *what);
void wire_out_release(struct wire_out *o);

/* A cursor. The first thing that does not fit makes it bad, and every later read gives 0 or "";
 * so values are read in a row and wire_in_end is asked once. */
struct wire_in {
    const unsigned char *p;
    size_t left;
    bool is_bad;
};
uint32_t wire_get_u32(struct wire_in *i);
uint64_t wire_get_u64(struct wire_in *i);
char *wire_get_str(struct wire_in *i); /* the caller's, never NULL; a NUL inside is bad */
const unsigned char *wire_get_bytes(struct wire_in *i, size_t *ret_n); /* u32 length in front */
char **wire_get_strs(struct wire_in *i); /* NULL-terminated, the caller's (wire_strs_free) */
void wire_strs_free(char **list);
/* Control characters of the text become '?': it may reach a terminal. */
void wire_get_err(struct wire_in *i, struct err *ret);
/* Everything read, nothing left over? */
int wire_in_end(const struct wire_in *i, const char *what, struct err *e) must_check;

/* -- compound values ------------------------------------------------------------------------- */

/* The body of CREATE. Owned: wire_create_release. */
struct wire_create {
    char **sysctls; /* "net.x.y=v" for the guest's network namespace */
    char *config;   /* text of config.json */
    struct wire_file {
        unsigned char *data;
        size_t len;
    } * files; /* copies of client files, by number */
    size_t n_files;
};
int wire_create_decode(const unsigned char *p, size_t n, struct wire_create *ret,
        struct err *e) must_check;
void wire_create_encode(struct wire_out *o, const struct wire_create *c);
void wire_create_release(struct wire_create *c);

/* The body of EXEC. Owned: wire_exec_release. */
struct wire_exec {
    char *process; /* text of a process object; "" when argv and the rest say it */
    char **argv;
    char **env;
    char **caps;
    char *cwd;      /* "" = the container's */
    char *user;     /* "" = none given */
    char *apparmor; /* "" = none */
    uint32_t *gids;
    uint32_t n_gids;
    uint32_t flags; /* enum wire_exec_flag */
};
enum wire_exec_flag { WIRE_EXEC_NO_NEW_PRIVS = 1u << 0, WIRE_EXEC_IGNORE_PAUSED = 1u << 1 };
int wire_exec_decode(const unsigned char *p, size_t n, struct wire_exec *ret,
        struct err *e) must_check;
void wire_exec_encode(struct wire_out *o, const struct wire_exec *x);
void wire_exec_release(struct wire_exec *x);

#endif
