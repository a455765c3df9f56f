// SPDX-License-Identifier: Apache-2.0
/* See host.h and vm.h: the files that the host process writes. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/own.h"
#include "runtime/vm/host.h"
#include "runtime/vm/liveness.h"

#define RECORD_SCHEMA 1

static int record_write(int dirfd, const char *name, json_t *doc, struct err *e)
{
    autofree char *text = json_text(doc, false);
    json_decref(doc);
    return fd_write_atomic(dirfd, name, text, strlen(text), 0600, e);
}

int host_record_vm(struct host *h, struct err *e)
{
    pid_t pids[5];
    size_t n = h->setup->engine->pids(h->setup->engine_arg, pids);
    pids[n++] = getpid(); /* last: it ends by itself when the others are gone */
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        uint64_t start = 0;
        if (liveness_start_time(pids[i], &start))
            (void)json_array_append_new(list, json_pack("{s:I,s:o}", "pid", (json_int_t)pids[i],
                                                      "startTime", json_from_u64(start)));
    }
    json_t *doc = json_pack("{s:i,s:I,s:o}", "schema", RECORD_SCHEMA, "uid",
            (json_int_t)h->setup->uid, "processes", list);
    return record_write(h->setup->vm_fd, "vm.json", doc, e);
}

void host_record_exit(struct host *h)
{
    struct timespec now;
    struct tm tm;
    struct err e;
    char date[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    autofree char *time = str_fmt("%s.%09ldZ", date, now.tv_nsec);
    json_t *doc = json_pack("{s:i,s:i,s:i,s:s,s:s}", "schema", RECORD_SCHEMA, "code", h->end.code,
            "signal", h->end.signal, "reason", h->end.reason, "time", time);
    if (record_write(h->setup->state_fd, "exit.json", doc, &e) < 0)
        log_warn("exit.json: %s", e.text);
}

void host_mark(struct host *h, const char *name, bool is_on)
{
    if (is_on) {
        autoclose int fd = openat(h->setup->vm_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            log_warn("mark '%s': %s", name, strerrordesc_np(errno));
    } else if (unlinkat(h->setup->vm_fd, name, 0) < 0 && errno != ENOENT) {
        log_warn("unmark '%s': %s", name, strerrordesc_np(errno));
    }
}
