// SPDX-License-Identifier: Apache-2.0
/*
 * The program that cases run inside containers and VMs: one static binary, many small subcommands.
 * Each says what it finds as plain text, one fact per line, and needs nothing of the root file
 * system unless its name says so. An unknown subcommand or a wrong word exits with 99, so that a
 * slip in a case cannot look like an answer.
 *
 * `multi A x -- B y` does several in a row, each behind a line "== A x", so that a case (or a slow
 * VM) starts one program for many questions.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_MISUSE = 99 };

__attribute__((noreturn)) static void misuse(const char *what)
{
    (void)fprintf(stderr, "payload: %s\n", what);
    exit(EXIT_MISUSE);
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    uint64_t v = strtoull(text, &end, 0);
    if (errno || *end || end == text)
        misuse("not a number");
    return v;
}

/* "ok" or the name of the errno, so that cases need no table of numbers. */
static int say_result(const char *what, bool is_ok)
{
    (void)printf("%s: %s\n", what, is_ok ? "ok" : strerrorname_np(errno));
    return is_ok ? 0 : 1;
}

static void flush(void)
{
    (void)fflush(stdout);
}

static int do_exit(int argc, char **argv)
{
    (void)argc;
    return (int)number(argv[1]);
}

static int do_signal_me(int argc, char **argv)
{
    (void)argc;
    int sig = (int)number(argv[1]);
    /* Process 1 of a pid namespace is immune to signals of its own without a handler. */
    pid_t child = getpid() == 1 ? fork() : 0;
    if (child > 0) {
        int status = 0;
        (void)waitpid(child, &status, 0);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 0;
    }
    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
    return 0;
}

static int copy_fd(int from)
{
    char block[65536];
    ssize_t n;
    while ((n = read(from, block, sizeof(block))) > 0)
        for (ssize_t at = 0; at < n;) {
            ssize_t k = write(STDOUT_FILENO, block + at, (size_t)(n - at));
            if (k < 0)
                return 1;
            at += k;
        }
    return n < 0;
}

static int do_cat(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return copy_fd(STDIN_FILENO);
}

static int do_read(int argc, char **argv)
{
    (void)argc;
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return say_result("read", false);
    return copy_fd(fd);
}

static int do_echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        (void)printf("%s%s", i > 1 ? " " : "", argv[i]);
    (void)printf("\n");
    return 0;
}

static int do_to_stderr(int argc, char **argv)
{
    (void)argc;
    (void)fprintf(stderr, "%s\n", argv[1]);
    return 0;
}

static int do_args(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        (void)printf("arg[%s]\n", argv[i]);
    return 0;
}

static int do_env(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (char **v = environ; *v; v++)
        (void)printf("%s\n", *v);
    return 0;
}

static int do_id(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    uid_t r, e, s;
    gid_t groups[256];
    (void)getresuid(&r, &e, &s);
    (void)printf("uid=%u,%u,%u\n", r, e, s);
    (void)getresgid(&r, &e, &s);
    (void)printf("gid=%u,%u,%u\n", r, e, s);
    int n = getgroups(256, groups);
    (void)printf("groups=");
    for (int i = 0; i < n; i++)
        (void)printf("%s%u", i ? " " : "", groups[i]);
    (void)printf("\n");
    return 0;
}

/* Names would need a table; cases compare masks. */
static int do_caps(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2] = {{0}};
    if (syscall(SYS_capget, &head, d) < 0)
        return say_result("capget", false);
    uint64_t bounding = 0;
    uint64_t ambient = 0;
    for (int i = 0; i < 64; i++) {
        if (prctl(PR_CAPBSET_READ, i) == 1)
            bounding |= UINT64_C(1) << i;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
            ambient |= UINT64_C(1) << i;
    }
    (void)printf("bounding=%" PRIx64 "\n", bounding);
    (void)printf("permitted=%" PRIx64 "\n", d[0].permitted | (uint64_t)d[1].permitted << 32);
    (void)printf("effective=%" PRIx64 "\n", d[0].effective | (uint64_t)d[1].effective << 32);
    (void)printf("inheritable=%" PRIx64 "\n", d[0].inheritable | (uint64_t)d[1].inheritable << 32);
    (void)printf("ambient=%" PRIx64 "\n", ambient);
    return 0;
}

