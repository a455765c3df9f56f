// SPDX-License-Identifier: Apache-2.0
/* The table of verbs, in the order in which help lists them. */
#include "cli/verbs.h"

#include <string.h>

#include "cli/nearest.h"

/* What most verbs leave out stands last, by name. */
#define VERB(nm, fam, ar, lo, hi, op, fn, he, ...)                                                 \
    {                                                                                              \
        .name = (nm), .family = (fam), .args = (ar), .min_args = (lo), .max_args = (hi),           \
        .opts = (op), .run = (fn), .help = (he), __VA_ARGS__                                       \
    }

static const char exec_more[] = "Flags come before ID; what follows it is the program's words.\n"
                                "Exits with the program's status, 255 when it could not be run.\n";
static const char kill_more[] = "SIGNAL is a number or a name: 15, TERM, SIGTERM, term, RTMIN+3.\n";
static const char ps_more[] = "With PS-ARGs, those lines of ps(1) that belong to the container.\n";
static const char doctor_more[] = "Exits with 0 when the container wall works, else with 1.\n";
static const char not_yet[] = "not supported yet";
static const char no_saving[] = "not supported: islet cannot save and load containers yet";

const struct cli_verb cli_verbs[] = {
        VERB("create", CLI_LIFE, "ID", 1, 1, cli_create_opts, cli_create,
                "make a container from a bundle; its program waits for start"),
        VERB("start", CLI_LIFE, "ID", 1, 1, NULL, cli_start,
                "let the program of a created container begin"),
        VERB("run", CLI_LIFE, "ID", 1, 1, cli_run_opts, cli_run,
                "create, start, wait, delete; exits with the program's status"),
        VERB("exec", CLI_LIFE, "ID COMMAND [ARG...] | --process FILE ID", 1, -1, cli_exec_opts,
                cli_exec, "run another program in a container", .exit = CLI_EXIT_EXEC,
                .order = OPT_FLAGS_FIRST, .more = exec_more),
        VERB("kill", CLI_LIFE, "ID [SIGNAL]", 1, 2, cli_kill_opts, cli_kill,
                "send a signal (default TERM) to a container's first process", .more = kill_more),
        VERB("delete", CLI_LIFE, "ID", 1, 1, cli_delete_opts, cli_delete,
                "remove a stopped container and all that islet made for it"),
        VERB("pause", CLI_LIFE, "ID", 1, 1, NULL, cli_pause, "freeze all processes of a container"),
        VERB("resume", CLI_LIFE, "ID", 1, 1, NULL, cli_resume, "let a paused container go on"),
        VERB("update", CLI_LIFE, "ID", 0, -1, NULL, NULL,
                "change the limits of a container (not supported yet)", .refusal = not_yet),
        VERB("state", CLI_LOOK, "ID", 1, 1, NULL, cli_state,
                "print the state of a container as JSON"),
        VERB("list", CLI_LOOK, "", 0, 0, cli_list_opts, cli_list, "list containers"),
        VERB("ps", CLI_LOOK, "ID [PS-ARG...]", 1, -1, cli_ps_opts, cli_ps,
                "list the processes of a container", .order = OPT_FLAGS_FIRST, .more = ps_more),
        VERB("events", CLI_LOOK, "ID", 0, -1, NULL, NULL,
                "print statistics and events (not supported yet)", .refusal = not_yet),
        VERB("features", CLI_LOOK, "", 0, 0, NULL, cli_features,
                "print what this runtime can do as JSON"),
        VERB("spec", CLI_BUNDLE, "", 0, 0, cli_spec_opts, cli_spec, "write a default config.json"),
        VERB("checkpoint", CLI_MOVE, "ID", 0, -1, NULL, NULL,
                "save a running container to files (not supported)", .refusal = no_saving),
        VERB("restore", CLI_MOVE, "ID", 0, -1, NULL, NULL,
                "bring a saved container back (not supported)", .refusal = no_saving),
        VERB("doctor", CLI_SELF, "", 0, 0, cli_doctor_opts, cli_doctor,
                "say what this machine can do for each wall, and what would help",
                .exit = CLI_EXIT_OWN, .more = doctor_more),
        VERB("version", CLI_SELF, "", 0, 0, NULL, cli_version, "print the version",
                .exit = CLI_EXIT_OWN),
        VERB("help", CLI_SELF, "[VERB]", 0, 1, NULL, cli_help, "list the verbs, or explain one",
                .exit = CLI_EXIT_OWN),
        {.name = NULL},
};

const struct cli_verb *cli_verb_find(const char *name)
{
    for (const struct cli_verb *v = cli_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

int cli_verb_unknown(const char *name, struct err *e)
{
    struct cli_nearest near = cli_nearest_to(name);
    for (const struct cli_verb *v = cli_verbs; v->name; v++)
        cli_nearest_offer(&near, v->name);
    if (near.best)
        return err_set(e, ERR_USAGE, "unknown verb '%s', did you mean '%s'?", name, near.best);
    return err_set(e, ERR_USAGE, "unknown verb '%s'; 'islet help' lists them", name);
}
