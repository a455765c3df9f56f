// SPDX-License-Identifier: Apache-2.0
/*
 * Small profiles from bytes through seccomp_compile. What compiles is a filter that ends, on every
 * call, in an action of the profile (or, for an architecture that it does not name, in a kill).
 * Calls without conditions and named by one rule only must get that rule's action.
 */
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>

#include "base/own.h"
#include "runtime/seccomp.h"
#include "tests/unit/runtime/cbpf.h"

enum { MAX_CALLS = 6, MAX_NAMES = 4, MAX_ARGS = 7 };

struct bytes {
    const uint8_t *p;
    size_t len;
};

static unsigned take(struct bytes *b)
{
    if (!b->len)
        return 0;
    b->len--;
    return *b->p++;
}

static uint64_t take_u64(struct bytes *b)
{
    static const uint64_t edges[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
            0x8000000000000000, UINT64_MAX};
    unsigned how = take(b);
    if (how < 2 * ARRAY_LEN(edges))
        return edges[how / 2];
    uint64_t v = 0;
    for (unsigned i = 0; i < (how & 7) + 1; i++)
        v = v << 8 | take(b);
    return v;
}

#define WORD(b, list) ((list)[take(b) % ARRAY_LEN(list)])

static char *action(struct bytes *b)
{
    static const char *const words[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
            "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_LOG", "SCMP_ACT_TRACE",
            "SCMP_ACT_KILL_THREAD", "SCMP_ACT_NOTIFY", "SCMP_ACT_"};
    return str_dup(WORD(b, words));
}

static struct json_u64 errno_ret(struct bytes *b)
{
    unsigned v = take(b);
    return (struct json_u64){v & 1, v >> 1};
}

static void make_arg(struct bytes *b, struct spec_syscall_arg *a)
{
    static const char *const words[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ",
            "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_"};
    a->index = (struct json_u64){true, take(b) % 6}; /* the table lets no more pass */
    a->value = (struct json_u64){true, take_u64(b)};
    a->value_two = (struct json_u64){true, take_u64(b)};
    a->op = str_dup(WORD(b, words));
}

/* Rules with conditions have calls of their own: where they overlap, libseccomp 2.5.4 may not come
 * to an end within a minute. */
static void make_call(struct bytes *b, size_t i, struct spec_syscall *c)
{
    static const char *const words[] = {"read", "write", "clone", "personality", "socket",
            "socketcall", "ioctl", "clone3", "no_such_call", "mmap2", "arch_prctl", "ptrace", "ipc",
            "openat", "execve", ""};
    c->action = action(b);
    c->errno_ret = errno_ret(b);
    unsigned n = take(b);
    c->n_args = n % 3 ? 0 : n % (MAX_ARGS + 1);
    c->n_names = c->n_args ? 1 : 1 + take(b) % MAX_NAMES;
    c->names = mem_new(c->n_names + 1, sizeof(*c->names));
    for (size_t k = 0; k < c->n_names; k++)
        c->names[k] = str_dup(c->n_args ? words[2 * i] : WORD(b, words));
    c->args = mem_new(c->n_args, sizeof(*c->args));
    for (size_t k = 0; k < c->n_args; k++)
        make_arg(b, &c->args[k]);
}

static void make(struct bytes *b, struct spec_seccomp *s)
{
    static const char *const arches[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32",
            "SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_NONE"};
    s->default_action = action(b);
    s->default_errno_ret = errno_ret(b);
    s->n_architectures = take(b) % 4;
    s->architectures = mem_new(s->n_architectures + 1, sizeof(char *));
    for (size_t i = 0; i < s->n_architectures; i++)
        s->architectures[i] = str_dup(WORD(b, arches));
    s->n_syscalls = take(b) % (MAX_CALLS + 1);
    s->syscalls = mem_new(s->n_syscalls, sizeof(*s->syscalls));
    for (size_t i = 0; i < s->n_syscalls; i++)
        make_call(b, i, &s->syscalls[i]);
}

