// SPDX-License-Identifier: Apache-2.0
/*
 * exec --user against a reference of another make: what exec_user_parse takes is exactly
 * [0-9]{1,10}(:[0-9]{1,10})? with numbers below 2^32-1 (CVE-2026-30892).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "runtime/exec_process.h"

/* One number at *p, which is moved behind it. */
static bool number(const char **p, uint64_t *ret)
{
    size_t len = strspn(*p, "0123456789");
    if (len < 1 || len > 10)
        return false;
    *ret = strtoull(*p, NULL, 10);
    *p += len;
    return *ret < UINT32_MAX;
}

static bool reference(const char *text, uint64_t *uid, uint64_t *gid, bool *has_gid)
{
    if (!number(&text, uid))
        return false;
    *has_gid = *text == ':';
    if (*has_gid) {
        text++;
        if (!number(&text, gid))
            return false;
    }
    return *text == '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err e = {0};
    struct json_u64 uid = {true, 7777777777}, gid = {true, 8888888888};
    uint64_t want_uid = 0, want_gid = 0;
    bool has_gid = false;
    autofree char *text = str_ndup((const char *)data, len);
    bool is_right = reference(text, &want_uid, &want_gid, &has_gid);
    int rc = exec_user_parse(text, &uid, &gid, &e);
    ASSERT((rc == 0) == is_right);
    if (is_right) {
        ASSERT(uid.is_set && uid.v == want_uid);
        ASSERT(gid.v == (has_gid ? want_gid : 8888888888));
    } else {
        ASSERT(uid.v == 7777777777 && gid.v == 8888888888);
        ASSERT(e.kind == ERR_USAGE && strstr(e.text, "--user: "));
    }
    return 0;
}
