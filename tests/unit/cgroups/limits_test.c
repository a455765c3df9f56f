// SPDX-License-Identifier: Apache-2.0
/*
 * Limits from JSON to files. The files are fakes in a temporary directory, since cg_apply only
 * knows a directory fd: what is written is checked here, that the kernel takes it in tests/cases.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/json.h"
#include "tests/unit/cgroups/real.h"

#define ALL "cpuset cpu io memory hugetlb pids rdma misc"

struct fake {
    char dir[32];
    struct cg c;
};

static void fake_file(const struct fake *f, const char *name, const char *text)
{
    int fd = openat(f->c.dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* `files` are separated by spaces. */
static struct fake fake_new(const char *controllers, const char *files)
{
    struct fake f = {.dir = "/tmp/islet-ut-XXXXXX"};
    assert_non_null(mkdtemp(f.dir));
    f.c.dirfd = open(f.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    f.c.path = str_dup("/fake");
    fake_file(&f, "cgroup.controllers", controllers);
    autofree char *copy = str_dup(files);
    char *save = NULL;
    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        fake_file(&f, p, "");
    return f;
}

static void fake_free(struct fake *f)
{
    struct err e = {0};
    cg_close(&f->c);
    OK(fd_remove_tree(AT_FDCWD, f->dir, &e));
}

static void holds(const struct fake *f, const char *name, const char *want)
{
    struct err e = {0};
    char text[512];
    OK(cg_read_small(f->c.dirfd, name, text, sizeof(text), &e));
    assert_string_equal(text, want);
}

static int decode(const char *text, struct cg_limits *l, struct err *e)
{
    json_t *doc = NULL;
    const struct json_mode strict = {.is_strict = true};
    *l = (struct cg_limits){0};
    if (json_parse(text, strlen(text), "test", &doc, e) < 0)
        return -1;
    int rc = json_decode(doc, cg_limits_fields, l, "", &strict, e);
    json_decref(doc);
    return rc;
}

static int apply(const struct fake *f, const char *text, char ***gaps, struct err *e)
{
    struct cg_limits l;
    int rc = decode(text, &l, e);
    if (rc == 0)
        rc = cg_apply(&f->c, &l, gaps, e);
    json_release(cg_limits_fields, &l);
    return rc;
}

static void test_limits_write_what_oci_says(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f =
            fake_new(ALL, "pids.max memory.max memory.swap.max memory.low cpu.weight cpu.max "
                          "cpu.max.burst cpu.idle cpuset.cpus cpuset.mems");
    OK(apply(&f,
            "{\"pids\":{\"limit\":0},\"memory\":{\"limit\":536870912,\"swap\":1073741824,"
            "\"reservation\":1048576},\"cpu\":{\"shares\":1024,\"quota\":50000,\"burst\":1000,"
            "\"period\":200000,\"idle\":0,\"cpus\":\"0-1\",\"mems\":\"0\"}}",
            NULL, &e));
    holds(&f, "pids.max", "0");
    holds(&f, "memory.max", "536870912");
    holds(&f, "memory.swap.max", "536870912");
    holds(&f, "memory.low", "1048576");
    holds(&f, "cpu.weight", "100");
    holds(&f, "cpu.max", "50000 200000");
    holds(&f, "cpu.max.burst", "1000");
    holds(&f, "cpu.idle", "0");
    holds(&f, "cpuset.cpus", "0-1");
    holds(&f, "cpuset.mems", "0");
    fake_free(&f);
}

/* Not one of the files exists: a write would fail. */
static void test_limits_zero_and_empty_are_unset(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "");
    OK(apply(&f,
            "{\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0,\"disableOOMKiller\":false,"
            "\"swappiness\":0,\"kernel\":0,\"kernelTCP\":0,\"useHierarchy\":true},"
            "\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,\"cpus\":\"\",\"mems\":\"\","
            "\"realtimeRuntime\":0,\"realtimePeriod\":0},\"blockIO\":{\"weight\":0,"
            "\"leafWeight\":0,\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":0}]},"
            "\"network\":{\"classID\":0,\"priorities\":[]},\"pids\":{},\"hugepageLimits\":[],"
            "\"rdma\":{},\"unified\":{},\"devices\":[]}",
            NULL, &e));
    assert_int_equal(cg_limits_controllers(NULL), 0);
    fake_free(&f);
}

