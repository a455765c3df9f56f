// SPDX-License-Identifier: Apache-2.0
/* See helper.h. The helper confines itself; here it gets an empty environment and no stdin. */
#include "hv/boot/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"

#define EXIT_FORMAT 3 /* images/image_main.c */

int helper_find(char **ret, struct err *e)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n < 0)
        return err_sys(e, "read '/proc/self/exe'");
    exe[n] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash)
        return err_set(e, ERR_INTERNAL, "own executable '%s' is not a path", exe);
    *slash = '\0';
    static const char *const places[] = {"libexec", "../libexec/islet"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        autofree char *path = str_fmt("%s/%s/islet-image", exe, places[i]);
        if (access(path, X_OK) == 0) {
            *ret = steal_ptr(path);
            return 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND,
            "no '%s/libexec/islet-image': run make install, or put it there", exe);
}

static void __attribute__((noreturn)) child_exec(const char *path, char *const argv[], int errors)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char *const env[] = {NULL};
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(errors, 2) >= 0)
        (void)execve(path, argv, env); /* on success it does not return */
    _exit(127);
}

static int run(const char *program, char *const argv[], struct err *e)
{
    int pipefd[2];
    ASSERT(program);
    if (pipe2(pipefd, O_CLOEXEC) < 0)
        return err_sys(e, "make a pipe");
    autoclose int in = pipefd[0];
    autoclose int out = pipefd[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0)
        child_exec(program, argv, out);
    own_close(&out);
    out = -1;
    autofree char *text = NULL;
    struct err ignored;
    if (fd_read_all(in, 4096, &text, NULL, &ignored) < 0)
        text = str_dup("");
    own_close(&in); /* a helper that goes on writing gets EPIPE */
    in = -1;
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for '%s'", program);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    if (WIFSIGNALED(status))
        return err_set(e, ERR_SYSTEM, "'%s' was killed by signal %d", program, WTERMSIG(status));
    if (!*text)
        return err_set(e, ERR_SYSTEM, "'%s' ended with status %d", program, WEXITSTATUS(status));
    return err_set(e, WEXITSTATUS(status) == EXIT_FORMAT ? ERR_UNSUPPORTED : ERR_SYSTEM, "%s",
            text);
}

int helper_unpack_kernel(const char *in, const char *out, uint64_t offset, uint64_t len,
        struct err *e)
{
    autofree char *program = NULL;
    if (helper_find(&program, e) < 0)
        return -1;
    autofree char *verb = str_dup("kernel");
    autofree char *from = str_dup(in);
    autofree char *to = str_dup(out);
    autofree char *at = str_fmt("%llu", (unsigned long long)offset);
    autofree char *size = str_fmt("%llu", (unsigned long long)len);
    char *const argv[] = {program, verb, from, to, at, size, NULL};
    return run(program, argv, e);
}

int helper_unpack_module(const char *in, const char *out, struct err *e)
{
    autofree char *program = NULL;
    if (helper_find(&program, e) < 0)
        return -1;
    autofree char *verb = str_dup("module");
    autofree char *from = str_dup(in);
    autofree char *to = str_dup(out);
    char *const argv[] = {program, verb, from, to, NULL};
    return run(program, argv, e);
}
