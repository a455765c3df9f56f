// SPDX-License-Identifier: Apache-2.0
/*
 * What device rules mean, said twice: by an interpreter of the few BPF instructions that
 * cg_devices_compile uses, and by a plain evaluator. Shared with tests/fuzz/devices_fuzz.c.
 */
#ifndef ISLET_TESTS_DEVICE_MODEL_H
#define ISLET_TESTS_DEVICE_MODEL_H

#include <stdint.h>
#include <string.h>

#include "cgroups/devices.h"

/* One ALU operation; *ok is cleared for what the compiler never emits. */
static inline uint64_t model_alu(int op, uint64_t a, uint64_t b, bool is_64, bool *ok)
{
    unsigned width = is_64 ? 64 : 32;
    if ((op == BPF_LSH || op == BPF_RSH) && b >= width)
        *ok = false;
    switch (op) {
    case BPF_MOV:
        return b;
    case BPF_AND:
        return a & b;
    case BPF_OR:
        return a | b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return a << (b & (width - 1));
    case BPF_RSH:
        return a >> (b & (width - 1));
    case BPF_NEG:
        return 0 - a;
    case BPF_MUL:
        return a * b;
    default:
        *ok = false;
        return 0;
    }
}

/* The program's answer: 0 or 1; -1 for a program that is not one (a bug of the compiler). */
static inline int model_run(const struct bpf_insn *insns, size_t n,
        const struct bpf_cgroup_dev_ctx *ctx)
{
    uint64_t r[11] = {0};
    bool is_set[11] = {[BPF_REG_1] = true}; /* r1 is the context, an address */
    bool ok = true;
    bool has_ctx = true;
    for (size_t i = 0; i < n; i++) {
        const struct bpf_insn *in = &insns[i];
        int class = BPF_CLASS(in->code);
        if (in->code == (BPF_JMP | BPF_EXIT))
            return ok && is_set[0] && i + 1 == n && r[0] <= 1 ? (int)r[0] : -1;
        if (in->dst_reg > 9 || in->src_reg > 9)
            return -1;
        if (in->code == (BPF_LDX | BPF_MEM | BPF_W)) {
            uint32_t v;
            if (!has_ctx || in->src_reg != BPF_REG_1 || in->off < 0 || in->off % 4 ||
                    (size_t)in->off + 4 > sizeof(*ctx))
                return -1;
            memcpy(&v, (const char *)ctx + in->off, sizeof(v));
            r[in->dst_reg] = v;
            is_set[in->dst_reg] = true;
            continue;
        }
        if (class != BPF_ALU && class != BPF_ALU64)
            return -1;
        bool is_64 = class == BPF_ALU64;
        bool is_reg = BPF_SRC(in->code) == BPF_X;
        if (in->dst_reg == BPF_REG_1 && BPF_OP(in->code) == BPF_MOV)
            has_ctx = false; /* from here on r1 is a number */
        if ((is_reg && (!is_set[in->src_reg] || (has_ctx && in->src_reg == 1))) ||
                (BPF_OP(in->code) != BPF_MOV && !is_set[in->dst_reg]))
            return -1;
        uint64_t b = is_reg ? r[in->src_reg] : (uint64_t)(int64_t)in->imm;
        uint64_t a = r[in->dst_reg];
        if (!is_64) {
            a = (uint32_t)a;
            b = (uint32_t)b;
        }
        uint64_t v = model_alu(BPF_OP(in->code), a, b, is_64, &ok);
        r[in->dst_reg] = is_64 ? v : (uint32_t)v;
        is_set[in->dst_reg] = true;
    }
    return -1;
}

static inline bool model_matches(const struct cg_device_rule *r, uint32_t type, uint32_t major,
        uint32_t minor)
{
    const char *t = r->type && r->type[0] ? r->type : "a";
    if (strcmp(t, "b") == 0 && type != BPF_DEVCG_DEV_BLOCK)
        return false;
    if ((strcmp(t, "c") == 0 || strcmp(t, "u") == 0) && type != BPF_DEVCG_DEV_CHAR)
        return false;
    if (r->major.is_set && r->major.v != -1 && r->major.v != major)
        return false;
    return !r->minor.is_set || r->minor.v == -1 || r->minor.v == minor;
}

/* Each access by itself: the last rule that matches the device and names it. */
static inline bool model_allows(const struct cg_device_rule *rules, size_t n, uint32_t type,
        uint32_t major, uint32_t minor, uint32_t asked)
{
    static const struct {
        char letter;
        uint32_t bit;
    } accesses[] = {
            {'m', BPF_DEVCG_ACC_MKNOD},
            {'r', BPF_DEVCG_ACC_READ },
            {'w', BPF_DEVCG_ACC_WRITE},
    };
    for (size_t a = 0; a < 3; a++) {
        bool is_allowed = false;
        if (!(asked & accesses[a].bit))
            continue;
        for (size_t i = 0; i < n; i++) {
            const char *names = rules[i].access && rules[i].access[0] ? rules[i].access : "rwm";
            if (strchr(names, accesses[a].letter) && model_matches(&rules[i], type, major, minor))
                is_allowed = rules[i].allow.is_set && rules[i].allow.v;
        }
        if (!is_allowed)
            return false;
    }
    return true;
}

#endif
