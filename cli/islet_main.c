// SPDX-License-Identifier: Apache-2.0
/*
 * islet's only main. The same binary plays several parts: as "@name" it is a role that another
 * islet started, as process 1 called /init it is the agent of a guest, else it is the command line.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbs.h"

#if __has_include("runtime/vm/vm.h")
#include "runtime/vm/vm.h"
#else
int vm_host_main(int argc, char **argv);
int vm_agent_main(int argc, char **argv);
#endif

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} roles[] = {
        {"@vmhost", vm_host_main },
        {"@agent",  vm_agent_main},
};

int main(int argc, char **argv)
{
    (void)signal(SIGCHLD, SIG_DFL); /* a caller that ignores it would have our children reaped */
    if (argc > 1 && argv[1][0] == '@')
        for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
            if (strcmp(argv[1], roles[i].name) == 0)
                return roles[i].main(argc, argv);
    if (argc > 0 && getpid() == 1 && strcmp(argv[0], "/init") == 0)
        return vm_agent_main(argc, argv);
    return cli_main(argv);
}
