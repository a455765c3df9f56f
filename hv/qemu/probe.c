// SPDX-License-Identifier: Apache-2.0
/* See probe.h. A program that does not answer within five seconds is killed and counts as broken. */
#include "hv/qemu/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "hv/qemu/argv.h"

#define ANSWER_MS 5000
#define PRINT_MAX (256u << 10)

int probe_qemu(char **ret, struct err *e)
{
    static const char *const places[] = {"/usr/bin/qemu-system-x86_64",
            "/usr/local/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) == 0) {
            *ret = str_dup(places[i]);
            return 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "no qemu-system-x86_64: apt install qemu-system-x86");
}

static void __attribute__((noreturn)) child_exec(char *const argv[], int out)
{
    char *const env[] = {NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
        (void)execve(argv[0], argv, env); /* on success it does not return */
    _exit(127);
}

/* Reads until the end, the time limit, a full buffer, or (is_line) the end of the first line. */
static size_t read_answer(int fd, char *buf, size_t room, bool is_line)
{
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (len + 1 < room && poll(&p, 1, ANSWER_MS) > 0) {
        ssize_t n = read(fd, buf + len, room - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (is_line && memchr(buf, '\n', len))
            break;
    }
    buf[len] = '\0';
    return len;
}

/* What the program says, at most `room` bytes. */
static int ask(char *const argv[], char *buf, size_t room, bool is_line, struct err *e)
{
    int pipefd[2];
    if (pipe2(pipefd, O_CLOEXEC) < 0)
        return err_sys(e, "make a pipe");
    autoclose int in = pipefd[0];
    autoclose int out = pipefd[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0)
        child_exec(argv, out);
    own_close(&out);
    out = -1;
    size_t len = read_answer(in, buf, room, is_line);
    (void)kill(pid, SIGKILL); /* it has said what we want, or never will */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (len == 0)
        return err_set(e, ERR_SYSTEM, "'%s %s' says nothing", argv[0], argv[1]);
    return 0;
}

int probe_prints(const char *path, const char *const *args, const char *text, bool *ret,
        struct err *e)
{
    autofree char *buf = mem_new(PRINT_MAX, 1);
    struct argv argv = {0};
    argv_add(&argv, "%s", path);
    for (; *args; args++)
        argv_add(&argv, "%s", *args);
    int rc = ask(argv.v, buf, PRINT_MAX, false, e);
    argv_release(&argv);
    if (rc == 0)
        *ret = strstr(buf, text) != NULL;
    return rc;
}

int probe_version(const char *path, char **ret, struct err *e)
{
    char buf[512];
    struct argv argv = {0};
    argv_add(&argv, "%s", path);
    argv_add(&argv, "--version");
    int rc = ask(argv.v, buf, sizeof(buf), true, e);
    argv_release(&argv);
    if (rc == 0)
        *ret = str_ndup(buf, strcspn(buf, "\n"));
    return rc;
}