static void test_limits_minus_one_is_max(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "pids.max memory.max memory.swap.max cpu.max");
    OK(apply(&f, "{\"pids\":{\"limit\":-1},\"memory\":{\"limit\":-1},\"cpu\":{\"quota\":-1}}", NULL,
            &e));
    holds(&f, "pids.max", "max");
    holds(&f, "memory.max", "max");
    holds(&f, "memory.swap.max", "max");
    holds(&f, "cpu.max", "max 100000");
    fake_free(&f);
}

static void test_limits_swap_counts_memory_and_swap(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "memory.max memory.swap.max");
    OK(apply(&f, "{\"memory\":{\"limit\":4096,\"swap\":4096}}", NULL, &e));
    holds(&f, "memory.swap.max", "0");
    REFUSED(apply(&f, "{\"memory\":{\"swap\":4096}}", NULL, &e), ERR_CONFIG,
            "memory.limit must be set too");
    REFUSED(apply(&f, "{\"memory\":{\"limit\":-1,\"swap\":4096}}", NULL, &e), ERR_CONFIG,
            "memory.swap: 4096");
    REFUSED(apply(&f, "{\"memory\":{\"limit\":8192,\"swap\":4096}}", NULL, &e), ERR_CONFIG,
            "cannot be below memory.limit 8192");
    fake_free(&f);
    f = fake_new(ALL, "memory.max"); /* a kernel without swap accounting */
    OK(apply(&f, "{\"memory\":{\"limit\":4096,\"swap\":-1}}", NULL, &e));
    REFUSED(apply(&f, "{\"memory\":{\"limit\":4096,\"swap\":8192}}", NULL, &e), ERR_UNSUPPORTED,
            "memory.swap: no file 'memory.swap.max' in '/fake' (no swap accounting)");
    fake_free(&f);
}

static void test_limits_cpu_period_alone_and_idle(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "cpu.max cpu.idle");
    OK(apply(&f, "{\"cpu\":{\"period\":5000}}", NULL, &e));
    holds(&f, "cpu.max", "max 5000");
    /* an idle group's weight cannot be written: no cpu.weight here, and no error */
    OK(apply(&f, "{\"cpu\":{\"shares\":512,\"idle\":1}}", NULL, &e));
    holds(&f, "cpu.idle", "1");
    REFUSED(apply(&f, "{\"cpu\":{\"idle\":2}}", NULL, &e), ERR_CONFIG, "/cpu/idle");
    fake_free(&f);
}

static void test_limits_check_before_update(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "memory.max");
    fake_file(&f, "memory.current", "8192\n");
    REFUSED(apply(&f, "{\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true}}", NULL, &e),
            ERR_STATE, "8192 bytes in use");
    holds(&f, "memory.max", "");
    OK(apply(&f, "{\"memory\":{\"limit\":16384,\"checkBeforeUpdate\":true}}", NULL, &e));
    holds(&f, "memory.max", "16384");
    fake_free(&f);
}

static void test_limits_block_io(void **state)
{
    (void)state;
    struct err e = {0};
    const char *text = "{\"blockIO\":{\"weight\":500,\"throttleReadBpsDevice\":"
                       "[{\"major\":8,\"minor\":16,\"rate\":1048576}]}}";
    struct fake f = fake_new(ALL, "io.weight io.max");
    OK(apply(&f, text, NULL, &e));
    holds(&f, "io.weight", "4950");
    holds(&f, "io.max", "8:16 rbps=1048576");
    fake_free(&f);
    f = fake_new(ALL, "io.weight io.bfq.weight io.max");
    OK(apply(&f, text, NULL, &e));
    holds(&f, "io.bfq.weight", "500");
    holds(&f, "io.weight", "");
    fake_free(&f);
    f = fake_new(ALL, "io.max io.weight");
    OK(apply(&f,
            "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":1000}],"
            "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}}",
            NULL, &e));
    holds(&f, "io.weight", "8:0 10000");
    holds(&f, "io.max", "8:0 wiops=max");
    fake_free(&f);
}

