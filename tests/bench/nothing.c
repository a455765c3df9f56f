// SPDX-License-Identifier: Apache-2.0
/* The payload of measurements: ends at once; with any argument it stays until it is killed. */
#include <unistd.h>

int main(int argc, char **argv)
{
    (void)argv;
    while (argc > 1)
        pause();
    return 0;
}
