// SPDX-License-Identifier: Apache-2.0
/* One table of options; see mount_opts.h. */
#include "runtime/mount_opts.h"

#include <linux/mount.h>
#include <string.h>

#include "base/own.h"

#ifndef MS_REC
#define MS_REC 16384
#define MS_UNBINDABLE (1 << 17)
#define MS_PRIVATE (1 << 18)
#define MS_SLAVE (1 << 19)
#define MS_SHARED (1 << 20)
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum {
    OPT_ATTR,
    OPT_ATIME_OFF,
    OPT_BIND,
    OPT_RBIND,
    OPT_REMOUNT,
    OPT_PROPAGATION,
    OPT_NOTHING,
    OPT_REFUSED
};

struct option {
    const char *name;
    int kind;
    uint64_t set, clear;
};

#define ATIME MOUNT_ATTR__ATIME
static const struct option options[] = {
        {"ro",            OPT_ATTR,        MOUNT_ATTR_RDONLY,      0                     },
        {"rw",            OPT_ATTR,        0,                      MOUNT_ATTR_RDONLY     },
        {"nosuid",        OPT_ATTR,        MOUNT_ATTR_NOSUID,      0                     },
        {"suid",          OPT_ATTR,        0,                      MOUNT_ATTR_NOSUID     },
        {"nodev",         OPT_ATTR,        MOUNT_ATTR_NODEV,       0                     },
        {"dev",           OPT_ATTR,        0,                      MOUNT_ATTR_NODEV      },
        {"noexec",        OPT_ATTR,        MOUNT_ATTR_NOEXEC,      0                     },
        {"exec",          OPT_ATTR,        0,                      MOUNT_ATTR_NOEXEC     },
        {"noatime",       OPT_ATTR,        MOUNT_ATTR_NOATIME,     ATIME                 },
        {"atime",         OPT_ATIME_OFF,   MOUNT_ATTR_NOATIME,     0                     },
        {"relatime",      OPT_ATTR,        0,                      ATIME                 },
        {"norelatime",    OPT_ATIME_OFF,   0,                      0                     },
        {"strictatime",   OPT_ATTR,        MOUNT_ATTR_STRICTATIME, ATIME                 },
        {"nostrictatime", OPT_ATIME_OFF,   MOUNT_ATTR_STRICTATIME, 0                     },
        {"nodiratime",    OPT_ATTR,        MOUNT_ATTR_NODIRATIME,  0                     },
        {"diratime",      OPT_ATTR,        0,                      MOUNT_ATTR_NODIRATIME },
        {"nosymfollow",   OPT_ATTR,        MOUNT_ATTR_NOSYMFOLLOW, 0                     },
        {"symfollow",     OPT_ATTR,        0,                      MOUNT_ATTR_NOSYMFOLLOW},
        {"bind",          OPT_BIND,        0,                      0                     },
        {"rbind",         OPT_RBIND,       0,                      0                     },
        {"remount",       OPT_REMOUNT,     0,                      0                     },
        {"private",       OPT_PROPAGATION, MS_PRIVATE,             0                     },
        {"rprivate",      OPT_PROPAGATION, MS_PRIVATE,             MS_REC                },
        {"slave",         OPT_PROPAGATION, MS_SLAVE,               0                     },
        {"rslave",        OPT_PROPAGATION, MS_SLAVE,               MS_REC                },
        {"shared",        OPT_PROPAGATION, MS_SHARED,              0                     },
        {"rshared",       OPT_PROPAGATION, MS_SHARED,              MS_REC                },
        {"unbindable",    OPT_PROPAGATION, MS_UNBINDABLE,          0                     },
        {"runbindable",   OPT_PROPAGATION, MS_UNBINDABLE,          MS_REC                },
        {"defaults",      OPT_NOTHING,     0,                      0                     },
        {"loud",          OPT_NOTHING,     0,                      0                     },
        {"silent",        OPT_NOTHING,     0,                      0                     },
        {"idmap",         OPT_REFUSED,     0,                      0                     },
        {"ridmap",        OPT_REFUSED,     0,                      0                     },
        {"tmpcopyup",     OPT_REFUSED,     0,                      0                     },
};

static bool is_recursive_form(const struct option *op, const char *name)
{
    return (op->kind == OPT_ATTR || op->kind == OPT_ATIME_OFF) && strcmp(op->name, name + 1) == 0;
}

/* "rro" is "ro" for the whole tree; the r-forms of attributes only. */
static const struct option *option_find(const char *name, bool *ret_recursive)
{
    *ret_recursive = false;
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    *ret_recursive = true;
    for (size_t i = 0; name[0] == 'r' && i < ARRAY_LEN(options); i++)
        if (is_recursive_form(&options[i], name))
            return &options[i];
    return NULL;
}

static void attr_apply(struct mount_opts *o, const struct option *op, bool is_recursive)
{
    uint64_t *set = is_recursive ? &o->rec_set : &o->set;
    uint64_t *clear = is_recursive ? &o->rec_clear : &o->clear;
    if (op->kind == OPT_ATIME_OFF) { /* others of that group stay: "noatime,nostrictatime" */
        *set &= ~op->set;
        *clear |= ATIME;
        return;
    }
    *set = (*set & ~op->clear) | op->set;
    *clear = (*clear & ~op->set) | op->clear;
}

int mount_opts_parse(char *const *list, size_t n, struct mount_opts *ret, struct err *e)
{
    struct mount_opts o = {.sb = mem_new(n + 1, sizeof(char *))};
    for (size_t i = 0; i < n; i++) {
        bool is_recursive;
        const struct option *op = option_find(list[i], &is_recursive);
        if (!op) {
            o.sb[o.n_sb++] = list[i];
            continue;
        }
        switch (op->kind) {
        case OPT_ATTR:
        case OPT_ATIME_OFF:
            attr_apply(&o, op, is_recursive);
            break;
        case OPT_RBIND:
            o.is_rbind = true;
            o.is_bind = true;
            break;
        case OPT_BIND:
            o.is_bind = true;
            break;
        case OPT_REMOUNT:
            o.is_remount = true;
            break;
        case OPT_PROPAGATION:
            o.propagation = op->set;
            o.is_propagation_rec = op->clear != 0;
            break;
        case OPT_REFUSED:
            mount_opts_release(&o);
            return err_set(e, ERR_UNSUPPORTED,
                    "option '%s': not supported: this build does not apply it yet", list[i]);
        default:
            break;
        }
    }
    *ret = o;
    return 0;
}

void mount_opts_release(struct mount_opts *o)
{
    mem_free(o->sb);
    *o = (struct mount_opts){0};
}

unsigned long mount_propagation(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (options[i].kind == OPT_PROPAGATION && strcmp(options[i].name, name) == 0)
            return (unsigned long)(options[i].set | options[i].clear);
    return 0;
}

const char *const *mount_opts_names(void)
{
    /* The r-forms of attributes follow the plain ones; kept sorted for readers of `features`. */
    static const char *const names[] = {"atime", "bind", "defaults", "dev", "diratime", "exec",
            "loud", "noatime", "nodev", "nodiratime", "noexec", "norelatime", "nostrictatime",
            "nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime",
            "remount", "rexec", "rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime",
            "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro",
            "rrw", "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw",
            "shared", "silent", "slave", "strictatime", "suid", "symfollow", "unbindable", NULL};
    return names;
}
