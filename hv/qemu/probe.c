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

#define ANSWER_MS 5000

int probe_qemu(char **ret, struct err *e)
{
    static const char *const places[] = {
            "/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64",
            "/usr/libexec/qemu-kvm"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (access(places[i], X_OK) == 0) {
            *ret = str_dup(places[i]);
            return 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "no qemu-system-x86_64: apt install qemu-system-x86");
}

static void __attribute__((noreturn)) child_exec(const char *path, int out)
{
    char arg[] = "--version";
    char name[] = "probe";
    char *const argv[] = {name, arg, NULL};
    char *const env[] = {NULL};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
        (void)execve(path, argv, env); /* on success it does not return */
    _exit(127);
}

/* Reads one line, at most `room - 1` bytes, until end or time limit. */
static size_t read_line(int fd, char *buf, size_t room)
{
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (len + 1 < room && poll(&p, 1, ANSWER_MS) > 0) {
        ssize_t n = read(fd, buf + len, room - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (memchr(buf, '\n', len))
            break;
    }
    buf[len] = '\0';
    return strcspn(buf, "\n");
}

int probe_version(const char *path, char **ret, struct err *e)
{
    char buf[512];
    int pipefd[2];
    if (pipe2(pipefd, O_CLOEXEC) < 0)
        return err_sys(e, "make a pipe");
    autoclose int in = pipefd[0];
    autoclose int out = pipefd[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0)
        child_exec(path, out);
    own_close(&out);
    out = -1;
    size_t len = read_line(in, buf, sizeof(buf));
    (void)kill(pid, SIGKILL); /* it has said what we want, or never will */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (len == 0)
        return err_set(e, ERR_SYSTEM, "'%s --version' says nothing", path);
    *ret = str_ndup(buf, len);
    return 0;
}