static const char *type_name(mode_t m)
{
    if (S_ISREG(m))
        return "file";
    if (S_ISDIR(m))
        return "dir";
    if (S_ISCHR(m))
        return "char";
    if (S_ISBLK(m))
        return "block";
    if (S_ISFIFO(m))
        return "fifo";
    if (S_ISLNK(m))
        return "link";
    return "socket";
}

static int do_stat(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        char target[4096];
        if (lstat(argv[i], &st) < 0) {
            (void)printf("%s %s\n", argv[i], strerrorname_np(errno));
            continue;
        }
        (void)printf("%s %s %o %u:%u", argv[i], type_name(st.st_mode), st.st_mode & 07777,
                st.st_uid, st.st_gid);
        if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
            (void)printf(" %u:%u", major(st.st_rdev), minor(st.st_rdev));
        ssize_t n = S_ISLNK(st.st_mode) ? readlink(argv[i], target, sizeof(target)) : -1;
        if (n >= 0)
            (void)printf(" -> %.*s", (int)n, target);
        (void)printf("\n");
    }
    return 0;
}

static volatile sig_atomic_t caught;
static void on_signal(int sig)
{
    caught = sig;
}

static void catch (int sig)
{
    struct sigaction a = {.sa_handler = on_signal};
    (void)sigaction(sig, &a, NULL);
}

static void say_ready(void)
{
    (void)printf("ready\n");
    flush();
}

/* Waits for TERM and exits with 0; with names of signals' numbers, says which came. */
static int do_hold(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &old);
    catch (SIGTERM);
    say_ready();
    while (caught != SIGTERM)
        (void)sigsuspend(&old);
    return 0;
}

/* Prints every signal that comes; TERM ends it. */
static int do_signals(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    say_ready();
    for (;;) {
        int sig = sigwaitinfo(&all, NULL);
        if (sig < 0 || sig == SIGCHLD)
            continue;
        (void)printf("signal %d\n", sig);
        flush();
        if (sig == SIGTERM)
            return 0;
    }
}

static int do_ignore_term(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)signal(SIGTERM, SIG_IGN);
    say_ready();
    while (getpid() > 0)
        (void)pause();
    return 0;
}

/* A child that stays, then this process ends at once: what is left behind must go with it. */
static int do_orphan(int argc, char **argv)
{
    (void)argc;
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        for (;;)
            (void)pause();
    }
    return (int)number(argv[1]);
}

static unsigned char spam_byte(uint64_t at)
{
    return (unsigned char)('a' + at * 7 % 26 + at / 65536 % 2);
}

static int do_spam(int argc, char **argv)
{
    (void)argc;
    unsigned char block[65536];
    uint64_t left = number(argv[1]);
    uint64_t at = 0;
    while (left) {
        size_t n = left < sizeof(block) ? (size_t)left : sizeof(block);
        for (size_t i = 0; i < n; i++)
            block[i] = spam_byte(at + i);
        for (size_t done = 0; done < n;) {
            ssize_t k = write(STDOUT_FILENO, block + done, n - done);
            if (k < 0)
                return 1;
            done += (size_t)k;
        }
        at += n;
        left -= n;
    }
    return 0;
}

/* Counts standard input and says whether it is what `spam` writes. */
static int do_read_count(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    unsigned char block[65536];
    uint64_t at = 0;
    bool is_same = true;
    ssize_t n;
    while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0)
        for (ssize_t i = 0; i < n; i++, at++)
            is_same = is_same && block[i] == spam_byte(at);
    (void)printf("%" PRIu64 " %s\n", at, is_same ? "same" : "different");
    return n < 0;
}

/* What is open, and where it leads if /proc is there. */
static int do_fds(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int fd = 0; fd < 1024; fd++) {
        char path[64];
        char target[4096] = "?";
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        target[n < 0 ? 1 : n] = '\0';
        (void)printf("%d -> %s\n", fd, target);
    }
    return 0;
}

