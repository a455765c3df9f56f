// SPDX-License-Identifier: Apache-2.0
/* Device programs in the real kernel: every shape loads, and decides what a process may open. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgroups/devices.h"
#include "tests/unit/cgroups/real.h"

static char any[] = "a", chr[] = "c", blk[] = "b", rwm[] = "rwm", w_[] = "w", m_[] = "m",
            r_[] = "r";

#define RULE(al, ty, ma, mi, ac)                                                                   \
    {                                                                                              \
        .allow = {true, (al)}, .type = (ty), .major = {true, (ma)}, .minor = {true, (mi)},         \
        .access = (ac)                                                                             \
    }

static const struct cg_device_rule deny_all = RULE(false, any, -1, -1, rwm);

/* Skips where programs cannot be loaded at all (a container without CAP_BPF). */
static void need_bpf(const struct cg *c, const char *path)
{
    struct err e = {0};
    if (cg_devices_apply(c, &deny_all, 1, &e) == 0)
        return;
    unmake(path);
    print_message("needs BPF: %s\n", e.text);
    skip();
}

/* errno of opening in a child that is in `c`, 0 when it could. */
static int open_in(const struct cg *c, const char *dev, int flags)
{
    struct err e = {0};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (cg_move(c, getpid(), &e) < 0)
            _exit(255);
        int fd = open(dev, flags | O_CLOEXEC);
        _exit(fd < 0 ? errno : 0);
    }
    return reap(pid);
}

static unsigned attached(const struct cg *c)
{
    uint32_t ids[64];
    uint32_t n = 64;
    assert_int_equal(bpf_prog_query(c->dirfd, BPF_CGROUP_DEVICE, 0, NULL, ids, &n), 0);
    return n;
}

static void test_devices_apply_decides_opens(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("dev");
    struct cg c = make(path);
    need_bpf(&c, path);
    const struct cg_device_rule rules[] = {
            RULE(false, any, -1, -1, rwm),
            RULE(true, chr, -1, -1, m_),
            RULE(true, chr, 1, 3, rwm),
            RULE(true, chr, 1, 5, rwm),
            RULE(false, chr, 1, 5, w_),
    };
    OK(cg_devices_apply(&c, rules, 5, &e));
    assert_int_equal(open_in(&c, "/dev/null", O_RDWR), 0);
    assert_int_equal(open_in(&c, "/dev/zero", O_RDONLY), 0);
    assert_int_equal(open_in(&c, "/dev/zero", O_RDWR), EPERM);
    assert_int_equal(open_in(&c, "/dev/full", O_RDONLY), EPERM);
    cg_close(&c);
    unmake(path);
}

static void test_devices_apply_replaces_its_own_program(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("devrepl");
    struct cg c = make(path);
    need_bpf(&c, path);
    const struct cg_device_rule allow = RULE(true, any, -1, -1, rwm);
    assert_int_equal(open_in(&c, "/dev/null", O_RDONLY), EPERM);
    OK(cg_devices_apply(&c, &allow, 1, &e));
    assert_int_equal(attached(&c), 1);
    assert_int_equal(open_in(&c, "/dev/null", O_RDONLY), 0);
    OK(cg_devices_apply(&c, NULL, 0, &e)); /* no rules: nothing changes */
    assert_int_equal(attached(&c), 1);
    cg_close(&c);
    unmake(path);
}

static void test_devices_apply_stays_beside_a_foreign_program(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("devmulti");
    struct cg c = make(path);
    const struct bpf_insn yes[] = {
            {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
            {.code = BPF_JMP | BPF_EXIT                                  },
    };
    int prog = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "other", "GPL", yes, 2, NULL);
    if (prog < 0) {
        cg_close(&c);
        unmake(path);
        skip();
    }
    assert_int_equal(bpf_prog_attach(prog, c.dirfd, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI), 0);
    OK(cg_devices_apply(&c, &deny_all, 1, &e));
    OK(cg_devices_apply(&c, &deny_all, 1, &e));
    assert_int_equal(attached(&c), 2);
    assert_int_equal(open_in(&c, "/dev/null", O_RDONLY), EPERM);
    (void)close(prog);
    cg_close(&c);
    unmake(path);
}

static void test_devices_apply_loads_every_shape(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    autofree char *path = unique("devshape");
    struct cg c = make(path);
    need_bpf(&c, path);
    char *const types[] = {any, blk, chr};
    char *const accesses[] = {rwm, r_, m_};
    for (int i = 0; i < 3 * 3 * 2 * 2 * 2; i++) {
        const struct cg_device_rule rules[] = {
                RULE(i & 1, types[i / 8 % 3], i & 2 ? 1 : -1, i & 4 ? 3 : -1, accesses[i / 24 % 3]),
                RULE(!(i & 1), chr, 5, -1, r_),
        };
        OK(cg_devices_apply(&c, rules, 1, &e));
        OK(cg_devices_apply(&c, rules, 2, &e));
    }
    autofree struct cg_device_rule *many =
            mem_new(CG_DEVICES_MAX_RULES, sizeof(struct cg_device_rule));
    for (size_t i = 0; i < CG_DEVICES_MAX_RULES; i++)
        many[i] = (struct cg_device_rule)RULE(i % 3, types[i % 3], (int64_t)i, (int64_t)i, r_);
    OK(cg_devices_apply(&c, many, CG_DEVICES_MAX_RULES, &e));
    assert_int_equal(attached(&c), 1);
    cg_close(&c);
    unmake(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_devices_apply_decides_opens),
            cmocka_unit_test(test_devices_apply_replaces_its_own_program),
            cmocka_unit_test(test_devices_apply_stays_beside_a_foreign_program),
            cmocka_unit_test(test_devices_apply_loads_every_shape),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