static void release(struct spec_seccomp *s)
{
    for (size_t i = 0; i < s->n_syscalls; i++) {
        struct spec_syscall *c = &s->syscalls[i];
        for (size_t k = 0; k < c->n_names; k++)
            mem_free(c->names[k]);
        for (size_t k = 0; k < c->n_args; k++)
            mem_free(c->args[k].op);
        mem_free(c->names);
        mem_free(c->args);
        mem_free(c->action);
    }
    for (size_t i = 0; i < s->n_architectures; i++)
        mem_free(s->architectures[i]);
    mem_free(s->architectures);
    mem_free(s->syscalls);
    mem_free(s->default_action);
}

/* The kernel's word for a profile's. */
static uint32_t answer_of(const char *word, const struct json_u64 *number)
{
    uint32_t data = number->is_set ? (uint32_t)number->v : 1;
    if (strcmp(word, "SCMP_ACT_ALLOW") == 0)
        return SECCOMP_RET_ALLOW;
    if (strcmp(word, "SCMP_ACT_ERRNO") == 0)
        return SECCOMP_RET_ERRNO | data;
    if (strcmp(word, "SCMP_ACT_TRACE") == 0)
        return SECCOMP_RET_TRACE | data;
    if (strcmp(word, "SCMP_ACT_TRAP") == 0)
        return SECCOMP_RET_TRAP;
    if (strcmp(word, "SCMP_ACT_LOG") == 0)
        return SECCOMP_RET_LOG;
    return strcmp(word, "SCMP_ACT_KILL_PROCESS") == 0 ? SECCOMP_RET_KILL_PROCESS
                                                      : SECCOMP_RET_KILL_THREAD;
}

static bool is_of_profile(const struct spec_seccomp *s, uint32_t answer)
{
    if (answer == answer_of(s->default_action, &s->default_errno_ret))
        return true;
    for (size_t i = 0; i < s->n_syscalls; i++)
        if (answer == answer_of(s->syscalls[i].action, &s->syscalls[i].errno_ret))
            return true;
    return false;
}

/* The answer that has to come for a call of this machine, when it is plain which. */
static bool is_plain(const struct spec_seccomp *s, const char *name, uint32_t *ret)
{
    size_t n = 0;
    *ret = answer_of(s->default_action, &s->default_errno_ret);
    for (size_t i = 0; i < s->n_syscalls; i++)
        for (size_t k = 0; k < s->syscalls[i].n_names; k++) {
            if (strcmp(s->syscalls[i].names[k], name) != 0)
                continue;
            if (s->syscalls[i].n_args || n++)
                return false;
            *ret = answer_of(s->syscalls[i].action, &s->syscalls[i].errno_ret);
        }
    return true;
}

static void check(struct bytes *b, const struct spec_seccomp *s, const struct sock_filter *f,
        size_t n)
{
    static const char *const names[] = {"read", "write", "clone", "personality", "socket", "ioctl",
            "ptrace", "getpid"};
    struct seccomp_data call = {.arch = seccomp_arch_native()};
    uint32_t answer, expected;
    for (size_t i = 0; i < ARRAY_LEN(call.args); i++)
        call.args[i] = take_u64(b);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        call.nr = seccomp_syscall_resolve_name(names[i]);
        ASSERT(cbpf_run(f, n, &call, &answer));
        ASSERT(is_of_profile(s, answer));
        if (is_plain(s, names[i], &expected))
            ASSERT(answer == expected);
    }
    call.nr = (int)take_u64(b);
    call.arch = take(b) & 1 ? (uint32_t)take_u64(b) : SCMP_ARCH_X86;
    ASSERT(cbpf_run(f, n, &call, &answer));
    ASSERT(is_of_profile(s, answer) || answer == SECCOMP_RET_KILL_THREAD);
}

/* libseccomp 2.5.4 loses nodes of its tree when rules of one call overlap; not ours to mend. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libseccomp";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    struct bytes b = {data, len};
    struct spec_seccomp s = {0};
    struct sock_filter *f = NULL;
    size_t n = 0;
    uint32_t flags;
    make(&b, &s);
    if (seccomp_compile(&s, &f, &n, &flags, &e) == 0) {
        ASSERT(n > 0 && n <= BPF_MAXINSNS);
        check(&b, &s, f, n);
        mem_free(f);
    } else {
        ASSERT(e.kind != ERR_NONE && e.text[0] && !f);
    }
    release(&s);
    return 0;
}
