// SPDX-License-Identifier: Apache-2.0
/*
 * Names of signal(7), with the aliases that kill(1) and Docker take. The real-time range is that of
 * glibc (34 to 64), whatever libc we are linked with, since that is what callers mean.
 */
#include "cli/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"

enum { RT_FIRST = 34, RT_LAST = 64 };

static const struct {
    const char *name;
    int number;
} names[] = {
        {"ABRT",   SIGABRT  },
        {"ALRM",   SIGALRM  },
        {"BUS",    SIGBUS   },
        {"CHLD",   SIGCHLD  },
        {"CLD",    SIGCHLD  },
        {"CONT",   SIGCONT  },
        {"FPE",    SIGFPE   },
        {"HUP",    SIGHUP   },
        {"ILL",    SIGILL   },
        {"INT",    SIGINT   },
        {"IO",     SIGIO    },
        {"IOT",    SIGABRT  },
        {"KILL",   SIGKILL  },
        {"PIPE",   SIGPIPE  },
        {"POLL",   SIGIO    },
        {"PROF",   SIGPROF  },
        {"PWR",    SIGPWR   },
        {"QUIT",   SIGQUIT  },
        {"SEGV",   SIGSEGV  },
        {"STKFLT", SIGSTKFLT},
        {"STOP",   SIGSTOP  },
        {"SYS",    SIGSYS   },
        {"TERM",   SIGTERM  },
        {"TRAP",   SIGTRAP  },
        {"TSTP",   SIGTSTP  },
        {"TTIN",   SIGTTIN  },
        {"TTOU",   SIGTTOU  },
        {"UNUSED", SIGSYS   },
        {"URG",    SIGURG   },
        {"USR1",   SIGUSR1  },
        {"USR2",   SIGUSR2  },
        {"VTALRM", SIGVTALRM},
        {"WINCH",  SIGWINCH },
        {"XCPU",   SIGXCPU  },
        {"XFSZ",   SIGXFSZ  },
};

/* One or two digits up to 64, else -1. */
static int small_number(const char *text)
{
    size_t len = strlen(text);
    if (len < 1 || len > 2 || strspn(text, "0123456789") != len)
        return -1;
    long v = strtol(text, NULL, 10);
    return v <= RT_LAST ? (int)v : -1;
}

/* "RTMIN", "RTMIN+n", "RTMAX", "RTMAX-n", else -1. */
static int real_time(const char *name)
{
    bool is_min = strncasecmp(name, "RTMIN", 5) == 0;
    if (!is_min && strncasecmp(name, "RTMAX", 5) != 0)
        return -1;
    int base = is_min ? RT_FIRST : RT_LAST;
    if (!name[5])
        return base;
    int n = small_number(name + 6);
    if (name[5] != (is_min ? '+' : '-') || n < 0 || n > RT_LAST - RT_FIRST)
        return -1;
    return is_min ? base + n : base - n;
}

int cli_signal_parse(const char *text, struct err *e)
{
    int n = small_number(text);
    if (n >= 0)
        return n;
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].number;
    n = real_time(name);
    if (n >= 0)
        return n;
    return err_set(e, ERR_USAGE, "unknown signal '%s'", text);
}
