// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel does with a seccomp filter (linux/bpf_common.h, seccomp_check_filter), so that
 * tests can ask a compiled filter without loading it. Every load and jump is checked.
 */
#ifndef ISLET_TESTS_RUNTIME_CBPF_H
#define ISLET_TESTS_RUNTIME_CBPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ALU and the jumps' conditions: false when the kernel would not take the instruction. */
static inline bool cbpf_alu(const struct sock_filter *in, uint32_t *a)
{
    switch (in->code) {
    case BPF_ALU | BPF_AND | BPF_K:
        *a &= in->k;
        return true;
    case BPF_ALU | BPF_OR | BPF_K:
        *a |= in->k;
        return true;
    case BPF_ALU | BPF_RSH | BPF_K:
        *a >>= in->k & 31;
        return in->k < 32;
    default:
        return false;
    }
}

static inline bool cbpf_jump(const struct sock_filter *in, uint32_t a, size_t *pc)
{
    bool is_true = false;
    switch (in->code) {
    case BPF_JMP | BPF_JA:
        *pc += in->k;
        return true;
    case BPF_JMP | BPF_JEQ | BPF_K:
        is_true = a == in->k;
        break;
    case BPF_JMP | BPF_JGT | BPF_K:
        is_true = a > in->k;
        break;
    case BPF_JMP | BPF_JGE | BPF_K:
        is_true = a >= in->k;
        break;
    case BPF_JMP | BPF_JSET | BPF_K:
        is_true = (a & in->k) != 0;
        break;
    default:
        return false;
    }
    *pc += is_true ? in->jt : in->jf;
    return true;
}

/* The filter's answer to a call in *ret; false when the filter is not one. */
static inline bool cbpf_run(const struct sock_filter *f, size_t n, const struct seccomp_data *call,
        uint32_t *ret)
{
    uint32_t a = 0;
    for (size_t pc = 0; pc < n; pc++) {
        const struct sock_filter *in = &f[pc];
        if (in->code == (BPF_LD | BPF_W | BPF_ABS)) {
            if (in->k % 4 || in->k > sizeof(*call) - 4)
                return false;
            memcpy(&a, (const char *)call + in->k, 4);
        } else if (in->code == (BPF_RET | BPF_K)) {
            *ret = in->k;
            return true;
        } else if (BPF_CLASS(in->code) == BPF_JMP) {
            if (!cbpf_jump(in, a, &pc))
                return false;
        } else if (!cbpf_alu(in, &a)) {
            return false;
        }
    }
    return false;
}

#endif
