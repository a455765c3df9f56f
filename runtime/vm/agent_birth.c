// SPDX-License-Identifier: Apache-2.0
/* See agent.h. Runs in a worker: what a client of an OCI runtime does before and around `create`
 * and `exec`, inside the guest. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/own.h"
#include "runtime/vm/agent.h"
#include "runtime/vm/guest_config.h"

static int write_file(const char *path, const void *data, size_t len, struct err *e)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(e, "create '%s' in the guest", path);
    if (fd_write_all(fd, data, len, e) < 0)
        return err_add(e, "'%s' in the guest", path);
    return 0;
}

/* "net.ipv4.x=v" */
static int sysctl_write(char *line, struct err *e)
{
    char *value = strchr(line, '=');
    if (!value)
        return err_set(e, ERR_INTERNAL, "sysctl '%s' without a value", line);
    *value++ = '\0';
    autofree char *path = str_fmt("/proc/sys/%s", line);
    for (char *c = path; *c; c++)
        if (*c == '.')
            *c = '/';
    if (fd_write_file(AT_FDCWD, path, value, e) < 0)
        return err_add(e, "/linux/sysctl/%s in the guest", line);
    return 0;
}

static int machine_prepare(const struct agent *a, const struct wire_create *c, struct err *e)
{
    if (!a->config->is_machine)
        return 0;
    if (agent_mount_root(e) < 0 || fd_mkdir_all(GUEST_FILES, 0711, e) < 0)
        return -1;
    for (size_t i = 0; i < c->n_files; i++) {
        autofree char *path = str_fmt("%s/%zu", GUEST_FILES, i);
        if (write_file(path, c->files[i].data, c->files[i].len, e) < 0)
            return -1;
    }
    for (size_t i = 0; c->sysctls[i]; i++)
        if (sysctl_write(c->sysctls[i], e) < 0)
            return -1;
    return 0;
}

/* Gives the payload's stdio to this process, whose children inherit it. */
static int stdio_take(const struct agent_birth *b, struct err *e)
{
    autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (null < 0)
        return err_sys(e, "open '/dev/null'");
    for (int i = 0; i < 3; i++)
        if (dup2(b->stdio[i] >= 0 ? b->stdio[i] : null, i) < 0)
            return err_sys(e, "dup2");
    return 0;
}

static int create(struct agent *a, const struct agent_birth *b, struct err *e)
{
    struct wire_create c;
    if (wire_create_decode(b->body, b->body_len, &c, e) < 0)
        return -1;
    autofree char *bundle = str_fmt("%s/bundle/%s", a->config->dir, b->cid);
    autofree char *config = str_fmt("%s/config.json", bundle);
    struct rt_create r = {
            .id = b->cid,
            .bundle = bundle,
            .console_socket = b->has_tty ? b->console : NULL,
            .pid_file = b->pid_file,
    };
    int done = -1;
    if (machine_prepare(a, &c, e) == 0 && fd_mkdir_all(bundle, 0700, e) == 0 &&
            write_file(config, c.config, strlen(c.config), e) == 0 && stdio_take(b, e) == 0)
        done = a->config->rt->create(&a->context, &r, e);
    wire_create_release(&c);
    return done;
}

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

static int exec(struct agent *a, const struct agent_birth *b, struct err *e)
{
    struct wire_exec x;
    int status = 0;
    if (wire_exec_decode(b->body, b->body_len, &x, e) < 0)
        return -1;
    autofree char *file = str_fmt("%s.process", b->pid_file);
    const char *const *caps;
    char **list = x.caps[0] ? x.caps : NULL;
    memcpy(&caps, &list, sizeof(caps)); /* read only: C has no implicit char ** -> const */
    struct rt_exec r = {
            .id = b->cid,
            .process_file = *x.process ? file : NULL,
            .argv = x.argv,
            .env = x.env,
            .cwd = or_null(x.cwd),
            .user = or_null(x.user),
            .caps = caps,
            .apparmor = or_null(x.apparmor),
            .gids = x.gids,
            .n_gids = x.n_gids,
            .has_tty = b->has_tty,
            .no_new_privs = (x.flags & WIRE_EXEC_NO_NEW_PRIVS) != 0,
            .console_socket = b->has_tty ? b->console : NULL,
            .pid_file = b->pid_file,
            .is_detached = true,
            .ignore_paused = (x.flags & WIRE_EXEC_IGNORE_PAUSED) != 0,
    };
    int done = -1;
    if ((!*x.process || write_file(file, x.process, strlen(x.process), e) == 0) &&
            stdio_take(b, e) == 0)
        done = a->config->rt->exec(&a->context, &r, &status, e);
    if (*x.process)
        (void)unlink(file); /* it has been read */
    wire_exec_release(&x);
    return done;
}

int agent_birth_run(struct agent *a, const struct agent_birth *b, struct err *e)
{
    return b->is_exec ? exec(a, b, e) : create(a, b, e);
}
