// SPDX-License-Identifier: Apache-2.0
/*
 * Device rules -> BPF_PROG_TYPE_CGROUP_DEVICE (Linux 4.15).
 *
 * The kernel asks for several accesses at once (O_RDWR is r and w), so "the last matching rule
 * wins" has to hold for each of them by itself: comparing the whole request with one rule lets a
 * deny of "w" be evaded by asking for "rw". The program therefore keeps what is still undecided and
 * goes through the rules from the last to the first: a matching deny that names something undecided
 * ends it, a matching allow takes its accesses out, and nothing left is a yes.
 *
 *   r2 = type (low half of access_type)   r4 = major
 *   r3 = undecided accesses (high half)   r5 = minor
 *
 * A rule for every access to every device is the verdict for all that comes so far, and what stands
 * before it is not emitted: the verifier refuses unreachable instructions.
 */
#include <stdint.h>
#include <string.h>

#include "base/own.h"
#include "cgroups/devices.h"

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define INSNS_PER_RULE 6
#define INSNS_AROUND 12

/* Jump targets that are known only at the end; no real jump goes back. */
enum target {
    TO_DENY = -1,
    TO_ALLOW = -2,
};

struct rule {
    bool is_allow;
    int type; /* BPF_DEVCG_DEV_*, 0: any */
    int64_t major;
    int64_t minor;
    int access; /* BPF_DEVCG_ACC_* */
};

struct program {
    struct bpf_insn *insns;
    size_t n;
};

static void emit(struct program *p, int code, int dst, int src, int off, int32_t imm)
{
    p->insns[p->n++] = (struct bpf_insn){
        .code = (uint8_t)code,
        .dst_reg = (uint8_t)(dst & 0xf),
        .src_reg = (uint8_t)(src & 0xf),
        .off = (int16_t)off,
        .imm = imm,
    };
}

static void emit_load(struct program *p, int dst, size_t offset)
{
    emit(p, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, (int)offset, 0);
}

static int type_of(const char *type, int *ret, struct err *e)
{
    if (!type || !type[0] || strcmp(type, "a") == 0)
        *ret = 0;
    else if (strcmp(type, "b") == 0)
        *ret = BPF_DEVCG_DEV_BLOCK;
    else if (strcmp(type, "c") == 0 || strcmp(type, "u") == 0)
        *ret = BPF_DEVCG_DEV_CHAR;
    else
        return err_set(e, ERR_CONFIG, "type '%s' is none of a, b, c", type);
    return 0;
}

static int access_of(const char *access, int *ret, struct err *e)
{
    int mask = 0;
    for (const char *p = access ? access : ""; *p; p++) {
        if (*p == 'r')
            mask |= BPF_DEVCG_ACC_READ;
        else if (*p == 'w')
            mask |= BPF_DEVCG_ACC_WRITE;
        else if (*p == 'm')
            mask |= BPF_DEVCG_ACC_MKNOD;
        else
            return err_set(e, ERR_CONFIG, "access '%s' has other letters than r, w, m", access);
    }
    *ret = mask ? mask : ACCESS_ALL;
    return 0;
}

static int number_of(const struct json_i64 *n, const char *name, int64_t *ret, struct err *e)
{
    *ret = n->is_set ? n->v : -1;
    if (*ret < -1 || *ret > UINT32_MAX)
        return err_set(e, ERR_CONFIG, "%s %lld is out of range", name, (long long)*ret);
    return 0;
}

static int rule_read(const struct cg_device_rule *in, struct rule *ret, struct err *e)
{
    struct rule r = {.is_allow = in->allow.is_set && in->allow.v};
    if (type_of(in->type, &r.type, e) < 0 || access_of(in->access, &r.access, e) < 0 ||
            number_of(&in->major, "major", &r.major, e) < 0 ||
            number_of(&in->minor, "minor", &r.minor, e) < 0)
        return -1;
    *ret = r;
    return 0;
}

