// SPDX-License-Identifier: Apache-2.0
/* The stage's plan block, its program, and what it says when it fails; see launch.h. */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* The growing block; offsets stay valid while it moves. */
struct block {
    char *bytes;
    size_t len, room;
};

static stage_off block_add(struct block *b, const void *data, size_t len)
{
    size_t at = (b->len + 7) & ~(size_t)7;
    while (at + len > b->room) {
        b->room = b->room ? b->room * 2 : 16384;
        b->bytes = mem_grow(b->bytes, b->room, 1);
    }
    memset(b->bytes + b->len, 0, at - b->len);
    if (len)
        memcpy(b->bytes + at, data, len);
    b->len = at + len;
    return (stage_off)at;
}

static stage_off block_str(struct block *b, const char *s)
{
    return s ? block_add(b, s, strlen(s) + 1) : 0;
}

static stage_off block_strs(struct block *b, char *const *strs, size_t n)
{
    autofree stage_off *offs = mem_new(n + 1, sizeof(*offs));
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        offs[k++] = block_str(b, strs[i]);
    return block_add(b, offs, (k + 1) * sizeof(*offs));
}

const char *launch_env(char *const *env, size_t n, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = n; i-- > 0;) /* the last one counts */
        if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
            return env[i] + len + 1;
    return NULL;
}

static void put_caps(struct stage_plan *p, const struct spec_process *pr)
{
    const struct spec_caps *c = &pr->caps; /* without the object: none, as runc and crun do */
    p->flags |= STAGE_CAPS;
    p->bounding = spec_cap_mask(c->bounding, c->n_bounding, NULL);
    p->effective = spec_cap_mask(c->effective, c->n_effective, NULL);
    p->permitted = spec_cap_mask(c->permitted, c->n_permitted, NULL);
    p->inheritable = spec_cap_mask(c->inheritable, c->n_inheritable, NULL);
    p->ambient = spec_cap_mask(c->ambient, c->n_ambient, NULL) & p->inheritable & p->permitted;
}

static void put_user(struct stage_plan *p, struct block *b, const struct spec_process *pr)
{
    p->uid = (uint32_t)pr->user.uid.v;
    p->gid = (uint32_t)pr->user.gid.v;
    p->umask = pr->user.umask.is_set ? (uint32_t)pr->user.umask.v : 022;
    p->flags |= STAGE_UMASK;
    p->n_groups = (uint32_t)pr->user.n_additional_gids;
    autofree uint32_t *groups = mem_new(p->n_groups, sizeof(*groups));
    for (size_t i = 0; i < p->n_groups; i++)
        groups[i] = (uint32_t)pr->user.additional_gids[i];
    p->groups = block_add(b, groups, p->n_groups * sizeof(*groups));
}

static void put_rlimits(struct stage_plan *p, struct block *b, const struct spec_process *pr)
{
    autofree struct stage_rlimit *list = mem_new(pr->n_rlimits, sizeof(*list));
    for (size_t i = 0; i < pr->n_rlimits; i++)
        list[i] = (struct stage_rlimit){
                .soft = pr->rlimits[i].soft.v,
                .hard = pr->rlimits[i].hard.v,
                .resource = (uint32_t)spec_rlimit_number(pr->rlimits[i].type),
                .name = block_str(b, pr->rlimits[i].type),
        };
    p->n_rlimits = (uint32_t)pr->n_rlimits;
    p->rlimits = block_add(b, list, pr->n_rlimits * sizeof(*list));
}

static void put_process(struct stage_plan *p, struct block *b, const struct launch *l)
{
    const struct spec_process *pr = l->process;
    put_user(p, b, pr);
    put_caps(p, pr);
    put_rlimits(p, b, pr);
    if (pr->no_new_privileges.v)
        p->flags |= STAGE_NNP;
    if (pr->has_console_size) {
        p->rows = (uint16_t)pr->console_size.height.v;
        p->cols = (uint16_t)pr->console_size.width.v;
    }
    const char *path = launch_env(pr->env, pr->n_env, "PATH");
    p->label = block_str(b, pr->apparmor_profile);
    p->cwd = block_str(b, pr->cwd);
    p->path = block_str(b, path ? path : "");
    p->argv = block_strs(b, pr->args, pr->n_args);
    p->env = block_strs(b, pr->env, pr->n_env);
}

static uint32_t personality_of(const struct spec_linux *l)
{
    if (!l || !l->has_personality)
        return 0xffffffffu;
    return strcmp(l->personality.domain, "LINUX32") == 0 ? PER_LINUX32 : PER_LINUX;
}

int launch_plan_fd(struct err *e)
{
    int fd = memfd_create("islet-plan", MFD_CLOEXEC);
    return fd < 0 ? err_sys(e, "memfd for the stage's plan") : fd;
}

int launch_plan_fill(int planfd, const struct launch *l, struct err *e)
{
    struct block b = {0};
    struct stage_plan p = {
            .magic = STAGE_MAGIC,
            .flags = l->flags,
            .sync_fd = l->sync_fd,
            .start_fd = l->start_fd,
            .pidfd = l->pidfd,
            .cgroup_fd = l->cgroup_fd,
            .ns_flags = l->join,
            .keep_fds = l->keep_fds,
            .personality = personality_of(l->linux_),
            .filter_flags = l->filter_flags,
    };
    (void)block_add(&b, &p, sizeof(p));
    put_process(&p, &b, l);
    p.key_name = block_str(&b, l->key_name);
    if (l->n_filter) {
        p.filter = block_add(&b, l->filter, l->n_filter * sizeof(*l->filter));
        p.filter_len = (uint32_t)l->n_filter;
    }
    (void)block_add(&b, "", 1); /* the stage counts on a final NUL */
    p.size = (uint32_t)b.len;
    memcpy(b.bytes, &p, sizeof(p));
    autofree char *bytes = b.bytes;
    if (fd_write_all(planfd, bytes, b.len, e) < 0)
        return err_add(e, "stage plan");
    return 0;
}

