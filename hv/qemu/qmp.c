// SPDX-License-Identifier: Apache-2.0
/* See qmp.h. Source: QEMU docs/interop/qmp-spec.rst; event SHUTDOWN in qapi/run-state.json. */
#include "hv/qemu/qmp.h"

#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"

static const struct {
    const char *reason;
    enum qmp_stop stop;
} reasons[] = {
        {"guest-shutdown", QMP_STOP_POWEROFF},
        {"guest-reset",    QMP_STOP_RESET   },
        {"guest-panic",    QMP_STOP_PANIC   },
};

static enum qmp_stop reason_of(const char *text)
{
    for (size_t i = 0; text && i < ARRAY_LEN(reasons); i++)
        if (strcmp(text, reasons[i].reason) == 0)
            return reasons[i].stop;
    return QMP_STOP_HOST;
}

static void line_take(struct qmp *q)
{
    if (q->stop != QMP_RUNNING || !memmem(q->line, q->len, "\"SHUTDOWN\"", 10))
        return;
    json_t *doc = json_loadb(q->line, q->len, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(doc, "event"));
    if (event && strcmp(event, "SHUTDOWN") == 0) {
        json_t *data = json_object_get(doc, "data");
        const char *reason = json_string_value(json_object_get(data, "reason"));
        q->stop = reason_of(reason);
        log_debug("qemu: the guest stopped: %s", reason ? reason : "no reason given");
    }
    json_decref(doc);
}

void qmp_feed(struct qmp *q, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\n') {
            if (!q->is_skipping)
                line_take(q);
            q->len = 0;
            q->is_skipping = false;
        } else if (q->len == sizeof(q->line)) {
            q->is_skipping = true;
        } else {
            q->line[q->len++] = p[i];
        }
    }
}