static void test_limits_huge_pages_rsvd_first(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "hugetlb.2MB.rsvd.max hugetlb.2MB.max hugetlb.1GB.max");
    OK(apply(&f,
            "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304},"
            "{\"pageSize\":\"1GB\",\"limit\":0}]}",
            NULL, &e));
    holds(&f, "hugetlb.2MB.rsvd.max", "4194304");
    holds(&f, "hugetlb.2MB.max", "4194304");
    holds(&f, "hugetlb.1GB.max", "0");
    REFUSED(apply(&f, "{\"hugepageLimits\":[{\"pageSize\":\"3MB\",\"limit\":1}]}", NULL, &e),
            ERR_UNSUPPORTED, "hugepageLimits: no file 'hugetlb.3MB.max'");
    REFUSED(apply(&f, "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":1}]}", NULL, &e),
            ERR_CONFIG, "pageSize '../x'");
    fake_free(&f);
}

static void test_limits_rdma(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "rdma.max");
    OK(apply(&f, "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}}}", NULL, &e));
    holds(&f, "rdma.max", "mlx5_1 hca_handle=3 hca_object=10000");
    REFUSED(apply(&f, "{\"rdma\":{\"a b\":{\"hcaHandles\":3}}}", NULL, &e), ERR_CONFIG, "'a b'");
    REFUSED(apply(&f, "{\"rdma\":{\"m\":{\"hcaHandles\":\"x\"}}}", NULL, &e), ERR_CONFIG,
            "rdma: 'm': hcaHandles");
    fake_free(&f);
}

static void test_limits_unified_is_last_and_checked(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new(ALL, "memory.max memory.high");
    OK(apply(&f,
            "{\"unified\":{\"memory.max\":\"8192\",\"memory.high\":\"4096\"},"
            "\"memory\":{\"limit\":4096}}",
            NULL, &e));
    holds(&f, "memory.max", "8192");
    holds(&f, "memory.high", "4096");
    static const char *const bad[] = {"../x", "a/b", "..", "", ".memory.max", "memory"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        autofree char *text = str_fmt("{\"unified\":{\"%s\":\"1\"}}", bad[i]);
        REFUSED(apply(&f, text, NULL, &e), ERR_CONFIG, "unified: '");
    }
    REFUSED(apply(&f, "{\"unified\":{\"nosuch.max\":\"1\"}}", NULL, &e), ERR_UNSUPPORTED,
            "unified 'nosuch.max': no nosuch controller");
    REFUSED(apply(&f, "{\"unified\":{\"memory.nosuch\":\"1\"}}", NULL, &e), ERR_UNSUPPORTED,
            "no file 'memory.nosuch'");
    fake_free(&f);
}

static void test_limits_missing_controller_is_named_or_a_gap(void **state)
{
    (void)state;
    struct err e = {0};
    struct fake f = fake_new("pids", "pids.max");
    const char *text =
            "{\"memory\":{\"limit\":4096},\"pids\":{\"limit\":5},\"cpu\":{\"cpus\":\"0\"}}";
    REFUSED(apply(&f, text, NULL, &e), ERR_UNSUPPORTED, "memory.limit: no memory controller in ");
    char **gaps = NULL;
    OK(apply(&f, text, &gaps, &e));
    OK(apply(&f, "{\"blockIO\":{\"weight\":10}}", &gaps, &e)); /* adds to the same list */
    assert_non_null(strstr(gaps[0], "memory.limit: no memory controller in "));
    assert_non_null(strstr(gaps[1], "cpu.cpus: no cpuset controller in "));
    assert_non_null(strstr(gaps[2], "blockIO.weight: no io controller in "));
    assert_null(gaps[3]);
    holds(&f, "pids.max", "5");
    for (size_t i = 0; gaps[i]; i++)
        mem_free(gaps[i]);
    mem_free(gaps);
    fake_free(&f);
}

