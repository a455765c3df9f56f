// SPDX-License-Identifier: Apache-2.0
/* Which wall: for a new container by request and bundle, for an existing one by its state. */
#include "runtime/engine.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cgroups/cgroups.h"
#include "runtime/birth.h"

const struct engine_ops engine_ns = {
        .name = "ns",
        .create = ns_engine_create,
        .run = ns_engine_run,
        .start = ns_engine_start,
        .exec = ns_engine_exec,
        .kill = ns_engine_kill,
        .pause = ns_engine_pause,
        .ps = ns_engine_ps,
        .status = ns_engine_status,
        .destroy = ns_engine_destroy,
};

const struct engine_ops *engine_of(const struct engine_place *p)
{
    const struct state *s = &p->state;
    if (!s->schema.is_set) /* create died before it wrote one */
        return faccessat(p->dir.fd, "vm", F_OK, 0) == 0 ? &engine_vm : &engine_ns;
    return s->isolation && strcmp(s->isolation, "vm") == 0 ? &engine_vm : &engine_ns;
}

int engine_open(const struct rt_context *c, const char *id, struct engine_place *ret, struct err *e)
{
    struct engine_place p = {.ctx = c, .id = id, .dir = {.fd = -1}};
    if (state_dir_open(c->root, id, &p.dir, e) < 0)
        return -1;
    if (state_load(&p.dir, &p.state, e) < 0) {
        state_dir_close(&p.dir);
        if (e->kind == ERR_NOT_FOUND)
            return err_set(e, ERR_STATE,
                    "container '%s' is not whole: its creation has not ended or was killed (delete --force removes it)",
                    id);
        return -1;
    }
    *ret = p;
    return 0;
}

void engine_close(struct engine_place *p)
{
    state_release(&p->state);
    state_dir_close(&p->dir);
}

/* The annotation comes from the tenant: it may ask for the stronger wall, never for the weaker. */
static int annotation_wants_vm(const json_t *config, bool *ret, struct err *e)
{
    const char *wanted = json_string_value(
            json_object_get(json_object_get(config, "annotations"), "islet.isolation"));
    *ret = wanted && strcmp(wanted, "vm") == 0;
    if (wanted && !*ret && strcmp(wanted, "container") != 0)
        return err_set(e, ERR_CONFIG,
                "config.json: /annotations/islet.isolation: '%s' is neither container nor vm",
                wanted);
    return 0;
}

int engine_choose(const struct birth *b, const struct engine_ops **ret, struct err *e)
{
    bool wants_vm;
    if (annotation_wants_vm(b->config, &wants_vm, e) < 0)
        return -1;
    *ret = wants_vm || b->ctx->isolation == RT_ISOLATION_VM ? &engine_vm : &engine_ns;
    return 0;
}

/* Only these two properties matter, and the file may be of a create that died. */
char *engine_cgroup_path(int statedir_fd, const char *id)
{
    struct err ignored;
    autofree char *text = NULL;
    size_t len;
    json_t *doc = NULL;
    if (fd_read_file(statedir_fd, "config.json", JSON_MAX_BYTES, &text, &len, &ignored) < 0 ||
            json_parse(text, len, "config.json", &doc, &ignored) < 0)
        doc = NULL;
    const char *path =
            json_string_value(json_object_get(json_object_get(doc, "linux"), "cgroupsPath"));
    char *out = path && *path && !strstr(path, "..")
                        ? str_fmt("%s%s", path[0] == '/' ? "" : "/", path)
                        : str_fmt("/islet-%s", id);
    json_decref(doc);
    return out;
}
