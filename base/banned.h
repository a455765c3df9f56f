// SPDX-License-Identifier: Apache-2.0
/* Included into every source by the Makefile: calls that this project does not make, by name. */
#ifndef ISLET_BASE_BANNED_H
#define ISLET_BASE_BANNED_H

#ifndef ISLET_FREESTANDING
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll system    \
        popen
#pragma GCC poison gets mktemp tmpnam tempnam
#endif

#endif
