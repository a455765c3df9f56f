// SPDX-License-Identifier: Apache-2.0
/*
 * One call of the program: global flags, verb, its flags, its function, its error. Nothing is done
 * before the verb that the verb does not need: `state` and `kill` are counted in microseconds.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "cli/global.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/verbs.h"

/* A caller may leave 0 to 2 closed; the next file opened would become standard error. */
static int keep_stdio(struct err *e)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        if (open("/dev/null", O_RDWR) != fd)
            return err_sys(e, "open '/dev/null' in place of closed fd %d", fd);
    }
    return 0;
}

static int exit_status(const struct cli_verb *v, const struct err *e)
{
    switch (v->exit) {
    case CLI_EXIT_EXEC:
        return 255;
    case CLI_EXIT_OWN:
        return err_exit_code(e);
    case CLI_EXIT_OCI:
        break;
    }
    return 1;
}

static bool asks_help(char *const *argv)
{
    for (; *argv; argv++)
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-help") == 0 || strcmp(*argv, "-h") == 0)
            return true;
    return false;
}

static int print_help(const struct cli_verb *v, struct err *e)
{
    autofree char *text = v ? cli_help_verb(v) : cli_help_all();
    return out_text(text, e);
}

/* Words of a verb: flags into `values`, the rest into the call; counted. */
static int read_words(const struct cli_verb *v, char **argv, struct cli_call *call,
        struct opt_rest *ret, struct err *e)
{
    if (opt_parse(v->opts, v->order, argv, call->values, ret, e) < 0)
        return err_add(e, "%s", v->name);
    if (ret->want_help)
        return 0;
    if (ret->argc < v->min_args || (v->max_args >= 0 && ret->argc > v->max_args))
        return err_set(e, ERR_USAGE, "%s: too %s words: usage: islet %s%s%s%s", v->name,
                ret->argc < v->min_args ? "few" : "many", v->name, v->opts ? " [FLAG...]" : "",
                *v->args ? " " : "", v->args);
    call->argv = ret->argv;
    call->argc = ret->argc;
    return 0;
}

/* The exit status, or -1 with e set. */
static int do_verb(const struct cli_verb *v, char **argv, const struct cli_global *g,
        const char *program, struct err *e)
{
    union {
        char bytes[CLI_VALUES_MAX];
        max_align_t align;
    } values = {{0}};
    struct rt_context context;
    struct cli_call call = {
            .context = &context,
            .has_root = g->root && *g->root,
            .values = &values,
    };
    if (v->refusal && asks_help(argv))
        return print_help(v, e);
    if (cli_global_apply(g, program, &context, e) < 0)
        return -1;
    if (v->refusal)
        return err_set(e, ERR_UNSUPPORTED, "%s: %s", v->name, v->refusal);
    struct opt_rest rest;
    int status = read_words(v, argv, &call, &rest, e);
    if (status == 0)
        status = rest.want_help ? print_help(v, e) : v->run(&call, e);
    opt_release(v->opts, &values);
    return status;
}

static int print_version(struct err *e)
{
    return cli_version(NULL, e);
}

int cli_main(char **argv)
{
    struct err e = {0};
    struct cli_global g = {0};
    struct opt_rest rest;
    const char *program = argv[0] ? argv[0] : "islet";
    const struct cli_verb *verb = NULL;
    int status = 1; /* of trouble before the verb is known */
    int rc = keep_stdio(&e);
    if (rc == 0)
        rc = opt_parse(cli_global_opts, OPT_FLAGS_FIRST, argv[0] ? argv + 1 : argv, &g, &rest, &e);
    if (rc == 0) {
        if (g.want_version)
            rc = print_version(&e);
        else if (rest.want_help || !rest.argc)
            rc = print_help(NULL, &e);
        else if (!(verb = cli_verb_find(rest.argv[0])))
            rc = cli_verb_unknown(rest.argv[0], &e);
        else
            rc = do_verb(verb, rest.argv + 1, &g, program, &e);
    }
    if (rc >= 0)
        return rc;
    if (verb)
        status = exit_status(verb, &e);
    log_error("%s", e.text);
    return status;
}
