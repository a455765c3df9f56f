// SPDX-License-Identifier: Apache-2.0
/* See host_confine.h. */
#include "runtime/vm/host_confine.h"

#include <linux/capability.h>
#include <sys/syscall.h>

#include "base/confine.h"
#include "base/own.h"

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED 1 /* makes system calls of its own */
#else
#define IS_SANITIZED 0
#endif

static const int allowed[] = {
        /* the channel, the control socket, stdio */
        SYS_read,
        SYS_write,
        SYS_readv,
        SYS_writev,
        SYS_recvfrom,
        SYS_recvmsg,
        SYS_sendto,
        SYS_sendmsg,
        SYS_accept4,
        SYS_getsockopt,
        SYS_shutdown,
        SYS_poll,
        SYS_ppoll,
        SYS_epoll_wait,
        SYS_epoll_pwait,
        SYS_epoll_ctl,
        SYS_close,
        SYS_dup,
        SYS_dup2,
        SYS_dup3,
        SYS_fcntl,
        SYS_ioctl, /* window sizes; whether it is a terminal */
        /* exit.json, markers, logs, the guest's console */
        SYS_openat,
        SYS_open,
        SYS_unlink,
        SYS_unlinkat,
        SYS_rename,
        SYS_renameat,
        SYS_renameat2,
        SYS_fsync,
        SYS_fdatasync,
        SYS_ftruncate,
        SYS_fchmod,
        SYS_lseek,
        SYS_pread64,
        SYS_pwrite64,
        SYS_fstat,
        SYS_stat,
        SYS_newfstatat,
        SYS_statx,
        SYS_readlink,
        SYS_readlinkat,
        SYS_getdents64,
        SYS_rmdir,
        SYS_umask,
        /* the VM's processes, and our own end */
        SYS_kill,
        SYS_tgkill,
        SYS_pidfd_open,
        SYS_pidfd_send_signal,
        SYS_wait4,
        SYS_waitid,
        SYS_rt_sigaction,
        SYS_rt_sigprocmask,
        SYS_rt_sigreturn,
        SYS_rt_sigpending,
        SYS_signalfd4,
        SYS_prctl,
        SYS_prlimit64,
        SYS_setrlimit,
        SYS_exit,
        SYS_exit_group,
        /* libc: memory, time, identity */
        SYS_brk,
        SYS_mmap,
        SYS_munmap,
        SYS_mremap,
        SYS_mprotect,
        SYS_madvise,
        SYS_futex,
        SYS_getrandom,
        SYS_clock_gettime,
        SYS_clock_nanosleep,
        SYS_nanosleep,
        SYS_gettimeofday,
        SYS_restart_syscall,
        SYS_getpid,
        SYS_gettid,
        SYS_getuid,
        SYS_geteuid,
        SYS_uname,
        SYS_sysinfo,
};

int host_confine(struct err *e)
{
    if (confine_no_new_privs(e) < 0 || confine_caps(1ull << CAP_KILL, e) < 0)
        return -1;
    return IS_SANITIZED ? 0 : confine_syscalls(allowed, ARRAY_LEN(allowed), e);
}
