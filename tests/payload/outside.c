// SPDX-License-Identifier: Apache-2.0
/*
 * What cases need on the host side and the shell cannot do: the part of a client (conmon,
 * containerd's shim) that a runtime is written against.
 *
 *   outside console SOCKET      listens, takes one terminal by the console-socket protocol, says
 *                               what came ("message bytes=N fds=N name=…"), then joins standard
 *                               input and output to it until the payload hangs up. Lines
 *                               "@size R C" on standard input resize the terminal instead.
 *   outside keeper FILE CMD…    becomes the reaper of orphans, runs CMD, says how it ended, reads
 *                               the pid in FILE, says whether that process is its child and leads a
 *                               session, waits for it and says how it ended.
 *   outside sloth CMD…          becomes the reaper of orphans, runs CMD, and reaps nothing else
 *   outside fill FILE           writes until the file system is full
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_MISUSE = 99 };

__attribute__((noreturn)) static void die(const char *what)
{
    (void)fprintf(stderr, "outside: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* One message with one fd; everything else is said too, so that a case can refuse it. */
static int take_terminal(int from)
{
    union {
        char bytes[CMSG_SPACE(16 * sizeof(int))];
        struct cmsghdr align;
    } control;
    char name[8192];
    struct iovec part = {name, sizeof(name) - 1};
    struct msghdr m = {.msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof(control.bytes)};
    ssize_t n = recvmsg(from, &m, 0);
    if (n <= 0)
        die("nothing came");
    int fd = -1;
    size_t fds = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            fds += (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        }
    name[n] = '\0';
    (void)printf("message bytes=%zd fds=%zu name=%s\n", n, fds, name);
    (void)printf("more=%zd\n", recv(from, name, sizeof(name), 0));
    (void)printf("tty=%d\n", fd >= 0 && isatty(fd));
    (void)fflush(stdout);
    return fd;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool from_stdin(int tty)
{
    char block[4096];
    unsigned rows, cols;
    ssize_t n = read(STDIN_FILENO, block, sizeof(block) - 1);
    if (n <= 0)
        return false;
    block[n] = '\0';
    if (sscanf(block, "@size %u %u", &rows, &cols) == 2) {
        struct winsize w = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
        (void)ioctl(tty, TIOCSWINSZ, &w);
        return true;
    }
    return write_all(tty, block, (size_t)n);
}

static void join(int tty)
{
    struct pollfd all[2] = {
            {tty,          POLLIN, 0},
            {STDIN_FILENO, POLLIN, 0}
    };
    char block[4096];
    while (poll(all, 2, -1) >= 0) {
        if (all[0].revents) {
            ssize_t n = read(tty, block, sizeof(block));
            if (n <= 0) /* EIO: the last slave is closed */
                return;
            (void)write_all(STDOUT_FILENO, block, (size_t)n);
        }
        if (all[1].revents && !from_stdin(tty))
            all[1].fd = -1;
    }
}

static int do_console(int argc, char **argv)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (argc != 3 || strlen(argv[2]) >= sizeof(a.sun_path))
        return EXIT_MISUSE;
    memcpy(a.sun_path, argv[2], strlen(argv[2]));
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(server, 4) < 0)
        die("listen");
    int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        die("accept");
    int tty = take_terminal(client);
    if (tty < 0)
        return 1;
    join(tty);
    return 0;
}

static void say_end(const char *who, int status)
{
    if (WIFEXITED(status))
        (void)printf("%s exited %d\n", who, WEXITSTATUS(status));
    else
        (void)printf("%s signalled %d\n", who, WTERMSIG(status));
    (void)fflush(stdout);
}

/* Fields of /proc/PID/stat behind the name: 0 = state, 1 = parent, 3 = session. */
static bool stat_fields(long pid, char *ret_state, long *ret_parent, long *ret_session)
{
    char path[64];
    char text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    char *end = strrchr(text, ')');
    long group;
    return end &&
           sscanf(end + 2, "%c %ld %ld %ld", ret_state, ret_parent, &group, ret_session) == 4;
}

static int keep(const char *file)
{
    char text[64] = "";
    char state = '?';
    long parent = 0;
    long session = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0) {
        (void)printf("no pid file\n");
        return 0;
    }
    long pid = strtol(text, NULL, 10);
    bool is_there = stat_fields(pid, &state, &parent, &session);
    (void)printf("child=%d leader=%d digits=%zu of %zd\n", is_there && parent == getpid(),
            session == pid, strspn(text, "0123456789"), n);
    (void)fflush(stdout);
    int status = 0;
    if (waitpid((pid_t)pid, &status, 0) == pid)
        say_end("payload", status);
    else
        (void)printf("payload is not ours\n");
    return 0;
}

static int do_keeper(int argc, char **argv)
{
    if (argc < 4)
        return EXIT_MISUSE;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        die("subreaper");
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[3], argv + 3);
        die(argv[3]);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        die("wait");
    say_end("runtime", status);
    return keep(argv[2]);
}

static int do_sloth(int argc, char **argv)
{
    if (argc < 3)
        return EXIT_MISUSE;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        die("subreaper");
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        die(argv[2]);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        die("wait");
    say_end("runtime", status);
    (void)pause();
    return 0;
}

static int do_fill(int argc, char **argv)
{
    static char block[4096];
    if (argc != 3)
        return EXIT_MISUSE;
    int fd = open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die(argv[2]);
    for (size_t n = sizeof(block); n; n /= 2)
        while (write(fd, block, n) > 0)
            ;
    return errno == ENOSPC ? 0 : 1;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "console") == 0)
        return do_console(argc, argv);
    if (argc > 1 && strcmp(argv[1], "keeper") == 0)
        return do_keeper(argc, argv);
    if (argc > 1 && strcmp(argv[1], "sloth") == 0)
        return do_sloth(argc, argv);
    if (argc > 1 && strcmp(argv[1], "fill") == 0)
        return do_fill(argc, argv);
    return EXIT_MISUSE;
}
