// SPDX-License-Identifier: Apache-2.0
/*
 * HOME from a container's /etc/passwd: the first byte chooses the uid, the rest is the file. What
 * comes out is an absolute path of one line that stands in the file, or "/".
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/own.h"
#include "runtime/launch.h"

static char dir[] = "/tmp/islet-fuzz-passwd-XXXXXX";
static int root = -1, file = -1;

static void clean(void)
{
    struct err e;
    neglect(fd_remove_tree(AT_FDCWD, dir, &e)); /* a scratch directory */
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    ASSERT(mkdtemp(dir));
    (void)atexit(clean);
    root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(root >= 0 && mkdirat(root, "etc", 0755) == 0);
    file = openat(root, "etc/passwd", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ASSERT(file >= 0);
    return 0;
}

static bool holds(const uint8_t *data, size_t len, const char *text)
{
    return memmem(data, len, text, strlen(text)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint64_t uids[] = {0, 1, 5, 1000, 65534, UINT32_MAX - 1};
    if (len < 1)
        return 0;
    struct spec_process p = {
            .user.uid = {true, uids[data[0] % ARRAY_LEN(uids)]}
    };
    data++;
    len--;
    ASSERT(ftruncate(file, 0) == 0);
    if (pwrite(file, data, len, 0) != (ssize_t)len) /* the disk is full */
        return 0;
    autofree char *home = launch_home(root, &p);
    ASSERT(home && strncmp(home, "HOME=/", 6) == 0);
    if (strcmp(home, "HOME=/") == 0)
        return 0;
    ASSERT(!strchr(home, '\n') && !strchr(home, ':') && holds(data, len, home + 5));
    autofree char *number = str_fmt("%llu", (unsigned long long)p.user.uid.v);
    ASSERT(holds(data, len, number));
    return 0;
}
