// SPDX-License-Identifier: Apache-2.0
/* See guest_config.h. The document was checked against the tables of spec.c before; what has an
 * unexpected type here is left to the guest's own check. */
#include "runtime/vm/guest_config.h"

#include <string.h>

#include "base/own.h"

struct making {
    struct guest_config *out;
    json_t *config;
    bool allow_degraded;
    struct err *e;
};

static void list_add(char ***list, char *text)
{
    size_t n = 0;
    while (*list && (*list)[n])
        n++;
    *list = mem_grow(*list, n + 2, sizeof(char *));
    (*list)[n] = text;
    (*list)[n + 1] = NULL;
}

static size_t list_len(char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* Refuses, or records the gap. Takes text. */
static int degrade(struct making *m, char *text)
{
    autofree char *own = text;
    if (!m->allow_degraded)
        return err_set(m->e, ERR_UNSUPPORTED, "%s (--allow-degraded runs it without)", own);
    list_add(&m->out->gaps, steal_ptr(own));
    return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

static bool has_option(const json_t *mount, const char *name)
{
    size_t i;
    json_t *option;
    json_array_foreach(json_object_get(mount, "options"), i, option)
    {
        const char *s = json_string_value(option);
        if (s && strcmp(s, name) == 0)
            return true;
    }
    return false;
}

/* -- root, hooks, process ---------------------------------------------------------------------- */

static int make_root(struct making *m)
{
    json_t *root = json_object_get(m->config, "root");
    if (!json_is_object(root))
        return err_set(m->e, ERR_CONFIG, "/root: missing");
    (void)json_object_set_new(root, "path", json_string(GUEST_ROOT));
    return 0;
}

static int make_hooks(struct making *m)
{
    json_t *hooks = json_object_get(m->config, "hooks");
    json_t *start = json_object_get(hooks, "startContainer");
    if (json_array_size(json_object_get(hooks, "createContainer")))
        return err_set(m->e, ERR_UNSUPPORTED,
                "/hooks/createContainer: needs the host's files and the guest's namespaces");
    json_t *kept = json_array_size(start) ? json_pack("{s:O}", "startContainer", start) : NULL;
    (void)json_object_del(m->config, "hooks");
    if (kept)
        (void)json_object_set_new(m->config, "hooks", kept);
    (void)json_object_del(m->config, "vm"); /* read by the host: kernel, hypervisor */
    (void)json_object_del(json_object_get(m->config, "annotations"), "islet.isolation"); /* done */
    return 0;
}

static int drop_label(struct making *m, json_t *object, const char *parent, const char *key)
{
    const char *label = text_of(object, key);
    if (*label && strcmp(label, "unconfined") != 0) {
        char *text = str_fmt("%s/%s: no policy is loaded in a guest", parent, key);
        if (degrade(m, text) < 0)
            return -1;
    }
    (void)json_object_del(object, key);
    return 0;
}

static int make_process(struct making *m)
{
    json_t *process = json_object_get(m->config, "process");
    json_t *linux_ = json_object_get(m->config, "linux");
    m->out->has_tty = json_is_true(json_object_get(process, "terminal"));
    if (drop_label(m, process, "/process", "apparmorProfile") < 0 ||
            drop_label(m, process, "/process", "selinuxLabel") < 0 ||
            drop_label(m, linux_, "/linux", "mountLabel") < 0)
        return -1;
    return 0;
}

/* -- linux ------------------------------------------------------------------------------------- */

static void make_namespaces(struct making *m, json_t *linux_)
{
    json_t *list = json_object_get(linux_, "namespaces");
    for (size_t i = 0, at = 0; at < json_array_size(list); i++) {
        json_t *ns = json_array_get(list, at);
        const char *type = text_of(ns, "type");
        if (*text_of(ns, "path")) {
            bool is_net = strcmp(type, "network") == 0;
            list_add(&m->out->gaps, str_fmt("/linux/namespaces/%zu: %s", i,
                                            is_net ? "not connected: the guest has only lo yet"
                                                   : "a namespace of the host is not shared"));
            (void)json_object_del(ns, "path");
        }
        if (strcmp(type, "network") == 0)
            (void)json_array_remove(list, at);
        else
            at++;
    }
}

static void make_sysctls(struct making *m, json_t *linux_)
{
    json_t *sysctl = json_object_get(linux_, "sysctl");
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(sysctl, next, key, value)
    {
        if (strncmp(key, "net.", 4) != 0 && strncmp(key, "net/", 4) != 0)
            continue;
        const char *s = json_string_value(value);
        list_add(&m->out->sysctls, str_fmt("%s=%s", key, s ? s : ""));
        (void)json_object_del(sysctl, key);
    }
}

/* Nodes that name the same thing in every kernel. Documentation/admin-guide/devices.txt */
static bool is_common_device(const json_t *device)
{
    static const struct {
        int major, minor;
    } common[] = {
            {1,  3  }, /* null */
            {1,  5  }, /* zero */
            {1,  7  }, /* full */
            {1,  8  }, /* random */
            {1,  9  }, /* urandom */
            {5,  0  }, /* tty */
            {5,  2  }, /* ptmx */
            {10, 229}, /* fuse: virtiofs needs it, so it is there */
    };
    const char *type = text_of(device, "type");
    json_int_t major = json_integer_value(json_object_get(device, "major"));
    json_int_t minor = json_integer_value(json_object_get(device, "minor"));
    if (strcmp(type, "p") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        if ((strcmp(type, "c") == 0 || strcmp(type, "u") == 0) && major == common[i].major &&
                minor == common[i].minor)
            return true;
    return false;
}

static int make_devices(struct making *m, json_t *linux_)
{
    size_t i;
    json_t *device;
    json_array_foreach(json_object_get(linux_, "devices"), i, device)
    {
        if (!is_common_device(device))
            return err_set(m->e, ERR_UNSUPPORTED,
                    "/linux/devices/%zu: '%s' of the host is not to be had in a guest", i,
                    text_of(device, "path"));
    }
    return 0;
}

static int refuse_if_set(struct making *m, json_t *object, const char *pointer, const char *why)
{
    const char *key = strrchr(pointer, '/') + 1;
    const json_t *v = json_object_get(object, key);
    if (json_object_size(v) || json_array_size(v) || (json_is_string(v) && *json_string_value(v)))
        return err_set(m->e, ERR_UNSUPPORTED, "%s: %s", pointer, why);
    return 0;
}

static int make_linux(struct making *m, const char *id)
{
    json_t *linux_ = json_object_get(m->config, "linux");
    if (!linux_) {
        linux_ = json_object();
        (void)json_object_set_new(m->config, "linux", linux_);
    }
    json_t *seccomp = json_object_get(linux_, "seccomp");
    if (refuse_if_set(m, linux_, "/linux/netDevices", "devices stay in the host") < 0 ||
            refuse_if_set(m, linux_, "/linux/intelRdt", "not to be had in a guest") < 0 ||
            refuse_if_set(m, seccomp, "/linux/seccomp/listenerPath",
                    "a socket of the host cannot be reached from a guest") < 0 ||
            make_devices(m, linux_) < 0)
        return -1;
    make_namespaces(m, linux_);
    make_sysctls(m, linux_);
    autofree char *path = str_fmt("/%s", id);
    (void)json_object_set_new(linux_, "cgroupsPath", json_string(path));
    return 0;
}

/* -- mounts ------------------------------------------------------------------------------------ */

static bool is_bind(const json_t *mount)
{
    return strcmp(text_of(mount, "type"), "bind") == 0 || has_option(mount, "bind") ||
           has_option(mount, "rbind");
}

/* Files that clients make for a container and do not change later. */
static bool is_client_file(const char *destination)
{
    static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/hostname",
            "/run/.containerenv", "/.dockerenv", "/dev/termination-log"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (strcmp(destination, files[i]) == 0)
            return true;
    return false;
}

static void mirror_shm(json_t *mount)
{
    static const char *const options[] = {"nosuid", "noexec", "nodev", "mode=1777"};
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        (void)json_array_append_new(list, json_string(options[i]));
    (void)json_object_set_new(mount, "type", json_string("tmpfs"));
    (void)json_object_set_new(mount, "source", json_string("shm"));
    (void)json_object_set_new(mount, "options", list);
}

static int make_mount(struct making *m, size_t i, json_t *mount)
{
    const char *destination = text_of(mount, "destination");
    const char *source = text_of(mount, "source");
    if (!is_bind(mount))
        return 0;
    if (strcmp(destination, "/dev/shm") == 0) {
        mirror_shm(mount);
        return 0;
    }
    if (!is_client_file(destination))
        return err_set(m->e, ERR_UNSUPPORTED,
                "/mounts/%zu: '%s' of the host cannot be mounted at '%s' in a VM yet", i, source,
                destination);
    autofree char *copy = str_fmt("%s/%zu", GUEST_FILES, list_len(m->out->files));
    if (!has_option(mount, "ro"))
        list_add(&m->out->gaps, str_fmt("/mounts/%zu: '%s' is a copy: what is written stays in the "
                                        "guest",
                                        i, destination));
    list_add(&m->out->files, str_dup(source));
    (void)json_object_set_new(mount, "source", json_string(copy));
    return 0;
}

static int make_mounts(struct making *m)
{
    size_t i;
    json_t *mount;
    json_array_foreach(json_object_get(m->config, "mounts"), i, mount)
    {
        if (make_mount(m, i, mount) < 0)
            return -1;
    }
    return 0;
}

int guest_config_make(const json_t *config, const char *id, bool allow_degraded,
        struct guest_config *ret, struct err *e)
{
    struct guest_config g = {.config = json_deep_copy(config)};
    struct making m = {.out = &g, .config = g.config, .allow_degraded = allow_degraded, .e = e};
    g.files = mem_new(1, sizeof(char *));
    g.sysctls = mem_new(1, sizeof(char *));
    g.gaps = mem_new(1, sizeof(char *));
    if (make_root(&m) < 0 || make_hooks(&m) < 0 || make_process(&m) < 0 || make_linux(&m, id) < 0 ||
            make_mounts(&m) < 0) {
        guest_config_release(&g);
        return err_add(e, "VM");
    }
    *ret = g;
    return 0;
}

static void list_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        mem_free(list[i]);
    mem_free(list);
}

void guest_config_release(struct guest_config *g)
{
    json_decref(g->config);
    list_free(g->files);
    list_free(g->sysctls);
    list_free(g->gaps);
    *g = (struct guest_config){0};
}