static void test_limits_refuse_v1_fields_by_name(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
            {"{\"memory\":{\"kernel\":4096}}",                                      "/memory/kernel"          },
            {"{\"memory\":{\"kernelTCP\":4096}}",                                   "/memory/kernelTCP"       },
            {"{\"memory\":{\"swappiness\":60}}",                                    "/memory/swappiness"      },
            {"{\"memory\":{\"disableOOMKiller\":true}}",                            "/memory/disableOOMKiller"},
            {"{\"cpu\":{\"realtimeRuntime\":95000}}",                               "/cpu/realtimeRuntime"    },
            {"{\"cpu\":{\"realtimePeriod\":95000}}",                                "/cpu/realtimePeriod"     },
            {"{\"blockIO\":{\"leafWeight\":10}}",                                   "/blockIO/leafWeight"     },
            {"{\"blockIO\":{\"weightDevice\":[{\"leafWeight\":10}]}}",
             "/weightDevice/0/leafWeight"                                                                     },
            {"{\"network\":{\"classID\":1048577}}",                                 "/network/classID"        },
            {"{\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":5}]}}",
             "/network/priorities"                                                                            },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err e = {0};
        struct cg_limits l;
        REFUSED(decode(refused[i][0], &l, &e), ERR_UNSUPPORTED, refused[i][1]);
    }
}

/* The drift guard: every property below linux.resources in runtime-spec 1.3's config-linux.json
 * and defs-linux.json has a row. */
static const struct json_field *row(const struct json_field *table, const char *name, size_t len)
{
    for (; table && table->name; table++)
        if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
            return table;
    return NULL;
}

static void test_limits_table_has_every_field_of_the_schema(void **state)
{
    (void)state;
    static const char *const fields[] = {
            "unified",
            "devices",
            "devices.allow",
            "devices.type",
            "devices.major",
            "devices.minor",
            "devices.access",
            "pids",
            "pids.limit",
            "blockIO",
            "blockIO.weight",
            "blockIO.leafWeight",
            "blockIO.throttleReadBpsDevice",
            "blockIO.throttleReadBpsDevice.major",
            "blockIO.throttleReadBpsDevice.minor",
            "blockIO.throttleReadBpsDevice.rate",
            "blockIO.throttleWriteBpsDevice",
            "blockIO.throttleReadIOPSDevice",
            "blockIO.throttleWriteIOPSDevice",
            "blockIO.weightDevice",
            "blockIO.weightDevice.major",
            "blockIO.weightDevice.minor",
            "blockIO.weightDevice.weight",
            "blockIO.weightDevice.leafWeight",
            "cpu",
            "cpu.cpus",
            "cpu.mems",
            "cpu.period",
            "cpu.quota",
            "cpu.burst",
            "cpu.realtimePeriod",
            "cpu.realtimeRuntime",
            "cpu.shares",
            "cpu.idle",
            "hugepageLimits",
            "hugepageLimits.pageSize",
            "hugepageLimits.limit",
            "memory",
            "memory.kernel",
            "memory.kernelTCP",
            "memory.limit",
            "memory.reservation",
            "memory.swap",
            "memory.swappiness",
            "memory.disableOOMKiller",
            "memory.useHierarchy",
            "memory.checkBeforeUpdate",
            "network",
            "network.classID",
            "network.priorities",
            "rdma",
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct json_field *table = cg_limits_fields;
        const struct json_field *found = NULL;
        for (const char *p = fields[i]; *p; p += *p == '.') {
            size_t len = strcspn(p, ".");
            found = row(table, p, len);
            if (!found) {
                fail_msg("'%s' has no row", fields[i]);
                return; /* for the compiler, which does not know fail_msg */
            }
            table = found->sub;
            p += len;
        }
        if (found && (found->type == JSON_T_SKIP || found->type == JSON_T_REFUSE) && !found->reason)
            fail_msg("'%s' has no reason", fields[i]);
    }
}

static void test_limits_survive_encoding(void **state)
{
    (void)state;
    struct err e = {0};
    struct cg_limits l;
    const char *text = "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
                       "\"memory\":{\"limit\":4096,\"swap\":-1},\"pids\":{\"limit\":0},"
                       "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":18446744073709551615}],"
                       "\"unified\":{\"memory.high\":\"1\"}}";
    OK(decode(text, &l, &e));
    assert_int_equal(cg_limits_controllers(&l), CG_CTL_MEMORY | CG_CTL_PIDS | CG_CTL_HUGETLB);
    json_t *doc = json_encode(cg_limits_fields, &l);
    autofree char *again = json_text(doc, false);
    assert_string_equal(again, text);
    json_decref(doc);
    json_release(cg_limits_fields, &l);
}

