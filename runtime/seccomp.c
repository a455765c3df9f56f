// SPDX-License-Identifier: Apache-2.0
/* See seccomp.h. */
#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#define FILTER_MAX (BPF_MAXINSNS * sizeof(struct sock_filter))

static void ctx_release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

/* runtime-spec config-linux#seccomp: errnoRet belongs to ERRNO and TRACE only. */
static int action_of(const char *name, const struct json_u64 *errno_ret, uint32_t *ret,
        struct err *e)
{
    static const struct {
        const char *name;
        uint32_t action;
    } actions[] = {
            {"SCMP_ACT_ALLOW",        SCMP_ACT_ALLOW       },
            {"SCMP_ACT_KILL",         SCMP_ACT_KILL_THREAD },
            {"SCMP_ACT_KILL_THREAD",  SCMP_ACT_KILL_THREAD },
            {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
            {"SCMP_ACT_TRAP",         SCMP_ACT_TRAP        },
            {"SCMP_ACT_LOG",          SCMP_ACT_LOG         },
    };
    uint32_t code = errno_ret->is_set ? (uint32_t)errno_ret->v : EPERM;
    if (strcmp(name, "SCMP_ACT_ERRNO") == 0) {
        *ret = SCMP_ACT_ERRNO(code);
        return 0;
    }
    if (strcmp(name, "SCMP_ACT_TRACE") == 0) {
        *ret = SCMP_ACT_TRACE(code);
        return 0;
    }
    if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
        return err_set(e, ERR_UNSUPPORTED,
                "SCMP_ACT_NOTIFY: not supported: this build does not apply it yet");
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].name, name) != 0)
            continue;
        if (errno_ret->is_set && errno_ret->v)
            return err_set(e, ERR_CONFIG,
                    "errnoRet goes with SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, not with %s", name);
        *ret = actions[i].action;
        return 0;
    }
    return err_set(e, ERR_CONFIG, "no such action '%s'", name);
}

static int arg_of(const struct spec_syscall_arg *a, struct scmp_arg_cmp *ret, struct err *e)
{
    static const char *const ops[] = {NULL, "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",
            "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
    for (unsigned op = 1; op < ARRAY_LEN(ops); op++) {
        if (strcmp(ops[op], a->op) != 0)
            continue;
        *ret = (struct scmp_arg_cmp){.arg = (unsigned)a->index.v,
                .op = (enum scmp_compare)op,
                .datum_a = a->value.v,
                .datum_b = a->value_two.v};
        return 0;
    }
    return err_set(e, ERR_CONFIG, "no such comparison '%s'", a->op);
}

static int rule_add(scmp_filter_ctx ctx, uint32_t action, int nr, const struct scmp_arg_cmp *args,
        unsigned n, const char *name, struct err *e)
{
    int rc = seccomp_rule_add_array(ctx, action, nr, n, args);
    if (rc < 0 && rc != -EEXIST && rc != -EDOM) /* -EDOM: not on this architecture */
        return err_sysno(e, -rc, "rule for '%s'", name);
    return 0;
}

/* Conditions on different arguments must all hold; several on one argument are alternatives, as
 * runc has it (libseccomp takes one comparison per argument and rule). */
static int call_add(scmp_filter_ctx ctx, uint32_t action, const char *name,
        const struct spec_syscall *s, struct err *e)
{
    struct scmp_arg_cmp args[6];
    unsigned seen = 0;
    bool is_repeated = false;
    int nr = seccomp_syscall_resolve_name(name);
    if (nr == __NR_SCMP_ERROR)
        return 0;
    if (s->n_args > 6)
        return err_set(e, ERR_CONFIG, "args: more than 6 conditions");
    for (size_t i = 0; i < s->n_args; i++) {
        if (arg_of(&s->args[i], &args[i], e) < 0)
            return err_add(e, "args/%zu/op", i);
        is_repeated |= (seen >> args[i].arg) & 1;
        seen |= 1u << args[i].arg;
    }
    if (!is_repeated)
        return rule_add(ctx, action, nr, args, (unsigned)s->n_args, name, e);
    for (size_t i = 0; i < s->n_args; i++)
        if (rule_add(ctx, action, nr, &args[i], 1, name, e) < 0)
            return -1;
    return 0;
}

static int calls_add(scmp_filter_ctx ctx, const struct spec_seccomp *s, uint32_t default_action,
        struct err *e)
{
    for (size_t i = 0; i < s->n_syscalls; i++) {
        const struct spec_syscall *call = &s->syscalls[i];
        uint32_t action = 0;
        if (action_of(call->action, &call->errno_ret, &action, e) < 0)
            return err_add(e, "/linux/seccomp/syscalls/%zu/action", i);
        if (action == default_action)
            continue; /* libseccomp refuses what says nothing */
        for (size_t k = 0; k < call->n_names; k++)
            if (call_add(ctx, action, call->names[k], call, e) < 0)
                return err_add(e, "/linux/seccomp/syscalls/%zu", i);
    }
    return 0;
}

static int arches_add(scmp_filter_ctx ctx, const struct spec_seccomp *s, struct err *e)
{
    for (size_t i = 0; i < s->n_architectures; i++) {
        const char *name = s->architectures[i];
        char lower[32] = {0};
        if (strncmp(name, "SCMP_ARCH_", 10) == 0)
            name += 10;
        for (size_t k = 0; k + 1 < sizeof(lower) && name[k]; k++)
            lower[k] = (char)(name[k] >= 'A' && name[k] <= 'Z' ? name[k] + 32 : name[k]);
        uint32_t arch = seccomp_arch_resolve_name(lower);
        if (!arch)
            return err_set(e, ERR_CONFIG,
                    "/linux/seccomp/architectures/%zu: no such architecture '%s'", i,
                    s->architectures[i]);
        int rc = seccomp_arch_add(ctx, arch);
        if (rc < 0 && rc != -EEXIST)
            return err_sysno(e, -rc, "/linux/seccomp/architectures/%zu", i);
    }
    return 0;
}

static int flags_of(const struct spec_seccomp *s, uint32_t *ret, struct err *e)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < s->n_flags; i++) {
        if (strcmp(s->flags[i], "SECCOMP_FILTER_FLAG_LOG") == 0)
            flags |= SECCOMP_FILTER_FLAG_LOG;
        else if (strcmp(s->flags[i], "SECCOMP_FILTER_FLAG_SPEC_ALLOW") == 0)
            flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        else if (strcmp(s->flags[i], "SECCOMP_FILTER_FLAG_TSYNC") != 0) /* one thread: no matter */
            return err_set(e, ERR_UNSUPPORTED, "/linux/seccomp/flags/%zu: '%s': not supported", i,
                    s->flags[i]);
    }
    *ret = flags;
    return 0;
}

