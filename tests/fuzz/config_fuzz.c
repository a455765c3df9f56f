// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as config.json: json_parse, spec_load, and what is asked of a config that was taken. What
 * is refused must have an error (its text may quote the config's bytes; the log escapes them) and
 * leave nothing behind.
 */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "runtime/spec.h"

/* What spec_check promises to the steps that come after it. */
static void check_promises(const struct spec *s)
{
    unsigned seen = 0;
    ASSERT(s->has_root && s->root.path[0] && s->has_process && s->has_linux);
    ASSERT(s->process.n_args > 0 && s->process.args[0][0] && !s->process.args[s->process.n_args]);
    ASSERT(s->process.cwd[0] == '/');
    for (size_t i = 0; i < s->process.n_rlimits; i++)
        ASSERT(spec_rlimit_number(s->process.rlimits[i].type) >= 0);
    for (size_t i = 0; i < s->linux_.n_namespaces; i++) {
        int type = s->linux_.namespaces[i].type;
        ASSERT(type > SPEC_NS_NONE && type < SPEC_NS_COUNT && !(seen & (1u << type)));
        seen |= 1u << type;
        ASSERT(spec_ns_clone_flag((enum spec_ns_type)type) != 0);
    }
    ASSERT(spec_namespace(s, SPEC_NS_MOUNT));
    ASSERT(!s->linux_.n_uid_mappings || spec_namespace(s, SPEC_NS_USER));
    for (size_t i = 0; i < s->linux_.sysctl.n; i++)
        ASSERT(!strstr(s->linux_.sysctl.pairs[i].key, ".."));
    for (size_t i = 0; i < s->linux_.n_devices; i++)
        ASSERT(s->linux_.devices[i].path[0] == '/' && s->linux_.devices[i].type[0]);
}

/* What was decoded, written by the same tables, decodes to the same. */
static void check_round_trip(const struct spec *s)
{
    struct err e = {0};
    struct spec again;
    json_auto_t *doc = json_encode(spec_fields, s);
    int rc = spec_load(doc, &again, &e);
    ASSERT(rc == 0);
    json_auto_t *twice = json_encode(spec_fields, &again);
    ASSERT(json_equal(doc, twice));
    spec_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    struct spec s = {0};
    json_auto_t *doc = NULL;
    if (json_parse((const char *)data, len, "fuzz", &doc, &e) < 0)
        return 0;
    if (spec_load(doc, &s, &e) < 0) {
        ASSERT(e.kind != ERR_NONE && e.text[0] && !s.oci_version);
        return 0;
    }
    check_promises(&s);
    check_round_trip(&s);
    spec_release(&s);
    ASSERT(!s.oci_version && !s.process.args && !s.mounts && !s.linux_.namespaces);
    return 0;
}
