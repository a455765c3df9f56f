// SPDX-License-Identifier: Apache-2.0
/*
 * The drift guard of runtime/spec.c and cgroups/resources.c: every property that runtime-spec 1.3's
 * schema gives a config for Linux is in a table, or below one that is carried whole, skipped or
 * refused with a reason; and no row of a table has a name that the schema lacks.
 *
 * The list is ours, written from the published schemas (config-schema, config-linux, config-vm and
 * their definitions). A new version of the specification means: extend the list, then follow the
 * failures.
 */
#include "runtime/spec.h"
#include "tests/unit/runtime/kit.h"

/* A pointer ("*" for any element or key), then the names of the properties there. What belongs to
 * other operating systems is not gone into. */
static const char *const schema[] = {
        "/ annotations domainname freebsd hooks hostname linux mounts ociVersion process root",
        "/ solaris vm windows zos",
        "/hooks createContainer createRuntime poststart poststop prestart startContainer",
        "/hooks/createContainer/* args env path timeout",
        "/hooks/createRuntime/* args env path timeout",
        "/hooks/poststart/* args env path timeout",
        "/hooks/poststop/* args env path timeout",
        "/hooks/prestart/* args env path timeout",
        "/hooks/startContainer/* args env path timeout",
        "/linux cgroupsPath devices gidMappings intelRdt maskedPaths memoryPolicy mountLabel",
        "/linux namespaces netDevices personality readonlyPaths resources rootfsPropagation",
        "/linux seccomp sysctl timeOffsets uidMappings",
        "/linux/devices/* fileMode gid major minor path type uid",
        "/linux/gidMappings/* containerID hostID size",
        "/linux/intelRdt closID enableMonitoring l3CacheSchema memBwSchema schemata",
        "/linux/memoryPolicy flags mode nodes",
        "/linux/namespaces/* path type",
        "/linux/netDevices/* name",
        "/linux/personality domain flags",
        "/linux/resources blockIO cpu devices hugepageLimits memory network pids rdma unified",
        "/linux/resources/blockIO leafWeight throttleReadBpsDevice throttleReadIOPSDevice",
        "/linux/resources/blockIO throttleWriteBpsDevice throttleWriteIOPSDevice weight",
        "/linux/resources/blockIO weightDevice",
        "/linux/resources/blockIO/throttleReadBpsDevice/* major minor rate",
        "/linux/resources/blockIO/throttleReadIOPSDevice/* major minor rate",
        "/linux/resources/blockIO/throttleWriteBpsDevice/* major minor rate",
        "/linux/resources/blockIO/throttleWriteIOPSDevice/* major minor rate",
        "/linux/resources/blockIO/weightDevice/* leafWeight major minor weight",
        "/linux/resources/cpu burst cpus idle mems period quota realtimePeriod",
        "/linux/resources/cpu realtimeRuntime shares",
        "/linux/resources/devices/* access allow major minor type",
        "/linux/resources/hugepageLimits/* limit pageSize",
        "/linux/resources/memory checkBeforeUpdate disableOOMKiller kernel kernelTCP limit",
        "/linux/resources/memory reservation swap swappiness useHierarchy",
        "/linux/resources/network classID priorities",
        "/linux/resources/network/priorities/* name priority",
        "/linux/resources/pids limit",
        "/linux/resources/rdma/* hcaHandles hcaObjects",
        "/linux/seccomp architectures defaultAction defaultErrnoRet flags listenerMetadata",
        "/linux/seccomp listenerPath syscalls",
        "/linux/seccomp/syscalls/* action args errnoRet names",
        "/linux/seccomp/syscalls/*/args/* index op value valueTwo",
        "/linux/timeOffsets boottime monotonic",
        "/linux/timeOffsets/boottime nanosecs secs",
        "/linux/timeOffsets/monotonic nanosecs secs",
        "/linux/uidMappings/* containerID hostID size",
        "/mounts/* destination gidMappings options source type uidMappings",
        "/mounts/*/gidMappings/* containerID hostID size",
        "/mounts/*/uidMappings/* containerID hostID size",
        "/process apparmorProfile args capabilities commandLine consoleSize cwd env",
        "/process execCPUAffinity ioPriority noNewPrivileges oomScoreAdj rlimits scheduler",
        "/process selinuxLabel terminal user",
        "/process/capabilities ambient bounding effective inheritable permitted",
        "/process/consoleSize height width",
        "/process/execCPUAffinity final initial",
        "/process/ioPriority class priority",
        "/process/rlimits/* hard soft type",
        "/process/scheduler deadline flags nice period policy priority runtime",
        "/process/user additionalGids gid uid umask username",
        "/root path readonly",
        "/vm hwConfig hypervisor image kernel",
        "/vm/hwConfig deviceTree dtdevs iomems irqs memory vcpus",
        "/vm/hwConfig/iomems/* firstGFN firstMFN nrMFNs",
        "/vm/hypervisor parameters path",
        "/vm/image format path",
        "/vm/kernel initrd parameters path",
};

/* The next word of a row: its length is returned, 0 at the end. */
static size_t word_next(const char **p)
{
    *p += strspn(*p, " ");
    return strcspn(*p, " ");
}

static const struct json_field *row_find(const struct json_field *t, const char *name, size_t len)
{
    for (; t->name; t++)
        if (strlen(t->name) == len && strncmp(t->name, name, len) == 0)
            return t;
    return NULL;
}