static bool is_total(const struct rule *r)
{
    return r->type == 0 && r->major < 0 && r->minor < 0 && r->access == ACCESS_ALL;
}

/* Jumps over the rest of the rule when the device is another one. 32 bit compares: immediates of
 * 64 bit ones are sign extended and would miss numbers above 2^31. */
static size_t emit_match(struct program *p, const struct rule *r, size_t *ret_skips)
{
    size_t n = 0;
    const int differs = BPF_JMP32 | BPF_JNE | BPF_K;
    const struct {
        int reg;
        int64_t want;
    } tests[] = {
        {BPF_REG_2, r->type ? r->type : -1},
        {BPF_REG_4, r->major},
        {BPF_REG_5, r->minor},
    };
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        if (tests[i].want < 0)
            continue;
        ret_skips[n++] = p->n;
        emit(p, differs, tests[i].reg, 0, 0, (int32_t)(uint32_t)tests[i].want);
    }
    return n;
}

static void emit_rule(struct program *p, const struct rule *r)
{
    size_t skips[3];
    size_t n = emit_match(p, r, skips);
    if (!r->is_allow && r->access == ACCESS_ALL) {
        emit(p, BPF_JMP | BPF_JA, 0, 0, TO_DENY, 0);
    } else if (r->is_allow && r->access == ACCESS_ALL) {
        emit(p, BPF_JMP | BPF_JA, 0, 0, TO_ALLOW, 0);
    } else if (!r->is_allow) {
        emit(p, BPF_JMP32 | BPF_JSET | BPF_K, BPF_REG_3, 0, TO_DENY, r->access);
    } else {
        emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0, ACCESS_ALL & ~r->access);
        emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_3, 0, TO_ALLOW, 0);
    }
    for (size_t i = 0; i < n; i++)
        p->insns[skips[i]].off = (int16_t)(p->n - skips[i] - 1);
}

static void emit_head(struct program *p)
{
    emit_load(p, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    emit(p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
    emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
    emit(p, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
    emit_load(p, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
    emit_load(p, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
    emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_3, 0, TO_ALLOW, 0);
}

static size_t emit_verdict(struct program *p, bool is_allow)
{
    size_t at = p->n;
    emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, is_allow);
    emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    return at;
}

/* The verdict for what falls through, then the other one if any jump goes there (the verifier
 * again), and the jumps to them. */
static void emit_tail(struct program *p, bool is_allow)
{
    size_t body = p->n;
    size_t through = emit_verdict(p, is_allow);
    int other = is_allow ? TO_DENY : TO_ALLOW;
    size_t out = 0;
    for (size_t i = 0; i < body; i++) {
        int off = p->insns[i].off;
        if (off >= 0)
            continue;
        if (off == other && !out)
            out = emit_verdict(p, !is_allow);
        p->insns[i].off = (int16_t)((off == other ? out : through) - i - 1);
    }
}

int cg_devices_compile(const struct cg_device_rule *rules, size_t n, struct bpf_insn **ret,
        size_t *ret_n, struct err *e)
{
    if (n > CG_DEVICES_MAX_RULES)
        return err_set(e, ERR_CONFIG, "devices: more than %d rules", CG_DEVICES_MAX_RULES);
    autofree struct rule *list = mem_new(n, sizeof(struct rule));
    for (size_t i = 0; i < n; i++)
        if (rule_read(&rules[i], &list[i], e) < 0)
            return err_add(e, "devices[%zu]", i);
    struct program p = {
        .insns = mem_new(n * INSNS_PER_RULE + INSNS_AROUND, sizeof(struct bpf_insn)),
    };
    emit_head(&p);
    size_t left = n;
    while (left > 0 && !is_total(&list[left - 1]))
        emit_rule(&p, &list[--left]);
    emit_tail(&p, left > 0 && list[left - 1].is_allow);
    *ret = p.insns;
    *ret_n = p.n;
    return 0;
}