static int say_size(void)
{
    struct winsize w = {0};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
        return say_result("size", false);
    (void)printf("size %u %u\n", w.ws_row, w.ws_col);
    flush();
    return 0;
}

static int do_tty(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int fd = 0; fd < 3; fd++)
        (void)printf("isatty%d=%d\n", fd, isatty(fd));
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    (void)printf("controlling=%d\n", fd >= 0);
    (void)printf("leader=%d\n", getsid(0) == getpid());
    char name[256] = "-";
    (void)ttyname_r(STDIN_FILENO, name, sizeof(name));
    (void)printf("name=%s\n", name);
    return isatty(0) ? say_size() : 0;
}

/* Says the size now and at every change, until a line "q" or the end of input. */
static int do_winch(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    catch (SIGWINCH);
    (void)say_size();
    for (;;) {
        char line[64];
        ssize_t n = read(STDIN_FILENO, line, sizeof(line));
        if (n < 0 && errno == EINTR)
            (void)say_size();
        else if (n <= 0 || line[0] == 'q')
            return 0;
    }
}

static int do_umask(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("umask=%03o\n", umask(0));
    return 0;
}

static int do_rlimits(int argc, char **argv)
{
    static const struct {
        const char *name;
        int number;
    } all[] = {
            {"AS",         RLIMIT_AS        },
            {"CORE",       RLIMIT_CORE      },
            {"CPU",        RLIMIT_CPU       },
            {"DATA",       RLIMIT_DATA      },
            {"FSIZE",      RLIMIT_FSIZE     },
            {"MEMLOCK",    RLIMIT_MEMLOCK   },
            {"NOFILE",     RLIMIT_NOFILE    },
            {"NPROC",      RLIMIT_NPROC     },
            {"STACK",      RLIMIT_STACK     },
            {"MSGQUEUE",   RLIMIT_MSGQUEUE  },
            {"NICE",       RLIMIT_NICE      },
            {"SIGPENDING", RLIMIT_SIGPENDING}
    };
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct rlimit64 r;
        if (syscall(SYS_prlimit64, 0, all[i].number, NULL, &r) == 0)
            (void)printf("%s %" PRIu64 " %" PRIu64 "\n", all[i].name, (uint64_t)r.rlim_cur,
                    (uint64_t)r.rlim_max);
    }
    return 0;
}

/* Lines of /proc/self/status by name: Seccomp, NoNewPrivs, CapInh … */
static int do_status(int argc, char **argv)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[512];
    if (!f)
        return say_result("status", false);
    while (fgets(line, sizeof(line), f))
        for (int i = 1; i < argc; i++) {
            size_t n = strlen(argv[i]);
            char *value = line + n + 1;
            if (strncmp(line, argv[i], n) == 0 && line[n] == ':')
                (void)printf("%s=%s", argv[i], value + strspn(value, " \t"));
        }
    (void)fclose(f);
    return 0;
}

static int do_nnp(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("nnp=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}

static int do_cwd(int argc, char **argv)
{
    char path[4096];
    (void)argc;
    (void)argv;
    (void)printf("cwd=%s\n", getcwd(path, sizeof(path)) ? path : strerrorname_np(errno));
    return 0;
}

static int do_ns(int argc, char **argv)
{
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64];
        char target[64] = "?";
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        target[n < 0 ? 1 : n] = '\0';
        (void)printf("%s\n", target);
    }
    return 0;
}

static int do_uts(int argc, char **argv)
{
    struct utsname u;
    (void)argc;
    (void)argv;
    (void)uname(&u);
    (void)printf("hostname=%s\ndomainname=%s\nmachine=%s\nrelease=%s\n", u.nodename, u.domainname,
            u.machine, u.release);
    return 0;
}

