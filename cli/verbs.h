// SPDX-License-Identifier: Apache-2.0
/*
 * Verbs: one row each in one table (verbs.c), from which dispatch, help and the list of verbs are
 * made. A verb's function gets its words parsed and counted; it calls the runtime, prints the
 * answer, and returns the exit status, or -1 with `e` set for main to print.
 */
#ifndef ISLET_CLI_VERBS_H
#define ISLET_CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/opt.h"
#include "runtime/runtime.h"

enum cli_family { CLI_LIFE, CLI_LOOK, CLI_BUNDLE, CLI_MOVE, CLI_SELF, CLI_FAMILIES };

/* What an exit code means for this verb's failures. */
enum cli_exit {
    CLI_EXIT_OCI,  /* 1, as every OCI runtime */
    CLI_EXIT_EXEC, /* 255: not to be confused with the payload's own codes */
    CLI_EXIT_OWN,  /* err_exit_code */
};

/* Most bytes of a verb's struct of values. */
enum { CLI_VALUES_MAX = 256 };

struct cli_call {
    const struct rt_context *context;
    bool has_root; /* --root was given */
    bool is_systemd_cgroup;
    void *values; /* the verb's struct, filled */
    char **argv;  /* other words; argv[argc] is NULL */
    int argc;
};

typedef int cli_verb_fn(const struct cli_call *call, struct err *e);

struct cli_verb {
    const char *name;
    enum cli_family family;
    enum cli_exit exit;
    const char *args; /* "ID [SIGNAL]" */
    const char *help; /* one line, no full stop */
    const char *more; /* further text of the verb's help, or NULL */
    const struct opt *opts;
    enum opt_order order;
    int min_args;
    int max_args;        /* -1: any number */
    const char *refusal; /* not NULL: the verb is known and not to be had, and why */
    cli_verb_fn *run;
};

/* Ends with a row whose name is NULL. */
extern const struct cli_verb cli_verbs[];

const struct cli_verb *cli_verb_find(const char *name);

/* ERR_USAGE that names the nearest verb. Returns -1. */
int cli_verb_unknown(const char *name, struct err *e);

/* The words of main without the program's roles: parse, run, print the error. The exit status. */
int cli_main(char **argv);

cli_verb_fn cli_create, cli_start, cli_run, cli_exec;
cli_verb_fn cli_kill, cli_delete, cli_pause, cli_resume;
cli_verb_fn cli_state, cli_list, cli_ps, cli_features;
cli_verb_fn cli_spec, cli_version, cli_help, cli_doctor;

extern const struct opt cli_create_opts[], cli_run_opts[], cli_exec_opts[];
extern const struct opt cli_kill_opts[], cli_delete_opts[];
extern const struct opt cli_list_opts[], cli_ps_opts[];
extern const struct opt cli_spec_opts[], cli_doctor_opts[];

#endif
