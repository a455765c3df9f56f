// SPDX-License-Identifier: Apache-2.0
/*
 * Device rules -> BPF_PROG_TYPE_CGROUP_DEVICE (Linux 4.15).
 *
 * The kernel asks for several accesses at once (O_RDWR is r and w), so "the last matching rule
 * wins" has to hold for each of them by itself: comparing the whole request with one rule lets a
 * deny of "w" be evaded by asking for "rw". The program therefore goes through the rules in order
 * and keeps the set of accesses that are allowed so far; at the end the request must be within it.
 *
 * There are no jumps in it. Loading is on the path of every `run`, and the verifier copies its state
 * at each branch: a chain of compare-and-jump of 56 instructions took 0.27 ms to load, the same
 * rules in this shape take 0.06 ms, of which 0.02 ms are any program's. A rule's difference from the
 * device is computed instead, as device ^ D, zero only on a match; being below 2^32, its negation
 * has the sign bit set exactly when it is not zero.
 *
 *   r1 = type ^ block   r3 = asked   r5 = minor                    r8 = allowed so far
 *   r2 = type ^ char    r4 = major   r7 = device (major:minor)     r6 scratch
 *   r9 < 0: no rule of this run matched
 *
 * The mask of a run's accesses comes from a multiplication by 0 or 1. The shorter idiom, a mask of 0
 * or -1 from an arithmetic shift, makes the verifier of Linux 6.18 fork its state at the AND that
 * follows, for every run again: 64 rules ran into its limit of a million instructions.
 *
 * A device is one word, major in the upper 12 bits and minor in the lower 20, as in the kernel's
 * own dev_t (linux/kdev_t.h); a rule with a larger number is for no device. Neighbouring rules with
 * the same verdict, accesses and type (a run) share the update of r8. Rules before one for every
 * access to every device have no effect and are left out.
 */
#include <stdint.h>
#include <string.h>

#include "base/own.h"
#include "cgroups/devices.h"

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define MINOR_BITS 20
#define MAJOR_BITS 12
#define INSNS_PER_RULE 12 /* 4 and, when it is a run by itself, 8 around */
#define INSNS_AROUND 24

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

static void emit_reg(struct program *p, int code, int dst, int src)
{
    emit(p, code | BPF_X, dst, src, 0, 0);
}

static void emit_imm(struct program *p, int code, int dst, int32_t imm)
{
    emit(p, code | BPF_K, dst, 0, 0, imm);
}

