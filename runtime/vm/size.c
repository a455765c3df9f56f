// SPDX-License-Identifier: Apache-2.0
/* See size.h. */
#include "runtime/vm/size.h"

#include <sched.h>
#include <unistd.h>

#include "base/json.h"
#include "base/own.h"
#include "runtime/vm/vm.h"

#define MIB (1ull << 20)
#define SIZE_DEFAULT (2048 * MIB)
#define SIZE_MIN (128 * MIB)
#define SIZE_STEP (2 * MIB)
#define TCG_MAX_VCPUS 2u
#define PERIOD_DEFAULT 100000u

void vm_size_host_get(bool is_emulated, struct vm_size_host *ret)
{
    cpu_set_t set;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cpus = CPU_COUNT(&set);
    *ret = (struct vm_size_host){
            .memory = (uint64_t)(pages > 0 ? pages : 0) * (uint64_t)(page > 0 ? page : 4096),
            .cpus = cpus > 0 ? (unsigned)cpus : 1,
            .is_emulated = is_emulated,
    };
}

/* 0 for what means "no limit": absent, zero, negative. */
static uint64_t limit_of(const json_t *object, const char *key)
{
    struct err ignored;
    uint64_t v = 0;
    const json_t *value = json_object_get(object, key);
    if (!value || (json_is_integer(value) && json_integer_value(value) <= 0) ||
            json_to_u64(value, &v, &ignored) < 0)
        return 0;
    return v;
}

static const json_t *resources_of(const json_t *config)
{
    return json_object_get(json_object_get(config, "linux"), "resources");
}

int vm_size_plan(const json_t *config, const struct vm_size_host *host, struct vm_size *ret,
        struct err *e)
{
    const json_t *resources = resources_of(config);
    const json_t *cpu = json_object_get(resources, "cpu");
    uint64_t limit = limit_of(json_object_get(resources, "memory"), "limit");
    uint64_t memory = SIZE_DEFAULT < host->memory / 2 ? SIZE_DEFAULT : host->memory / 2;
    if (limit) /* beyond what the host has a limit says nothing */
        memory = limit < host->memory - VMW_MEMORY_OVERHEAD ? limit + VMW_MEMORY_OVERHEAD
                                                            : host->memory;
    if (memory < SIZE_MIN)
        memory = SIZE_MIN;
    if (memory > host->memory)
        return err_set(e, ERR_UNSUPPORTED, "a VM of %llu MiB on a host of %llu MiB",
                (unsigned long long)(memory / MIB), (unsigned long long)(host->memory / MIB));
    uint64_t quota = limit_of(cpu, "quota");
    uint64_t period = limit_of(cpu, "period");
    uint64_t vcpus = host->cpus;
    if (!period)
        period = PERIOD_DEFAULT;
    if (quota && quota / period < vcpus)
        vcpus = quota / period + (quota % period ? 1 : 0);
    if (vcpus > host->cpus)
        vcpus = host->cpus;
    if (host->is_emulated && vcpus > TCG_MAX_VCPUS)
        vcpus = TCG_MAX_VCPUS;
    ret->memory = memory / SIZE_STEP * SIZE_STEP;
    ret->vcpus = vcpus ? (unsigned)vcpus : 1;
    return 0;
}

json_t *vmw_host_resources(const json_t *config)
{
    static const char *const inside[] = {"devices", "pids", "hugepageLimits", "rdma", "network",
            "unified"};
    const json_t *resources = resources_of(config);
    json_t *out = resources ? json_deep_copy(resources) : json_object();
    json_t *memory = json_object_get(out, "memory");
    static const char *const sums[] = {"limit", "swap", "reservation"};
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        (void)json_object_del(out, inside[i]);
    for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
        uint64_t v = limit_of(memory, sums[i]);
        if (v && v <= INT64_MAX - VMW_MEMORY_OVERHEAD)
            (void)json_object_set_new(memory, sums[i], json_from_u64(v + VMW_MEMORY_OVERHEAD));
    }
    return out;
}