static void kernel_has(const struct cg *c, const char *name, const char *want)
{
    struct err e = {0};
    char text[512];
    OK(cg_read_small(c->dirfd, name, text, sizeof(text), &e));
    assert_string_equal(text, want);
}

static void applied(const struct cg *c, const char *text)
{
    struct err e = {0};
    struct cg_limits l;
    OK(decode(text, &l, &e));
    OK(cg_apply(c, &l, NULL, &e));
    OK(cg_apply(c, &l, NULL, &e)); /* idempotent */
    json_release(cg_limits_fields, &l);
}

/* Skips on hybrid hosts. */
static void test_limits_reach_the_kernel(void **state)
{
    (void)state;
    need_hierarchy();
    struct err e = {0};
    struct cg_host host;
    const unsigned need = CG_CTL_MEMORY | CG_CTL_PIDS | CG_CTL_CPU | CG_CTL_CPUSET;
    OK(cg_host_probe(&host, &e));
    bool has_all = (cg_ctl_parse(host.controllers) & need) == need;
    cg_host_release(&host);
    if (!has_all) {
        print_message("needs the memory, pids, cpu and cpuset controllers in cgroup v2\n");
        skip();
    }
    struct cg_limits l;
    struct cg c;
    bool is_made = false;
    autofree char *top = unique("lim");
    autofree char *path = str_fmt("%s/ctr", top);
    OK(decode("{\"cpu\":{\"cpus\":\"0\",\"shares\":512},\"memory\":{\"limit\":67108864,"
              "\"swap\":67108864,\"reservation\":4096},\"pids\":{\"limit\":5}}",
            &l, &e));
    OK(cg_create(path, &l, &c, &is_made, &e));
    OK(cg_apply(&c, &l, NULL, &e));
    json_release(cg_limits_fields, &l);
    kernel_has(&c, "memory.max", "67108864");
    kernel_has(&c, "memory.swap.max", "0");
    kernel_has(&c, "memory.low", "4096");
    kernel_has(&c, "pids.max", "5");
    kernel_has(&c, "cpu.weight", "59");
    kernel_has(&c, "cpuset.cpus", "0");
    /* burst above the old quota, then below the new one; a weight beside idle; a real zero */
    applied(&c, "{\"cpu\":{\"quota\":20000,\"burst\":10000}}");
    applied(&c, "{\"cpu\":{\"quota\":50000,\"burst\":40000}}");
    kernel_has(&c, "cpu.max.burst", "40000");
    applied(&c, "{\"cpu\":{\"quota\":10000,\"burst\":5000}}");
    kernel_has(&c, "cpu.max", "10000 100000");
    kernel_has(&c, "cpu.max.burst", "5000");
    applied(&c, "{\"cpu\":{\"idle\":1,\"shares\":2048}}");
    applied(&c, "{\"cpu\":{\"idle\":0,\"shares\":2048},\"pids\":{\"limit\":0}}");
    kernel_has(&c, "cpu.weight", "174");
    kernel_has(&c, "pids.max", "0");
    applied(&c, "{\"memory\":{\"limit\":-1},\"pids\":{\"limit\":-1}}");
    kernel_has(&c, "memory.max", "max");
    kernel_has(&c, "memory.swap.max", "max");
    cg_close(&c);
    unmake(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_limits_write_what_oci_says),
            cmocka_unit_test(test_limits_zero_and_empty_are_unset),
            cmocka_unit_test(test_limits_minus_one_is_max),
            cmocka_unit_test(test_limits_swap_counts_memory_and_swap),
            cmocka_unit_test(test_limits_cpu_period_alone_and_idle),
            cmocka_unit_test(test_limits_check_before_update),
            cmocka_unit_test(test_limits_block_io),
            cmocka_unit_test(test_limits_huge_pages_rsvd_first),
            cmocka_unit_test(test_limits_rdma),
            cmocka_unit_test(test_limits_unified_is_last_and_checked),
            cmocka_unit_test(test_limits_missing_controller_is_named_or_a_gap),
            cmocka_unit_test(test_limits_refuse_v1_fields_by_name),
            cmocka_unit_test(test_limits_table_has_every_field_of_the_schema),
            cmocka_unit_test(test_limits_survive_encoding),
            cmocka_unit_test(test_limits_reach_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, real_cleanup);
}
