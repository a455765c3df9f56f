// SPDX-License-Identifier: Apache-2.0
/*
 * Random device rules: the compiled program, interpreted, must answer as the plain evaluator does
 * (tests/unit/cgroups/device_model.h), and bad rules must be refused without a program.
 * Input: 6 bytes for each rule (flags, type, major, minor, access, high bits), then 4 of request.
 */
#include <stdlib.h>

#include "base/own.h"
#include "tests/unit/cgroups/device_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char types[][2] = {"", "a", "b", "c", "u", "p"};

static void rule_from(const uint8_t *d, struct cg_device_rule *r, char access[4])
{
    static const char letters[] = "rwmx";
    size_t n = 0;
    for (size_t i = 0; i < 3; i++)
        if (d[4] & (1u << i))
            access[n++] = letters[i];
    if (n < 3 && d[4] > 250)
        access[n++] = 'x';
    access[n] = '\0';
    *r = (struct cg_device_rule){
            .allow = {d[0] & 1, d[0] & 2    },
            .type = d[1] % 7 == 6 ? NULL : types[d[1] % 7],
            .major = {d[0] & 4, d[2] % 8 - 1},
            .minor = {d[0] & 8, d[3] % 8 - 1},
            .access = d[0] & 16 ? access : NULL,
    };
    if (d[5] & 1)
        r->major.v += (int64_t)(d[5] >> 4) << 12; /* beyond the kernel's numbers */
    if (d[5] & 2)
        r->minor.v += (int64_t)(d[5] >> 4) << 20;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    struct cg_device_rule rules[64];
    char accesses[64][4];
    autofree struct bpf_insn *insns = NULL;
    size_t n_insns = 0;
    size_t n = 0;
    if (len < 4)
        return 0;
    while (n < ARRAY_LEN(rules) && (n + 1) * 6 + 4 <= len) {
        rule_from(data + n * 6, &rules[n], accesses[n]);
        n++;
    }
    if (cg_devices_compile(rules, n, &insns, &n_insns, &e) < 0) {
        if (insns || !e.text[0])
            abort();
        return 0;
    }
    const uint8_t *q = data + len - 4;
    uint32_t type = q[0] & 1 ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK;
    for (uint32_t access = 0; access < 8; access++) {
        const struct bpf_cgroup_dev_ctx ctx = {access << 16 | type, q[1] % 8u, q[2] % 8u};
        int want = model_allows(rules, n, type, ctx.major, ctx.minor, access);
        if (model_run(insns, n_insns, &ctx) != want)
            abort();
    }
    return 0;
}
