// SPDX-License-Identifier: Apache-2.0
/*
 * The table of linux.resources (runtime-spec config-linux#control-groups). Fields that only v1 had
 * are refused by name; their zero values pass, since Docker 20.10 sends disableOOMKiller false by
 * default (it and Podman 4.3 leave swappiness out on v2 unless the user asks for it).
 */
#include <stdint.h>

#include "cgroups/cgroups.h"

#define NOT_IN_V2 "cgroup v2 has no such limit"

static const struct json_field device_fields[] = {
        J_BOOL("allow", struct cg_device_rule, allow),
        J_STR("type", struct cg_device_rule, type, 0),
        J_I64("major", struct cg_device_rule, major, -1, UINT32_MAX),
        J_I64("minor", struct cg_device_rule, minor, -1, UINT32_MAX),
        J_STR("access", struct cg_device_rule, access, 0),
        J_END,
};
#define LIMITS struct cg_limits
static const struct json_field memory_fields[] = {
        J_I64("limit", LIMITS, memory.limit, -1, INT64_MAX),
        J_I64("swap", LIMITS, memory.swap, -1, INT64_MAX),
        J_I64("reservation", LIMITS, memory.reservation, -1, INT64_MAX),
        J_BOOL("checkBeforeUpdate", LIMITS, memory.check_before_update),
        J_REFUSE("kernel", NOT_IN_V2 " (kernel memory counts in memory.limit)"),
        J_REFUSE("kernelTCP", NOT_IN_V2 " (socket memory counts in memory.limit)"),
        J_REFUSE("swappiness", NOT_IN_V2 " (it is vm.swappiness of the whole host)"),
        J_REFUSE("disableOOMKiller", NOT_IN_V2),
        J_SKIP("useHierarchy", "every cgroup of v2 is hierarchical"),
        J_END,
};
static const struct json_field cpu_fields[] = {
        J_U64("shares", LIMITS, cpu.shares, 0),
        J_I64("quota", LIMITS, cpu.quota, INT64_MIN, INT64_MAX),
        J_U64("burst", LIMITS, cpu.burst, 0),
        J_U64("period", LIMITS, cpu.period, 0),
        J_I64("idle", LIMITS, cpu.idle, 0, 1),
        J_STR("cpus", LIMITS, cpu.cpus, 0),
        J_STR("mems", LIMITS, cpu.mems, 0),
        J_REFUSE("realtimeRuntime", NOT_IN_V2 " for real-time scheduling"),
        J_REFUSE("realtimePeriod", NOT_IN_V2 " for real-time scheduling"),
        J_END,
};
static const struct json_field pids_fields[] = {
        J_I64("limit", LIMITS, pids.limit, INT64_MIN, INT64_MAX),
        J_END,
};
static const struct json_field weight_fields[] = {
        J_I64("major", struct cg_weight_device, major, 0, UINT32_MAX),
        J_I64("minor", struct cg_weight_device, minor, 0, UINT32_MAX),
        J_U64("weight", struct cg_weight_device, weight, 1000),
        J_REFUSE("leafWeight", NOT_IN_V2 " for the processes of a parent"),
        J_END,
};
static const struct json_field throttle_fields[] = {
        J_I64("major", struct cg_throttle, major, 0, UINT32_MAX),
        J_I64("minor", struct cg_throttle, minor, 0, UINT32_MAX),
        J_U64("rate", struct cg_throttle, rate, 0),
        J_END,
};
#define J_THROTTLE(nm, m) J_ARR(nm, LIMITS, block_io.m, block_io.n_##m, throttle_fields, 0)
static const struct json_field block_io_fields[] = {
        J_U64("weight", LIMITS, block_io.weight, 1000),
        J_REFUSE("leafWeight", NOT_IN_V2 " for the processes of a parent"),
        J_ARR("weightDevice", LIMITS, block_io.weight_devices, block_io.n_weight_devices,
                weight_fields, 0),
        J_THROTTLE("throttleReadBpsDevice", read_bps),
        J_THROTTLE("throttleWriteBpsDevice", write_bps),
        J_THROTTLE("throttleReadIOPSDevice", read_iops),
        J_THROTTLE("throttleWriteIOPSDevice", write_iops),
        J_END,
};
static const struct json_field huge_fields[] = {
        J_STR("pageSize", struct cg_huge, page_size, JSON_REQUIRED | JSON_NONEMPTY),
        J_U64("limit", struct cg_huge, limit, 0),
        J_END,
};
static const struct json_field network_fields[] = {
        J_REFUSE("classID", NOT_IN_V2 " (net_cls is v1 only)"),
        J_REFUSE("priorities", NOT_IN_V2 " (net_prio is v1 only)"),
        J_END,
};

/* The sub-tables' offsets are those of struct cg_limits itself, so each object starts at 0. */
#define J_PART(nm, table)                                                                          \
    {                                                                                              \
        .name = (nm), .type = JSON_T_OBJ, .offset = 0, .sub = (table)                              \
    }

const struct json_field cg_limits_fields[] = {
        J_ARR("devices", LIMITS, devices, n_devices, device_fields, 0),
        J_PART("memory", memory_fields),
        J_PART("cpu", cpu_fields),
        J_PART("pids", pids_fields),
        J_PART("blockIO", block_io_fields),
        J_ARR("hugepageLimits", LIMITS, huge, n_huge, huge_fields, 0),
        J_PART("network", network_fields),
        J_RAW("rdma", LIMITS, rdma),
        J_MAP("unified", LIMITS, unified),
        J_END,
};