/* 32 bit operations clear the upper half, so that differences stay below 2^32. */
static void emit_head(struct program *p, int allowed)
{
    emit_load(p, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    emit_load(p, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
    emit_load(p, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
    emit_reg(p, BPF_ALU | BPF_MOV, BPF_REG_3, BPF_REG_2);
    emit_imm(p, BPF_ALU | BPF_RSH, BPF_REG_3, 16);
    emit_imm(p, BPF_ALU | BPF_AND, BPF_REG_2, 0xffff);
    emit_reg(p, BPF_ALU | BPF_MOV, BPF_REG_1, BPF_REG_2);
    emit_imm(p, BPF_ALU | BPF_XOR, BPF_REG_1, BPF_DEVCG_DEV_BLOCK);
    emit_imm(p, BPF_ALU | BPF_XOR, BPF_REG_2, BPF_DEVCG_DEV_CHAR);
    emit_reg(p, BPF_ALU | BPF_MOV, BPF_REG_7, BPF_REG_4);
    emit_imm(p, BPF_ALU | BPF_LSH, BPF_REG_7, MINOR_BITS);
    emit_reg(p, BPF_ALU | BPF_OR, BPF_REG_7, BPF_REG_5);
    emit_imm(p, BPF_ALU64 | BPF_MOV, BPF_REG_8, allowed);
}

static bool is_same_run(const struct rule *a, const struct rule *b)
{
    return a->is_allow == b->is_allow && a->access == b->access && a->type == b->type;
}

/* r9 loses its sign when the device is the rule's; its type is looked at once per run. */
static void emit_match(struct program *p, const struct rule *r)
{
    int64_t want = 0;
    int from = -1;
    if (r->major >= 1 << MAJOR_BITS || r->minor >= 1 << MINOR_BITS)
        return;
    if (r->major >= 0 && r->minor >= 0) {
        from = BPF_REG_7;
        want = r->major << MINOR_BITS | r->minor;
    } else if (r->major >= 0 || r->minor >= 0) {
        from = r->major >= 0 ? BPF_REG_4 : BPF_REG_5;
        want = r->major >= 0 ? r->major : r->minor;
    }
    if (from < 0) {
        emit_imm(p, BPF_ALU64 | BPF_MOV, BPF_REG_9, 0);
        return;
    }
    emit_reg(p, BPF_ALU | BPF_MOV, BPF_REG_6, from);
    emit_imm(p, BPF_ALU | BPF_XOR, BPF_REG_6, (int32_t)(uint32_t)want);
    emit_imm(p, BPF_ALU64 | BPF_NEG, BPF_REG_6, 0);
    emit_reg(p, BPF_ALU64 | BPF_AND, BPF_REG_9, BPF_REG_6);
}

/* The rules at the head of `list` that are one run. Returns how many. */
static size_t emit_run(struct program *p, const struct rule *list, size_t n)
{
    size_t len = 0;
    emit_imm(p, BPF_ALU64 | BPF_MOV, BPF_REG_9, -1);
    while (len < n && is_same_run(&list[len], &list[0]))
        emit_match(p, &list[len++]);
    if (list[0].type) {
        bool is_char = list[0].type == BPF_DEVCG_DEV_CHAR;
        emit_reg(p, BPF_ALU64 | BPF_MOV, BPF_REG_6, is_char ? BPF_REG_2 : BPF_REG_1);
        emit_imm(p, BPF_ALU64 | BPF_NEG, BPF_REG_6, 0);
        emit_reg(p, BPF_ALU64 | BPF_OR, BPF_REG_9, BPF_REG_6);
    }
    int access = list[0].access;
    emit_imm(p, BPF_ALU64 | BPF_RSH, BPF_REG_9, 63); /* 1: none matched, 0: one did */
    emit_imm(p, BPF_ALU64 | BPF_MUL, BPF_REG_9, access);
    emit_imm(p, BPF_ALU64 | BPF_XOR, BPF_REG_9, list[0].is_allow ? access : ACCESS_ALL ^ access);
    emit_reg(p, BPF_ALU64 | (list[0].is_allow ? BPF_OR : BPF_AND), BPF_REG_8, BPF_REG_9);
    return len;
}

/* r0 = (asked & ~allowed) == 0. The last AND is for verifiers that do not see it is 0 or 1. */
static void emit_tail(struct program *p)
{
    emit_imm(p, BPF_ALU64 | BPF_XOR, BPF_REG_8, ACCESS_ALL);
    emit_reg(p, BPF_ALU64 | BPF_AND, BPF_REG_8, BPF_REG_3);
    emit_imm(p, BPF_ALU64 | BPF_NEG, BPF_REG_8, 0);
    emit_imm(p, BPF_ALU64 | BPF_RSH, BPF_REG_8, 63);
    emit_reg(p, BPF_ALU64 | BPF_MOV, BPF_REG_0, BPF_REG_8);
    emit_imm(p, BPF_ALU64 | BPF_XOR, BPF_REG_0, 1);
    emit_imm(p, BPF_ALU64 | BPF_AND, BPF_REG_0, 1);
    emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

int cg_devices_compile(const struct cg_device_rule *rules, size_t n, struct bpf_insn **ret,
        size_t *ret_n, struct err *e)
{
    if (n > CG_DEVICES_MAX_RULES)
        return err_set(e, ERR_CONFIG, "devices: more than %d rules", CG_DEVICES_MAX_RULES);
    autofree struct rule *list = mem_new(n, sizeof(struct rule));
    size_t first = 0; /* after the last rule for everything */
    for (size_t i = 0; i < n; i++) {
        if (rule_read(&rules[i], &list[i], e) < 0)
            return err_add(e, "devices[%zu]", i);
        if (is_total(&list[i]))
            first = i + 1;
    }
    struct program p = {
            .insns = mem_new((n - first) * INSNS_PER_RULE + INSNS_AROUND, sizeof(struct bpf_insn)),
    };
    emit_head(&p, first > 0 && list[first - 1].is_allow ? ACCESS_ALL : 0);
    while (first < n)
        first += emit_run(&p, list + first, n - first);
    emit_tail(&p);
    *ret = p.insns;
    *ret_n = p.n;
    return 0;
}