extern const char _binary_stage_elf_start[], _binary_stage_elf_end[];

static int stage_memfd(struct err *e)
{
    autoclose int fd = memfd_create("islet-stage", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create("islet-stage", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys(e, "memfd for the stage");
    size_t len = (size_t)(_binary_stage_elf_end - _binary_stage_elf_start);
    if (fd_write_all(fd, _binary_stage_elf_start, len, e) < 0)
        return err_add(e, "stage");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return err_sys(e, "seal the stage");
    return steal_fd(fd);
}

/* Where vm.memfd_noexec forbids it: a tmpfs that is mounted nowhere and made read-only. */
static int stage_tmpfs(struct err *e)
{
    autoclose int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys(e, "tmpfs for the stage");
    autoclose int mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
    if (mnt < 0)
        return err_sys(e, "tmpfs for the stage");
    autoclose int out = openat(mnt, "stage", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
    if (out < 0)
        return err_sys(e, "create the stage");
    size_t len = (size_t)(_binary_stage_elf_end - _binary_stage_elf_start);
    if (fd_write_all(out, _binary_stage_elf_start, len, e) < 0)
        return err_add(e, "stage");
    own_close(&out);
    out = -1;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    if (syscall(SYS_mount_setattr, mnt, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return err_sys(e, "make the stage read-only");
    int fd = openat(mnt, "stage", O_PATH | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "open the stage") : fd;
}

static bool memfd_may_run(void)
{
    char c = '0';
    autoclose int fd = open("/proc/sys/vm/memfd_noexec", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &c, 1) != 1)
        c = '0';
    return c != '2';
}

int launch_stage_fd(struct err *e)
{
    int fd = stage_memfd(e);
    if (fd >= 0 || e->sys != EACCES || memfd_may_run())
        return fd;
    return stage_tmpfs(e);
}

int launch_exec(int stagefd, int planfd, char *home, struct err *e)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", planfd);
    char name[] = "islet-stage";
    char *argv[] = {name, number, home, NULL};
    char *envp[] = {NULL};
    if (fd_cloexec(planfd, 0, e) < 0)
        return -1;
    (void)syscall(SYS_execveat, stagefd, "", argv, envp, AT_EMPTY_PATH);
    return err_sys(e, "exec the stage");
}

static const char *const point_texts[] = {
#define STAGE_TEXT_(id, text) text,
        STAGE_POINTS(STAGE_TEXT_)
#undef STAGE_TEXT_
};

int launch_failure(const struct stage_msg *m, struct err *e)
{
    if (m->type == STAGE_MSG_ERR) {
        memcpy(e, m->text, sizeof(*e));
        e->text[sizeof(e->text) - 1] = '\0';
        return -1;
    }
    const char *text = m->point < STAGE_AT_COUNT ? point_texts[m->point] : "stage";
    int len = (int)strnlen(m->text, sizeof(m->text) - 1);
    if (m->point == STAGE_AT_LOOK) /* words that callers match: they mean exit code 127 or 126 */
        (void)err_sysno(e, m->sys, "executable file `%.*s` not found in $PATH", len, m->text);
    else if (m->point == STAGE_AT_CWD_OUT)
        (void)err_set(e, ERR_CONFIG, "%s: '%.*s'", text, len, m->text);
    else if (len)
        (void)err_sysno(e, m->sys, "%s '%.*s'", text, len, m->text);
    else
        (void)err_sysno(e, m->sys, "%s", text);
    if (m->point == STAGE_AT_LOOK || m->point == STAGE_AT_EXEC)
        e->kind = ERR_NOT_FOUND;
    return -1;
}

int launch_caps_check(const struct spec_process *p, struct err *e)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (!p->has_caps)
        return 0;
    if (syscall(SYS_capget, &head, data) < 0)
        return err_sys(e, "read our capabilities");
    uint64_t ours = data[0].permitted | (uint64_t)data[1].permitted << 32;
    uint64_t wanted = spec_cap_mask(p->caps.permitted, p->caps.n_permitted, NULL) |
                      spec_cap_mask(p->caps.effective, p->caps.n_effective, NULL);
    for (int cap = 0; cap < 64; cap++) {
        if (!((wanted & ~ours) & (UINT64_C(1) << cap)))
            continue;
        char *name = cap_to_name(cap);
        (void)err_set(e, ERR_UNSUPPORTED,
                "/process/capabilities: %s: not among our own capabilities", name ? name : "?");
        cap_free(name);
        return -1;
    }
    return 0;
}

/* What the caller passes survived its exec, so it is not close-on-exec; all of ours is. */
int launch_preserved_check(unsigned n, struct err *e)
{
    for (unsigned i = 0; i < n; i++) {
        int flags = fcntl((int)(3 + i), F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC))
            return err_set(e, ERR_USAGE, "--preserve-fds: fd %u is not open", 3 + i);
    }
    return 0;
}