/* Rows that speak for everything below them. */
static bool is_whole(const struct json_field *row)
{
    return row->type == JSON_T_SKIP || row->type == JSON_T_REFUSE || row->type == JSON_T_RAW ||
           row->type == JSON_T_MAP;
}

static void assert_reason(const struct json_field *row, const char *pointer)
{
    if ((row->type == JSON_T_SKIP || row->type == JSON_T_REFUSE) && (!row->reason || !*row->reason))
        fail_msg("%s: neither read nor given a reason", pointer);
}

static void assert_in_tables(const char *pointer)
{
    const struct json_field *table = spec_fields;
    for (const char *p = pointer; *p == '/';) {
        size_t len = strcspn(++p, "/");
        const struct json_field *row = table ? row_find(table, p, len) : NULL;
        if (!row) {
            fail_msg("%s: in no table: add a row to runtime/spec.c or cgroups/resources.c",
                    pointer);
            return;
        }
        assert_reason(row, pointer);
        if (is_whole(row))
            return;
        table = row->sub;
        p += len;
        if (strncmp(p, "/*", 2) == 0)
            p += 2;
    }
}

/* "" and "/a" are written "/" and "/a" in the list. */
static bool is_at(const char *row, const char *at)
{
    size_t len = strlen(*at ? at : "/");
    return strncmp(row, *at ? at : "/", len) == 0 && row[len] == ' ';
}

static bool is_in_schema(const char *at, const char *name)
{
    size_t len, wanted = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(schema); i++) {
        if (!is_at(schema[i], at))
            continue;
        const char *p = strchr(schema[i], ' ');
        for (; (len = word_next(&p)) > 0; p += len)
            if (len == wanted && strncmp(p, name, len) == 0)
                return true;
    }
    return false;
}

static size_t assert_rows_known(const struct json_field *table, const char *at)
{
    size_t n = 0;
    for (const struct json_field *row = table; row->name; row++, n++) {
        if (!is_in_schema(at, row->name))
            fail_msg("%s/%s: a row for a property that the schema does not have", at, row->name);
        if (row_find(table, row->name, strlen(row->name)) != row)
            fail_msg("%s/%s: two rows", at, row->name);
        if (!row->sub)
            continue;
        autofree char *below =
                str_fmt("%s/%s%s", at, row->name, row->type == JSON_T_ARR ? "/*" : "");
        n += assert_rows_known(row->sub, below);
    }
    return n;
}

static void test_schema_properties_are_in_the_tables(void **state)
{
    (void)state;
    size_t len, n = 0;
    for (size_t i = 0; i < ARRAY_LEN(schema); i++) {
        size_t at = strcspn(schema[i], " ");
        const char *p = schema[i] + at;
        for (; (len = word_next(&p)) > 0; p += len, n++) {
            autofree char *pointer =
                    str_fmt("%.*s/%.*s", at == 1 ? 0 : (int)at, schema[i], (int)len, p);
            assert_in_tables(pointer);
        }
    }
    assert_int_equal(n, 248); /* properties of 1.3.0 */
}

static void test_schema_has_every_row_of_the_tables(void **state)
{
    (void)state;
    assert_true(assert_rows_known(spec_fields, "") > 100);
}

/* exec --process reads the same table. */
static void test_schema_process_is_one_table(void **state)
{
    (void)state;
    const struct json_field *row = row_find(spec_fields, "process", 7);
    assert_true(row && row->sub == spec_process_fields);
}

/* Each refused property, given a value, is an error that names it, wherever it stands. */
static size_t assert_refusals(const struct json_field *table, json_t *top, json_t *here,
        const char *pointer)
{
    size_t n = 0;
    for (const struct json_field *row = table; row->name; row++) {
        autofree char *at = str_fmt("%s/%s", pointer, row->name);
        if (row->type == JSON_T_OBJ || row->type == JSON_T_ARR) {
            json_t *inner = json_object();
            json_t *outer = inner;
            autofree char *below = str_fmt("%s%s", at, row->type == JSON_T_ARR ? "/0" : "");
            if (row->type == JSON_T_ARR)
                outer = json_pack("[o]", inner);
            json_object_set_new(here, row->name, outer);
            n += assert_refusals(row->sub, top, inner, below);
            json_object_del(here, row->name);
        }
        if (row->type != JSON_T_REFUSE)
            continue;
        struct err e = {0};
        struct spec s = {0};
        autofree char *words = str_fmt("%s: not supported", at);
        json_object_set_new(here, row->name, json_pack("{s:i}", "a", 1));
        REFUSED(json_decode(top, spec_fields, &s, "", NULL, &e), ERR_UNSUPPORTED, words);
        n++;
        json_object_set_new(here, row->name, json_object());
        if (json_decode(top, spec_fields, &s, "", NULL, &e) == 0)
            json_release(spec_fields, &s);
        else if (strstr(e.text, words))
            fail_msg("%s: {} is refused: '%s'", at, e.text);
        json_object_del(here, row->name);
    }
    return n;
}

static void test_schema_refusals_name_the_property(void **state)
{
    (void)state;
    json_auto_t *top = json_object();
    size_t n = assert_refusals(spec_fields, top, top, "");
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_schema_properties_are_in_the_tables),
            cmocka_unit_test(test_schema_has_every_row_of_the_tables),
            cmocka_unit_test(test_schema_process_is_one_table),
            cmocka_unit_test(test_schema_refusals_name_the_property),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
