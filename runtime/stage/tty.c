// SPDX-License-Identifier: Apache-2.0
/*
 * The payload's terminal: a pty of the container's own devpts. The slave is taken by TIOCGPTPEER,
 * never by its name, and ptmx is checked to be a devpts ptmx, so that nothing in the container can
 * put another file in its place (CVE-2025-52565).
 */
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/mount.h>

#include "runtime/stage/parts.h"
#include "runtime/stage/sys.h"

enum {
    AT_FDCWD_ = -100,
    AT_EMPTY_PATH_ = 0x1000,
    OPEN_TREE_CLONE_ = 1,
    OPEN_TREE_CLOEXEC_ = 02000000,
    O_RDWR_ = 2,
    O_PATH_ = 010000000,
    O_NOFOLLOW_ = 0400000,
    O_NOCTTY_ = 0400,
    O_CREAT_ = 0100,
    O_EXCL_ = 0200,
    O_CLOEXEC_ = 02000000,
    TIOCSPTLCK_ = 0x40045431,
    TIOCGPTPEER_ = 0x5441,
    TIOCSCTTY_ = 0x540e,
    TIOCSWINSZ_ = 0x5414,
    DEVPTS_MAGIC_ = 0x1cd1,
};
struct winsize_ {
    uint16_t rows, cols, x, y;
};

static void check_ptmx(const struct stage *s, long master)
{
    struct statfs fs;
    struct stat st;
    long rc = sys2(__NR_fstatfs, master, SYS_PTR(&fs));
    if (rc < 0 || fs.f_type != DEVPTS_MAGIC_)
        stage_fail(s, STAGE_AT_PTMX, rc, NULL);
    rc = sys2(__NR_fstat, master, SYS_PTR(&st));
    if (rc < 0 || st.st_ino != 2 || st.st_rdev != 0x502 /* 5:2 */)
        stage_fail(s, STAGE_AT_PTMX, rc, NULL);
}

/* The file is made by us or is there already; a symlink is not followed. */
static void bind_console(const struct stage *s, long slave)
{
    long made = sys4(__NR_openat, AT_FDCWD_, SYS_PTR("/dev/console"),
            O_CREAT_ | O_EXCL_ | O_NOFOLLOW_ | O_CLOEXEC_, 0620);
    if (made >= 0)
        (void)sys1(__NR_close, made);
    long target = sys4(__NR_openat, AT_FDCWD_, SYS_PTR("/dev/console"),
            O_PATH_ | O_NOFOLLOW_ | O_CLOEXEC_, 0);
    struct stat st;
    if (target >= 0 && sys2(__NR_fstat, target, SYS_PTR(&st)) == 0 &&
            (st.st_mode & 0170000) == 0120000)
        stage_fail(s, STAGE_AT_CONSOLE, -40 /* ELOOP */, "it is a symlink");
    long tree = target < 0 ? target
                           : sys3(__NR_open_tree, slave, SYS_PTR(""),
                                     OPEN_TREE_CLONE_ | OPEN_TREE_CLOEXEC_ | AT_EMPTY_PATH_);
    long rc = tree < 0 ? tree
                       : sys5(__NR_move_mount, tree, SYS_PTR(""), target, SYS_PTR(""),
                                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (rc < 0)
        stage_fail(s, STAGE_AT_CONSOLE, rc, NULL);
    (void)sys1(__NR_close, tree);
    (void)sys1(__NR_close, target);
}

static void name_of(long slave, char *out)
{
    struct stat st;
    char digits[12];
    int n = 0;
    stage_copy(out, 16, "/dev/pts/");
    uint64_t minor = 0;
    if (sys2(__NR_fstat, slave, SYS_PTR(&st)) == 0)
        minor = (st.st_rdev & 0xff) | ((st.st_rdev >> 12) & 0xfff00);
    do
        digits[n++] = (char)('0' + minor % 10);
    while ((minor /= 10));
    for (int i = 0; i < n; i++)
        out[9 + i] = digits[n - 1 - i];
    out[9 + n] = '\0';
}

void stage_terminal(const struct stage *s)
{
    const struct stage_plan *p = s->plan;
    long master = sys4(__NR_openat, AT_FDCWD_, SYS_PTR("/dev/pts/ptmx"),
            O_RDWR_ | O_NOCTTY_ | O_CLOEXEC_ | O_NOFOLLOW_, 0);
    if (master < 0)
        stage_fail(s, STAGE_AT_PTY, master, NULL);
    check_ptmx(s, master);
    int unlock = 0;
    long rc = sys3(__NR_ioctl, master, TIOCSPTLCK_, SYS_PTR(&unlock));
    long slave =
            rc < 0 ? rc : sys3(__NR_ioctl, master, TIOCGPTPEER_, O_RDWR_ | O_NOCTTY_ | O_CLOEXEC_);
    if (slave < 0)
        stage_fail(s, STAGE_AT_PTY, slave, NULL);
    if (p->rows || p->cols) {
        struct winsize_ size = {p->rows, p->cols, 0, 0};
        (void)sys3(__NR_ioctl, slave, TIOCSWINSZ_, SYS_PTR(&size));
    }
    (void)sys3(__NR_fchown, slave, p->uid, -1);
    if (p->flags & STAGE_CONSOLE)
        bind_console(s, slave);
    struct stage_msg m = {.type = STAGE_MSG_CONSOLE};
    name_of(slave, m.text);
    stage_send(s, &m, (int)master);
    (void)sys1(__NR_close, master);
    for (int fd = 0; fd < 3; fd++) {
        rc = sys3(__NR_dup3, slave, fd, 0);
        if (rc < 0)
            stage_fail(s, STAGE_AT_PTY, rc, NULL);
    }
    (void)sys1(__NR_close, slave);
    rc = sys3(__NR_ioctl, 0, TIOCSCTTY_, 0);
    if (rc < 0)
        stage_fail(s, STAGE_AT_CTTY, rc, NULL);
}
