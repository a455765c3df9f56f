// SPDX-License-Identifier: Apache-2.0
/*
 * bench [-n PAIRS] [-s SECONDS] TITLE A CMD… [: CMD…] -- B CMD… [: CMD…]
 *
 * Measures two things against each other and prints one row of a table: their medians with 10th and
 * 90th percentile in milliseconds, the median of the ratios, and the peak memory of each. A and B
 * are their names; ":" separates steps that are measured together.
 *
 * They run in turns, A B B A A B …, so that what the machine does meanwhile hits both, and the ratio
 * is taken pair by pair. Processes start by posix_spawn, which costs the same whatever the size of
 * this program. It is the reaper of what detaches, so that a container's init that has ended is gone
 * as it would be under a real caller. Ends after PAIRS or SECONDS, but not before five pairs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_STEPS = 8, MIN_PAIRS = 5, WARM_UP = 2 };

struct side {
    const char *name;
    char **steps[MAX_STEPS];
    int n_steps;
    double *ms;
    long peak_kib;
};

extern char **environ;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void __attribute__((noreturn)) fail(const char *what, int status)
{
    fprintf(stderr, "%s: status %d\n", what, status);
    exit(1);
}

/* Standard output goes nowhere, standard error to ours: it says why something failed. */
static posix_spawn_file_actions_t *quiet(void)
{
    static posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    return &actions;
}

static void step_run(struct side *s, char **argv, const posix_spawn_file_actions_t *actions)
{
    struct rusage usage;
    int status;
    pid_t pid;
    int rc = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);

    if (rc != 0)
        fail(argv[0], rc);
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            fail(argv[0], errno);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    if (usage.ru_maxrss > s->peak_kib)
        s->peak_kib = usage.ru_maxrss;
}

static double measure(struct side *s, const posix_spawn_file_actions_t *actions)
{
    double start = now_ms();

    for (int i = 0; i < s->n_steps; i++)
        step_run(s, s->steps[i], actions);
    double ms = now_ms() - start;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return ms;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of sorted values. */
static double percentile(const double *v, int n, int percent)
{
    return v[(n - 1) * percent / 100];
}

static void print_row(const char *title, struct side *a, struct side *b, int n)
{
    double *ratio = calloc((size_t)n, sizeof(*ratio));

    if (!ratio)
        fail("memory", errno);
    for (int i = 0; i < n; i++)
        ratio[i] = a->ms[i] / b->ms[i];
    qsort(ratio, (size_t)n, sizeof(*ratio), compare);
    printf("| %-20s", title);
    for (struct side *s = a; s; s = s == a ? b : NULL) {
        qsort(s->ms, (size_t)n, sizeof(*s->ms), compare);
        printf(" | %-7s %7.2f (%.2f–%.2f)", s->name, percentile(s->ms, n, 50),
                percentile(s->ms, n, 10), percentile(s->ms, n, 90));
    }
    printf(" | %6.2f (%.2f–%.2f) | %6.1f / %-6.1f | %4d |", percentile(ratio, n, 50),
            percentile(ratio, n, 10), percentile(ratio, n, 90), (double)a->peak_kib / 1024,
            (double)b->peak_kib / 1024, n);
    free(ratio);
}

/* Takes NAME CMD… [: CMD…] up to "--" or the end; returns what follows. */
static char **side_parse(struct side *s, char **argv)
{
    if (!argv[0] || !argv[1])
        fail("usage: bench [-n PAIRS] [-s SECONDS] TITLE A CMD… [: CMD…] -- B CMD… [: CMD…]", 2);
    s->name = *argv++;
    s->steps[s->n_steps++] = argv;
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, ":") != 0)
            continue;
        *argv = NULL;
        if (s->n_steps == MAX_STEPS)
            fail("too many steps", 2);
        s->steps[s->n_steps++] = argv + 1;
    }
    if (*argv)
        *argv++ = NULL;
    return argv;
}

int main(int argc, char **argv)
{
    int pairs = 100, opt;
    double seconds = 10;
    struct side a = {0}, b = {0};

    while ((opt = getopt(argc, argv, "+n:s:")) != -1) {
        if (opt == 'n')
            pairs = (int)strtol(optarg, NULL, 10);
        else if (opt == 's')
            seconds = strtod(optarg, NULL);
        else
            return 2;
    }
    if (pairs < MIN_PAIRS)
        pairs = MIN_PAIRS;
    argv += optind;
    const char *title = *argv ? *argv++ : "";
    side_parse(&b, side_parse(&a, argv));
    a.ms = calloc((size_t)pairs, sizeof(*a.ms));
    b.ms = calloc((size_t)pairs, sizeof(*b.ms));
    if (!a.ms || !b.ms || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        fail("start", errno);

    const posix_spawn_file_actions_t *actions = quiet();
    for (int i = 0; i < WARM_UP; i++) {
        measure(&a, actions);
        measure(&b, actions);
    }
    int n = 0;
    double end = now_ms() + seconds * 1e3;
    while (n < pairs && (n < MIN_PAIRS || now_ms() < end)) {
        bool a_first = n % 2 == 0;
        if (a_first)
            a.ms[n] = measure(&a, actions);
        b.ms[n] = measure(&b, actions);
        if (!a_first)
            a.ms[n] = measure(&a, actions);
        n++;
    }
    print_row(title, &a, &b, n);
    return 0;
}