static int do_pids(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("pid=%d ppid=%d pgrp=%d sid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
    return 0;
}

static int do_write(int argc, char **argv)
{
    (void)argc;
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t n = strlen(argv[2]);
    return say_result("write", fd >= 0 && write(fd, argv[2], n) == (ssize_t)n);
}

static int do_open(int argc, char **argv)
{
    (void)argc;
    int flags = strcmp(argv[1], "r") == 0   ? O_RDONLY
                : strcmp(argv[1], "w") == 0 ? O_WRONLY
                                            : O_RDWR;
    return say_result("open", open(argv[2], flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) >= 0);
}

static int do_mknod(int argc, char **argv)
{
    (void)argc;
    mode_t type = argv[2][0] == 'b' ? S_IFBLK : argv[2][0] == 'p' ? S_IFIFO : S_IFCHR;
    dev_t dev = makedev((unsigned)number(argv[3]), (unsigned)number(argv[4]));
    return say_result("mknod", mknod(argv[1], type | 0600, dev) == 0);
}

static int do_mkdir(int argc, char **argv)
{
    (void)argc;
    return say_result("mkdir", mkdir(argv[1], 0755) == 0);
}

static int do_remount_rw(int argc, char **argv)
{
    (void)argc;
    return say_result("remount", mount(NULL, argv[1], NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
}

/* /dev/ptmx must be the container's own devpts: a new slave appears below /dev/pts. */
static int do_ptmx(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int fd = open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY);
    int unlock = 0;
    unsigned n = 0;
    char path[32];
    if (fd < 0 || ioctl(fd, TIOCSPTLCK, &unlock) < 0 || ioctl(fd, TIOCGPTN, &n) < 0)
        return say_result("ptmx", false);
    (void)snprintf(path, sizeof(path), "/dev/pts/%u", n);
    return say_result("ptmx", open(path, O_RDWR | O_CLOEXEC | O_NOCTTY) >= 0);
}

static int do_tiocsti(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int pushed = 0;
    for (int fd = 0; fd < 3; fd++)
        for (const char *c = "echo pushed\n"; *c; c++)
            pushed += ioctl(fd, TIOCSTI, c) == 0;
    (void)printf("pushed=%d\n", pushed > 0);
    return 0;
}

/* One system call, by a name of ours; its arguments are harmless. */
static long try_one(const char *name, char **argv)
{
    if (strcmp(name, "getppid") == 0)
        return syscall(SYS_getppid);
    if (strcmp(name, "personality") == 0)
        return syscall(SYS_personality, (unsigned long)number(argv[2]));
    if (strcmp(name, "sethostname") == 0)
        return sethostname("renamed", 7);
    if (strcmp(name, "unshare-user") == 0)
        return unshare(CLONE_NEWUSER);
    if (strcmp(name, "mount-tmpfs") == 0)
        return mount("tmpfs", argv[2], "tmpfs", 0, NULL);
    if (strcmp(name, "chroot") == 0)
        return chroot("/");
    if (strcmp(name, "setuid") == 0)
        return setuid((uid_t)number(argv[2]));
    if (strcmp(name, "chown") == 0)
        return chown(argv[2], (uid_t)number(argv[3]), (gid_t)number(argv[4]));
    if (strcmp(name, "socket-raw") == 0)
        return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (strcmp(name, "bind-port") == 0) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                .sin_port = htons((uint16_t)number(argv[2]))};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof(a));
    }
    misuse("try what?");
}

static int do_try(int argc, char **argv)
{
    (void)argc;
    errno = 0;
    return say_result(argv[1], try_one(argv[1], argv) >= 0);
}

/* Touches N MiB, slowly enough to be seen; the kernel may end us meanwhile. */
static int do_oom(int argc, char **argv)
{
    (void)argc;
    size_t mib = number(argv[1]);
    char *all = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED)
        return say_result("mmap", false);
    for (size_t at = 0; at < mib << 20; at += 4096)
        all[at] = 1;
    (void)printf("touched %zu\n", mib);
    return 0;
}

