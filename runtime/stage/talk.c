// SPDX-License-Identifier: Apache-2.0
/* The stage's plan and its talk with islet; see stage.h. */
#include "runtime/stage/parts.h"
#include "runtime/stage/sys.h"

struct iovec_ {
    const void *base;
    uint64_t len;
};
struct msghdr_ {
    void *name;
    uint32_t namelen;
    struct iovec_ *iov;
    uint64_t iovlen;
    void *control;
    uint64_t controllen;
    int flags;
};
struct cmsg_ {
    uint64_t len;
    int level;
    int type;
    int fd;
    int pad;
};

/* The compiler may call these for struct copies even when freestanding. */
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

void *memset(void *p, int c, size_t n)
{
    char *q = p;
    while (n--)
        *q++ = (char)c;
    return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
    char *q = to;
    const char *f = from;
    while (n--)
        *q++ = *f++;
    return to;
}

void stage_exit(int code)
{
    for (;;)
        (void)sys1(__NR_exit_group, code);
}

void stage_copy(char *out, uint32_t room, const char *text)
{
    uint32_t i = 0;
    for (; text && text[i] && i + 1 < room; i++)
        out[i] = text[i];
    out[i] = '\0';
}

void stage_send(const struct stage *s, const struct stage_msg *m, int fd)
{
    struct iovec_ iov = {m, sizeof(*m)};
    struct cmsg_ cmsg = {.len = 20 /* CMSG_LEN(4) */,
            .level = 1 /* SOL_SOCKET */,
            .type = 1 /* SCM_RIGHTS */,
            .fd = fd};
    struct msghdr_ h = {.iov = &iov, .iovlen = 1};
    if (fd >= 0) {
        h.control = &cmsg;
        h.controllen = sizeof(cmsg);
    }
    long rc;
    do
        rc = sys3(__NR_sendmsg, s->plan->sync_fd, SYS_PTR(&h), 0x4000 /* MSG_NOSIGNAL */);
    while (rc == -4);
    if (rc < 0) /* islet is gone: nobody wants this payload */
        stage_exit(1);
}

/* After `start` islet is gone; the container's stderr is where people look. */
static void tell(const struct stage_msg *m)
{
    static const struct {
        int sys;
        const char *text;
    } reasons[] = {
            {2,  "no such file or directory"},
            {8,  "exec format error"        },
            {13, "permission denied"        },
            {12, "cannot allocate memory"   },
            {0,  "it failed"                }
    };
    char line[600] = "islet: exec ";
    uint32_t at = 12, i = 0;
    while (reasons[i].sys && reasons[i].sys != m->sys)
        i++;
    stage_copy(line + at, sizeof(line) - at, m->text);
    while (line[at])
        at++;
    stage_copy(line + at, sizeof(line) - at, ": ");
    stage_copy(line + at + 2, sizeof(line) - at - 2, reasons[i].text);
    while (line[at])
        at++;
    line[at] = '\n';
    (void)sys3(__NR_write, 2, SYS_PTR(line), at + 1);
}

void stage_fail(const struct stage *s, enum stage_point at, long rc, const char *object)
{
    struct stage_msg m = {.type = STAGE_MSG_FAIL, .point = at, .sys = (int32_t)-rc};
    stage_copy(m.text, sizeof(m.text), object);
    if (s->is_started)
        tell(&m);
    stage_send(s, &m, -1);
    stage_exit(1);
}

const void *stage_bytes(const struct stage *s, stage_off off, uint32_t len)
{
    if (off > s->plan->size || len > s->plan->size - off)
        stage_exit(125);
    return (const char *)s->plan + off;
}

const char *stage_str(const struct stage *s, stage_off off)
{
    if (!off)
        return "";
    return stage_bytes(s, off, 1); /* the block ends with a NUL byte */
}

static long number(const char *text)
{
    long n = 0;
    if (!text || !*text)
        return -1;
    for (; *text >= '0' && *text <= '9' && n < 1000000; text++)
        n = n * 10 + (*text - '0');
    return *text ? -1 : n;
}

void stage_open(struct stage *s, const char *fd_text, const char *home)
{
    long plan_fd = number(fd_text);
    if (plan_fd < 0)
        stage_exit(125);
    long size = sys3(__NR_lseek, plan_fd, 0, 2 /* SEEK_END */);
    if (size < (long)sizeof(struct stage_plan))
        stage_exit(125);
    /* PROT_READ | PROT_WRITE, MAP_PRIVATE: nobody changes it under us */
    long at = sys6(__NR_mmap, 0, size, 3, 2, plan_fd, 0);
    if (at < 0 && at > -4096)
        stage_exit(125);
    const struct stage_plan *p = (const struct stage_plan *)at;
    if (p->magic != STAGE_MAGIC || p->size != (uint64_t)size || ((const char *)p)[size - 1] != '\0')
        stage_exit(125);
    s->plan = p;
    s->home = home;
    (void)sys1(__NR_close, plan_fd);
}
