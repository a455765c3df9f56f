// SPDX-License-Identifier: Apache-2.0
/*
 * ps: the processes of a container. JSON is what clients read: the pids. For people there are the
 * names too, or with arguments those lines of ps(1) that belong to the container, as runc does.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "cli/out.h"
#include "cli/verbs.h"

enum ps_form { PS_TABLE, PS_JSON };
static const struct opt_word form_words[] = {
        {"table", PS_TABLE},
        {"json",  PS_JSON },
        {NULL,    0       },
};
struct ps_values {
    int form;
};
const struct opt cli_ps_opts[] = {
        OPT_WORD("format", 'f', struct ps_values, form, 0, form_words, "default table"),
        OPT_END,
};

enum { PS_OUTPUT_MAX = 16 << 20 };

struct pids {
    pid_t *items;
    size_t n;
};

static int print_json(const struct pids *p, struct err *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < p->n; i++)
        ASSERT(json_array_append_new(all, json_integer(p->items[i])) == 0);
    int rc = out_json(all, OUT_JSON_LINE, e);
    json_decref(all);
    return rc;
}

/* A process that is gone meanwhile has no name. */
static char *command_name(pid_t pid)
{
    autofree char *path = str_fmt("/proc/%d/comm", (int)pid);
    struct err ignored;
    char *text = NULL;
    size_t len = 0;
    if (fd_read_file(AT_FDCWD, path, 4096, &text, &len, &ignored) < 0)
        return str_dup("");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* Pids of a VM's processes are the guest's: the host's /proc knows nothing about them. */
static int print_table(const struct pids *p, bool is_guest, struct err *e)
{
    static const char *const heads[] = {"PID", "COMMAND"};
    size_t columns = is_guest ? 1 : 2;
    char **made = mem_new(p->n * columns, sizeof(*made));
    for (size_t i = 0; i < p->n; i++) {
        made[i * columns] = str_fmt("%d", (int)p->items[i]);
        if (!is_guest)
            made[i * columns + 1] = command_name(p->items[i]);
    }
    struct out_table t = {.heads = heads,
            .columns = columns,
            .cells = (const char *const *)made,
            .rows = p->n};
    int rc = out_table(&t, e);
    for (size_t i = 0; i < p->n * columns; i++)
        mem_free(made[i]);
    mem_free(made);
    return rc;
}

static int spawn_ps(char **args, int out, pid_t *ret, struct err *e)
{
    static char *const no_env[] = {NULL};
    static const char *const paths[] = {"/bin/ps", "/usr/bin/ps"};
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(paths); i++) {
        int spawned = posix_spawn(ret, paths[i], &actions, NULL, args, no_env);
        if (spawned != ENOENT || i + 1 == ARRAY_LEN(paths)) {
            rc = spawned;
            break;
        }
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc ? err_sysno(e, rc, "run '%s'", paths[0]) : 0;
}

/* The whole output of ps(1) with these arguments. */
static int read_ps(char **args, char **ret, struct err *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, "make a pipe for ps");
    autoclose int from = ends[0];
    autoclose int to = ends[1];
    autofree char *text = NULL;
    size_t len = 0;
    pid_t child = -1;
    if (spawn_ps(args, to, &child, e) < 0)
        return -1;
    (void)close(steal_fd(to)); /* else the reading below would not end */
    int rc = fd_read_all(from, PS_OUTPUT_MAX, &text, &len, e);
    (void)close(steal_fd(from)); /* a ps that goes on writing ends here */
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (rc < 0)
        return err_add(e, "read from ps");
    if (status != 0)
        return err_set(e, ERR_SYSTEM, "ps ended with status %d",
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    *ret = steal_ptr(text);
    return 0;
}

/* The n-th word (from 0) of a line, or NULL. */
static const char *nth_word(const char *line, size_t n)
{
    for (;; n--) {
        line += strspn(line, " \t");
        if (!*line)
            return NULL;
        if (n == 0)
            return line;
        line += strcspn(line, " \t");
    }
}

static int pid_column(const char *head, size_t *ret, struct err *e)
{
    const char *word = nth_word(head, 0);
    for (size_t i = 0; word; word = nth_word(head, ++i)) {
        if (strncmp(word, "PID", 3) == 0 && (!word[3] || isspace((unsigned char)word[3]))) {
            *ret = i;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "ps: the output of these arguments has no column 'PID'");
}

static bool is_ours(const struct pids *p, const char *word)
{
    if (!word)
        return false;
    long pid = strtol(word, NULL, 10);
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i] == pid)
            return true;
    return false;
}

static int print_ps(const struct pids *p, char **words, int n, struct err *e)
{
    autofree char **args = mem_new((size_t)n + 2, sizeof(*args));
    char name[] = "ps";
    args[0] = name;
    memcpy(args + 1, words, (size_t)n * sizeof(*args));
    autofree char *text = NULL;
    size_t column = 0;
    if (read_ps(args, &text, e) < 0)
        return -1;
    char *save = NULL;
    char *line = strtok_r(text, "\n", &save);
    if (pid_column(line ? line : "", &column, e) < 0)
        return -1;
    for (bool is_head = true; line; line = strtok_r(NULL, "\n", &save), is_head = false) {
        if (!is_head && !is_ours(p, nth_word(line, column)))
            continue;
        autofree char *whole = str_fmt("%s\n", line);
        if (out_text(whole, e) < 0)
            return -1;
    }
    return 0;
}

static int print_people(const struct cli_call *call, const struct pids *p, struct err *e)
{
    struct rt_report r = {0};
    if (rt_state(call->context, call->argv[0], &r, e) < 0)
        return -1;
    bool is_guest = r.isolation && strcmp(r.isolation, "vm") == 0;
    rt_report_release(&r);
    if (call->argc == 1)
        return print_table(p, is_guest, e);
    if (is_guest)
        return err_set(e, ERR_UNSUPPORTED,
                "ps: arguments are not supported for a VM, whose processes the host cannot see");
    return print_ps(p, call->argv + 1, call->argc - 1, e);
}

int cli_ps(const struct cli_call *call, struct err *e)
{
    const struct ps_values *v = call->values;
    struct pids p = {0};
    if (rt_ps(call->context, call->argv[0], &p.items, &p.n, e) < 0)
        return -1;
    int rc = v->form == PS_JSON ? print_json(&p, e) : print_people(call, &p, e);
    mem_free(p.items);
    return rc;
}