static int do_forks(int argc, char **argv)
{
    (void)argc;
    uint64_t want = number(argv[1]);
    uint64_t made = 0;
    int failed = 0;
    pid_t child = 0;
    for (; made < want; made++) {
        child = fork();
        if (child == 0)
            for (;;)
                (void)pause();
        if (child < 0) {
            failed = errno;
            break;
        }
    }
    (void)printf("forks=%" PRIu64 " %s\n", made, failed ? strerrorname_np(failed) : "ok");
    flush();
    (void)signal(SIGTERM, SIG_IGN);
    (void)kill(0, SIGTERM);
    return 0;
}

/* Loopback is up and carries a connection. */
static int do_lo(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct ifreq r = {.ifr_name = "lo"};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ioctl(server, SIOCGIFFLAGS, &r) < 0)
        return say_result("lo", false);
    (void)printf("up=%d\n", (r.ifr_flags & IFF_UP) != 0);
    bool is_ok = bind(server, (struct sockaddr *)&a, len) == 0 && listen(server, 1) == 0 &&
                 getsockname(server, (struct sockaddr *)&a, &len) == 0 &&
                 connect(client, (struct sockaddr *)&a, len) == 0;
    return say_result("connect", is_ok);
}

static int do_links(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *i = all; i && i->if_name; i++)
        (void)printf("link %s\n", i->if_name);
    if_freenameindex(all);
    return 0;
}

static int do_cpus(int argc, char **argv)
{
    cpu_set_t set;
    (void)argc;
    (void)argv;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return say_result("cpus", false);
    (void)printf("cpus=%d\n", CPU_COUNT(&set));
    return 0;
}

/*
 * What a hostile process of the image does while others are exec'd into it: looks at each new
 * process' exe and fds, and keeps what it can open (CVE-2016-9962, CVE-2019-5736). Reports what it
 * could open and read that is no payload of its own.
 */
static void peek(const char *pid, unsigned long *opened)
{
    char path[128];
    char target[4096];
    (void)snprintf(path, sizeof(path), "/proc/%s/exe", pid);
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    if (n > 0) {
        target[n] = '\0';
        if (!strstr(target, "/bin/payload") && !strstr(target, "/bin/busybox")) {
            (void)printf("exe %s\n", target);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd >= 0) {
                (*opened)++;
                (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                int out = open(path, O_WRONLY | O_CLOEXEC);
                /* Nothing is written: it might be a program of the host. A sealed memfd opens. */
                if (out >= 0 &&
                        (fcntl(out, F_GET_SEALS) < 0 || !(fcntl(out, F_GET_SEALS) & F_SEAL_WRITE)))
                    (void)printf("WRITABLE %s\n", target);
                if (out >= 0)
                    (void)close(out);
                (void)close(fd);
            }
        }
    }
    (void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *d = opendir(path);
    struct dirent *f;
    while (d && (f = readdir(d))) {
        if (f->d_name[0] == '.')
            continue;
        n = readlinkat(dirfd(d), f->d_name, target, sizeof(target) - 1);
        if (n > 0) {
            target[n] = '\0';
            if (strcmp(f->d_name, "0") != 0 && strcmp(f->d_name, "1") != 0 &&
                    strcmp(f->d_name, "2") != 0)
                (void)printf("fd %s %s\n", f->d_name, target);
        }
    }
    if (d)
        (void)closedir(d);
}

static int do_peek(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    unsigned long rounds = 0;
    unsigned long opened = 0;
    catch (SIGTERM);
    say_ready();
    while (caught != SIGTERM) {
        DIR *d = opendir("/proc");
        struct dirent *e;
        if (!d)
            return say_result("proc", false);
        while ((e = readdir(d)))
            if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && atol(e->d_name) != getpid())
                peek(e->d_name, &opened);
        (void)closedir(d);
        rounds++;
    }
    (void)printf("rounds=%d opened=%lu\n", rounds > 0, opened);
    return 0;
}

/* Opens PATH to write and says so; with a number, tries that many times. */
static int do_overwrite(int argc, char **argv)
{
    unsigned long tries = argc > 2 ? number(argv[2]) : 1;
    int fd = -1;
    while (tries-- && fd < 0)
        fd = open(argv[1], O_WRONLY | O_TRUNC | O_CLOEXEC);
    return say_result("overwrite", fd >= 0 && write(fd, "gone\n", 5) == 5);
}