static int export(scmp_filter_ctx ctx, struct sock_filter **ret, size_t *ret_n, struct err *e)
{
    autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "memfd");
    int rc = seccomp_export_bpf(ctx, fd);
    if (rc < 0)
        return err_sysno(e, -rc, "compile the filter");
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "memfd");
    autofree char *bytes = NULL;
    size_t len;
    if (fd_read_all(fd, FILTER_MAX, &bytes, &len, e) < 0)
        return err_add(e, "compiled filter");
    *ret_n = len / sizeof(struct sock_filter);
    *ret = (struct sock_filter *)(void *)steal_ptr(bytes);
    return 0;
}

int seccomp_compile(const struct spec_seccomp *s, struct sock_filter **ret, size_t *ret_n,
        uint32_t *ret_flags, struct err *e)
{
    uint32_t action = 0;
    uint32_t flags = 0;
    if (action_of(s->default_action, &s->default_errno_ret, &action, e) < 0)
        return err_add(e, "/linux/seccomp/defaultAction");
    if (flags_of(s, &flags, e) < 0)
        return -1;
    __attribute__((cleanup(ctx_release))) scmp_filter_ctx ctx = seccomp_init(action);
    if (!ctx)
        return err_set(e, ERR_SYSTEM, "libseccomp does not start");
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: quicker to load and run */
    if (arches_add(ctx, s, e) < 0 || calls_add(ctx, s, action, e) < 0)
        return -1;
    if (export(ctx, ret, ret_n, e) < 0)
        return -1;
    *ret_flags = flags;
    return 0;
}

int seccomp_save(int dirfd, const struct sock_filter *f, size_t n, uint32_t flags, struct err *e)
{
    size_t bytes = n * sizeof(*f);
    autofree char *buf = mem_new(bytes + sizeof(flags), 1);
    memcpy(buf, &flags, sizeof(flags));
    memcpy(buf + sizeof(flags), f, bytes);
    return fd_write_atomic(dirfd, "seccomp.bpf", buf, bytes + sizeof(flags), 0600, e);
}

int seccomp_load_file(int dirfd, struct sock_filter **ret, size_t *ret_n, uint32_t *ret_flags,
        struct err *e)
{
    autofree char *buf = NULL;
    size_t len;
    if (fd_read_file(dirfd, "seccomp.bpf", FILTER_MAX + 4, &buf, &len, e) < 0)
        return -1;
    if (len < 4 + sizeof(struct sock_filter) || (len - 4) % sizeof(struct sock_filter))
        return err_set(e, ERR_STATE, "seccomp.bpf: %zu bytes is no filter", len);
    memcpy(ret_flags, buf, 4);
    *ret = mem_dup(buf + 4, len - 4);
    *ret_n = (len - 4) / sizeof(struct sock_filter);
    return 0;
}