static int do_poweroff(int argc, char **argv)
{
    (void)argc;
    sync();
    return say_result("reboot",
            reboot(strcmp(argv[1], "off") == 0 ? RB_POWER_OFF : RB_AUTOBOOT) == 0);
}

static int do_sleep(int argc, char **argv)
{
    (void)argc;
    struct timespec t = {.tv_nsec = 1000000L * (long)(number(argv[1]) % 1000),
            .tv_sec = (time_t)(number(argv[1]) / 1000)};
    while (nanosleep(&t, &t) < 0)
        ;
    return 0;
}

static int do_burn(int argc, char **argv)
{
    struct timespec start, now;
    (void)argc;
    long ms = (long)number(argv[1]);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
    return 0;
}

static int do_multi(int argc, char **argv);

static const struct command {
    const char *name;
    int args; /* least number of words after the name */
    int (*run)(int argc, char **argv);
} commands[] = {
        {"exit",        1, do_exit       },
        {"signal-me",   1, do_signal_me  },
        {"cat",         0, do_cat        },
        {"read",        1, do_read       },
        {"echo",        0, do_echo       },
        {"to-stderr",   1, do_to_stderr  },
        {"args",        0, do_args       },
        {"env",         0, do_env        },
        {"id",          0, do_id         },
        {"caps",        0, do_caps       },
        {"stat",        1, do_stat       },
        {"hold",        0, do_hold       },
        {"signals",     0, do_signals    },
        {"ignore-term", 0, do_ignore_term},
        {"orphan",      1, do_orphan     },
        {"spam",        1, do_spam       },
        {"read-count",  0, do_read_count },
        {"fds",         0, do_fds        },
        {"tty",         0, do_tty        },
        {"winch",       0, do_winch      },
        {"umask",       0, do_umask      },
        {"rlimits",     0, do_rlimits    },
        {"status",      1, do_status     },
        {"nnp",         0, do_nnp        },
        {"cwd",         0, do_cwd        },
        {"ns",          0, do_ns         },
        {"uts",         0, do_uts        },
        {"pids",        0, do_pids       },
        {"write",       2, do_write      },
        {"open",        2, do_open       },
        {"mknod",       4, do_mknod      },
        {"mkdir",       1, do_mkdir      },
        {"remount-rw",  1, do_remount_rw },
        {"ptmx",        0, do_ptmx       },
        {"tiocsti",     0, do_tiocsti    },
        {"try",         1, do_try        },
        {"oom",         1, do_oom        },
        {"forks",       1, do_forks      },
        {"lo",          0, do_lo         },
        {"links",       0, do_links      },
        {"cpus",        0, do_cpus       },
        {"peek",        0, do_peek       },
        {"overwrite",   1, do_overwrite  },
        {"power",       1, do_poweroff   },
        {"sleep",       1, do_sleep      },
        {"burn",        1, do_burn       },
        {"multi",       1, do_multi      },
};

static int command_run(int argc, char **argv)
{
    for (size_t i = 0; argc > 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, argv[0]) != 0)
            continue;
        if (argc - 1 < commands[i].args)
            misuse("too few words");
        int status = commands[i].run(argc, argv);
        flush();
        return status;
    }
    misuse(argc > 0 ? argv[0] : "no subcommand");
}

/* Each in a child, so that one cannot spoil the next. */
static int do_multi(int argc, char **argv)
{
    for (int i = 1; i < argc;) {
        int n = 0;
        while (i + n < argc && strcmp(argv[i + n], "--") != 0)
            n++;
        (void)printf("==");
        for (int k = 0; k < n; k++)
            (void)printf(" %s", argv[i + k]);
        (void)printf("\n");
        flush();
        pid_t child = fork();
        if (child == 0) {
            argv[i + n] = NULL;
            exit(command_run(n, argv + i));
        }
        int status = 0;
        (void)waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MISUSE)
            return EXIT_MISUSE;
        i += n + 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 1)
        return EXIT_MISUSE;
    return command_run(argc - 1, argv + 1);
}
