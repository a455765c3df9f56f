// SPDX-License-Identifier: Apache-2.0
/*
 * Boots real guests under emulation: a stock kernel below $ISLET_TEST_KERNEL (boot/vmlinuz-V and
 * lib/modules/V; `tests/bed/kernel cloud` prints one), with guest_init.c as /init. Skipped with the
 * reason where there is no kernel, no QEMU, no compiler or no root. ISLET_TEST_TIMES=1 prints the
 * phases of the boot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/fd.h"
#include "base/own.h"
#include "hv/boot/version.h"
#include "hv/hv.h"

#define GUEST_UID 2000123
#define BOOT_MS 60000

static const char *const modules[] = {"virtio_mmio", "virtio_console", "virtio_rng", "virtiofs",
        "overlay", NULL};

static struct {
    const char *skip; /* why nothing can be booted */
    char dir[64];
    struct vm_kernel kernel;
    char *initramfs;
    int cgroup_fd;     /* -1: none */
    const char *share; /* NULL: a fresh directory */
} bench = {.cgroup_fd = -1};

struct guest {
    struct vm vm;
    int channel;
    int share_fd;
    char share[128];
    char console[128];
    char heard[8192]; /* on the channel */
    size_t len;
    struct timespec born;
    long hello_ms;
    long end_ms;
    enum vm_end end;
    bool is_ended;
};

static char *path_of(const char *name)
{
    return str_fmt("%s/%s", bench.dir, name);
}

/* islet-image is found relative to the executable, here this test; so is its guest. */
static char *exe_dir(void)
{
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    assert_true(n > 0);
    exe[n] = '\0';
    *strrchr(exe, '/') = '\0';
    return str_dup(exe);
}

static bool helper_link(const char *dir)
{
    autofree char *link = str_fmt("%s/libexec", dir);
    autofree char *helper = str_fmt("%s/libexec/islet-image", dir);
    if (symlink("../../libexec", link) < 0)
        assert_int_equal(errno, EEXIST);
    return access(helper, X_OK) == 0;
}

static int bench_setup(void **state)
{
    (void)state;
    struct err e = {0};
    const char *tree = getenv("ISLET_TEST_KERNEL");
    autofree char *vmlinuz = NULL;
    autofree char *dir = exe_dir();
    autofree char *init = str_fmt("%s/guest_init", dir);
    if (!tree)
        bench.skip = "no kernel: set ISLET_TEST_KERNEL to a tree";
    else if (geteuid() != 0)
        bench.skip = "not root";
    else if (!helper_link(dir))
        bench.skip = "no islet-image: make helpers";
    else if (access(init, X_OK) < 0)
        bench.skip = "no guest_init: make unit-programs";
    if (bench.skip)
        return 0;
    /* What tests mount goes with us. */
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    autofree char *boot = str_fmt("%s/boot", tree);
    if (version_newest(boot, "vmlinuz-", &vmlinuz, &e) < 0) {
        bench.skip = "no kernel below ISLET_TEST_KERNEL";
        return 0;
    }
    (void)snprintf(bench.dir, sizeof(bench.dir), "/tmp/islet-vm-test.XXXXXX");
    assert_non_null(mkdtemp(bench.dir));
    autofree char *cache = path_of("cache");
    if (vm_kernel_find(vmlinuz, cache, &bench.kernel, &e) < 0 ||
            vm_initramfs(&bench.kernel, init, modules, cache, &bench.initramfs, &e) < 0)
        fail_msg("%s", e.text);
    return 0;
}

static int bench_teardown(void **state)
{
    (void)state;
    struct err e;
    vm_kernel_release(&bench.kernel);
    mem_free(bench.initramfs);
    return *bench.dir ? fd_remove_tree(AT_FDCWD, bench.dir, &e) : 0;
}

static long ms_since(const struct timespec *t)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000;
}

static void guest_start(struct guest *g, const char *how, bool is_readonly)
{
    struct err e = {0};
    int pair[2];
    static int serial;
    *g = (struct guest){.channel = -1};
    autofree char *run = str_fmt("%s/run", bench.dir);
    (void)snprintf(g->share, sizeof(g->share), "%s/share%d.%d", bench.dir, (int)getpid(), ++serial);
    (void)snprintf(g->console, sizeof(g->console), "%s/console%d.%d", bench.dir, (int)getpid(),
            serial);
    (void)mkdir(run, 0700);
    if (bench.share)
        (void)snprintf(g->share, sizeof(g->share), "%s", bench.share);
    else
        assert_int_equal(mkdir(g->share, 0755), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    autoclose int console = open(g->console, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    autoclose int share = open(g->share, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct vm_config c = {
            .name = "test",
            .run_dir = run,
            .kernel = &bench.kernel,
            .initramfs = bench.initramfs,
            .cmdline_extra = how,
            .accel = VM_ACCEL_EMULATED,
            .vcpus = getenv("ISLET_TEST_VCPUS") ? 2 : 1,
            .memory = 256u << 20,
            .share_fd = share,
            .share_readonly = is_readonly,
            .cgroup_fd = bench.cgroup_fd,
            .channel_fd = pair[1],
            .console_fd = console,
            .uid_base = GUEST_UID,
    };
    clock_gettime(CLOCK_MONOTONIC, &g->born);
    int rc = vm_spawn(&c, &g->vm, &e);
    if (rc < 0)
        fail_msg("%s", e.text);
    close(pair[1]);
    g->channel = pair[0];
}

/* Runs until `text` was heard on the channel (NULL: never), or the end. */
static void guest_run(struct guest *g, const char *text)
{
    struct err e;
    while (ms_since(&g->born) < BOOT_MS) {
        struct pollfd p[] = {
                {.fd = g->vm.events_fd, .events = POLLIN},
                {.fd = g->channel,      .events = POLLIN}
        };
        assert_true(poll(p, 2, 1000) >= 0);
        assert_int_equal(vm_poll(&g->vm, &g->is_ended, &g->end, &e), 0);
        ssize_t n =
                recv(g->channel, g->heard + g->len, sizeof(g->heard) - 1 - g->len, MSG_DONTWAIT);
        if (n > 0)
            g->len += (size_t)n;
        if (g->len && !g->hello_ms)
            g->hello_ms = ms_since(&g->born);
        if (g->is_ended) {
            g->end_ms = ms_since(&g->born);
            return;
        }
        if (text && strstr(g->heard, text))
            return;
    }
    fail_msg("the guest is still running; heard: %s", g->heard);
}

static void assert_end(const struct guest *g, enum vm_end end)
{
    if (g->end != end)
        fail_msg("ended as %d (%s); heard: %s", (int)g->end, vm_why(&g->vm), g->heard);
}

static void guest_end(struct guest *g)
{
    vm_release(&g->vm);
    own_close(&g->channel);
}

static char *console_text(const struct guest *g)
{
    struct err e;
    char *text = NULL;
    assert_int_equal(fd_read_file(AT_FDCWD, g->console, 4u << 20, &text, NULL, &e), 0);
    return text;
}

static bool can_boot(void)
{
    if (bench.skip)
        print_message("SKIP: %s\n", bench.skip);
    return !bench.skip;
}

static bool is_alive(pid_t pid)
{
    autofree char *path = str_fmt("/proc/%d/stat", (int)pid);
    autofree char *text = NULL;
    struct err e;
    if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL, &e) < 0)
        return false;
    const char *paren = strrchr(text, ')');
    return paren && paren[2] != 'Z' && paren[2] != 'X';
}

/* -- the tests -------------------------------------------------------------------------------- */

static void check_files(const struct guest *g)
{
    struct stat st;
    char buf[64] = "";
    autoclose int dir = open(g->share, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fstatat(dir, "made", &st, 0), 0);
    assert_int_equal(st.st_uid, 1234);
    assert_int_equal(st.st_gid, 100000);
    assert_int_equal(st.st_mode, S_IFREG | 04751);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(fstatat(dir, "rootfile", &st, 0), 0);
    assert_int_equal(st.st_uid, 0);
    assert_int_equal(st.st_gid, 0);
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    assert_int_equal(fstatat(dir, "dir", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 01777);
    assert_int_equal(readlinkat(dir, "dir/link", buf, sizeof(buf) - 1), 11);
    assert_string_equal(buf, "/etc/shadow");
    assert_int_equal(fstatat(dir, "dir/fifo2", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(fstatat(dir, "dir/sock", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(fstatat(dir, "dir/null", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    autofree char *made = str_fmt("%s/made", g->share);
    assert_int_equal(getxattr(made, "user.islet", buf, sizeof(buf)), 1);
    autofree char *rootfile = str_fmt("%s/rootfile", g->share);
    assert_int_equal(getxattr(rootfile, "security.capability", buf, sizeof(buf)), 20);
}

static void test_vm_boots_shares_files_and_powers_off(void **state)
{
    (void)state;
    struct guest g;
    if (!can_boot())
        skip();
    guest_start(&g, "islet.files islet.test=poweroff", false);
    guest_run(&g, NULL);
    assert_end(&g, VM_END_POWEROFF);
    assert_int_equal(strncmp(g.heard, "hello\n", 6), 0);
    assert_null(strstr(g.heard, "fail "));
    assert_non_null(strstr(g.heard, "ok rename"));
    check_files(&g);
    if (getenv("ISLET_TEST_TIMES"))
        print_message("%s: hello after %ld ms, end after %ld ms\n%s", bench.kernel.release,
                g.hello_ms, g.end_ms, strstr(g.heard, "phase"));
    guest_end(&g);
}

/* The shared tree may have mounts in it, as a VM's volumes are; they come along. */
static void test_vm_shares_the_mounts_below(void **state)
{
    (void)state;
    struct guest g;
    struct stat st;
    if (!can_boot())
        skip();
    autofree char *tree = path_of("tree");
    autofree char *sub = path_of("tree/sub");
    assert_int_equal(mkdir(tree, 0755) | mkdir(sub, 0755), 0);
    assert_int_equal(mount("sub", sub, "tmpfs", 0, NULL), 0);
    bench.share = tree;
    guest_start(&g, "islet.sub islet.test=poweroff", false);
    bench.share = NULL;
    guest_run(&g, NULL);
    assert_end(&g, VM_END_POWEROFF);
    assert_non_null(strstr(g.heard, "ok sub"));
    autofree char *file = str_fmt("%s/file", sub);
    assert_int_equal(stat(file, &st), 0);
    guest_end(&g);
    assert_int_equal(umount2(sub, MNT_DETACH), 0);
    assert_int_equal(stat(file, &st), -1); /* it was on the mount, not under it */
}

static void test_vm_tells_reboot_from_panic(void **state)
{
    (void)state;
    struct guest g;
    if (!can_boot())
        skip();
    guest_start(&g, "islet.test=reboot", false);
    guest_run(&g, NULL);
    assert_end(&g, VM_END_REBOOT);
    guest_end(&g);
    guest_start(&g, "islet.test=panic", false);
    guest_run(&g, NULL);
    assert_end(&g, VM_END_PANIC);
    autofree char *text = console_text(&g);
    assert_non_null(strstr(text, "Attempted to kill init"));
    guest_end(&g);
}

static void test_vm_share_can_be_read_only(void **state)
{
    (void)state;
    struct guest g;
    if (!can_boot())
        skip();
    guest_start(&g, "islet.files islet.test=poweroff", true);
    guest_run(&g, NULL);
    assert_end(&g, VM_END_POWEROFF);
    assert_non_null(strstr(g.heard, "ok mount"));
    assert_non_null(strstr(g.heard, "fail create: Read-only file system"));
    assert_non_null(strstr(g.heard, "fail mkdir: Read-only file system"));
    guest_end(&g);
}

static void test_vm_death_of_either_process_ends_both(void **state)
{
    (void)state;
    if (!can_boot())
        skip();
    for (int i = 0; i < 2; i++) {
        struct guest g;
        guest_start(&g, "islet.test=hang", false);
        guest_run(&g, "phase mount");
        pid_t vmm = g.vm.vmm_pid;
        pid_t fs = g.vm.fs_pid;
        assert_true(is_alive(vmm) && is_alive(fs));
        assert_int_equal(kill(i ? fs : vmm, SIGKILL), 0);
        guest_run(&g, NULL);
        assert_end(&g, VM_END_CRASH);
        assert_non_null(strstr(vm_why(&g.vm), i ? "virtiofsd" : "qemu"));
        assert_false(is_alive(vmm) || is_alive(fs));
        guest_end(&g);
    }
}

static void test_vm_kill_is_final_and_idempotent(void **state)
{
    (void)state;
    struct guest g;
    struct err e;
    if (!can_boot())
        skip();
    guest_start(&g, "islet.test=hang", false);
    pid_t vmm = g.vm.vmm_pid;
    pid_t fs = g.vm.fs_pid;
    vm_kill(&g.vm);
    vm_kill(&g.vm);
    assert_false(is_alive(vmm) || is_alive(fs));
    assert_int_equal(vm_poll(&g.vm, &g.is_ended, &g.end, &e), 0);
    assert_true(g.is_ended && g.end == VM_END_CRASH);
    guest_end(&g);
    vm_release(&g.vm);
}

/* Living processes with `text` in their arguments. */
static int count_users_of(const char *text)
{
    int n = 0;
    autodir DIR *d = opendir("/proc");
    struct dirent *entry;
    while ((entry = readdir(d))) {
        autofree char *path = str_fmt("/proc/%.20s/cmdline", entry->d_name);
        autofree char *line = NULL;
        size_t len = 0;
        struct err e;
        if (fd_read_file(AT_FDCWD, path, 1u << 16, &line, &len, &e) == 0 &&
                memmem(line, len, text, strlen(text)) &&
                is_alive((pid_t)strtol(entry->d_name, NULL, 10)))
            n++;
    }
    return n;
}

static void test_vm_dies_with_its_host_process(void **state)
{
    (void)state;
    int pipefd[2];
    pid_t pids[2];
    if (!can_boot())
        skip();
    assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
    pid_t host = fork();
    assert_true(host >= 0);
    if (host == 0) {
        struct guest g;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)alarm(BOOT_MS / 1000 + 5);
        guest_start(&g, "islet.test=hang", false);
        guest_run(&g, "phase mount");
        pids[0] = g.vm.vmm_pid;
        pids[1] = g.vm.fs_pid;
        (void)!write(pipefd[1], pids, sizeof(pids));
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(pipefd[0], pids, sizeof(pids)), sizeof(pids));
    assert_true(is_alive(pids[0]) && is_alive(pids[1]));
    assert_true(count_users_of("source=/share") + count_users_of("--shared-dir=/share") >= 1);
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(waitpid(host, NULL, 0), host);
    for (int i = 0; i < 200 && (is_alive(pids[0]) || is_alive(pids[1])); i++)
        (void)usleep(10000);
    assert_false(is_alive(pids[0]) || is_alive(pids[1]));
    close(pipefd[0]);
    close(pipefd[1]);
}

/* What the kernel says about the two processes. */
static char *status_line(pid_t pid, const char *key)
{
    autofree char *path = str_fmt("/proc/%d/status", (int)pid);
    autofree char *text = NULL;
    struct err e;
    assert_int_equal(fd_read_file(AT_FDCWD, path, 1u << 16, &text, NULL, &e), 0);
    const char *at = strstr(text, key);
    assert_non_null(at);
    at += strlen(key);
    at += strspn(at, ":\t ");
    return str_ndup(at, strcspn(at, "\n"));
}

static void assert_own_namespaces(pid_t pid)
{
    static const char *const names[] = {"mnt", "pid", "ipc", "uts", "net"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char mine[64] = "";
        char its[64] = "";
        autofree char *a = str_fmt("/proc/self/ns/%s", names[i]);
        autofree char *b = str_fmt("/proc/%d/ns/%s", (int)pid, names[i]);
        assert_true(readlink(a, mine, sizeof(mine) - 1) > 0);
        assert_true(readlink(b, its, sizeof(its) - 1) > 0);
        assert_string_not_equal(mine, its);
    }
}

/* The process that virtiofsd forks into its own sandbox. */
static pid_t first_child(pid_t pid)
{
    autofree char *path = str_fmt("/proc/%d/task/%d/children", (int)pid, (int)pid);
    autofree char *text = NULL;
    struct err e;
    assert_int_equal(fd_read_file(AT_FDCWD, path, 4096, &text, NULL, &e), 0);
    return (pid_t)strtol(text, NULL, 10);
}

static void assert_line(pid_t pid, const char *key, const char *want)
{
    autofree char *got = status_line(pid, key);
    assert_string_equal(got, want);
}

static void assert_root_lacks(pid_t pid, const char *name)
{
    autofree char *path = str_fmt("/proc/%d/root/%s", (int)pid, name);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_vm_qemu_is_confined(void **state)
{
    (void)state;
    struct guest g;
    if (!can_boot())
        skip();
    guest_start(&g, "islet.test=hang", false);
    guest_run(&g, "phase mount");
    pid_t pid = g.vm.vmm_pid;
    assert_own_namespaces(pid);
    assert_line(pid, "Uid", "2000123\t2000123\t2000123\t2000123");
    assert_line(pid, "Gid", "2000123\t2000123\t2000123\t2000123");
    assert_line(pid, "Groups", "");
    assert_line(pid, "CapPrm", "0000000000000000");
    assert_line(pid, "CapBnd", "0000000000000000");
    assert_line(pid, "NoNewPrivs", "1");
    assert_line(pid, "Seccomp", "2");
    assert_root_lacks(pid, "etc/passwd");
    assert_root_lacks(pid, "proc");
    assert_root_lacks(pid, "share");
    guest_end(&g);
}

static void test_vm_virtiofsd_is_confined(void **state)
{
    (void)state;
    struct guest g;
    struct stat root;
    struct stat share;
    if (!can_boot())
        skip();
    guest_start(&g, "islet.test=hang", false);
    guest_run(&g, "phase mount");
    pid_t pid = first_child(g.vm.fs_pid);
    assert_own_namespaces(g.vm.fs_pid);
    assert_own_namespaces(pid);
    assert_line(pid, "NoNewPrivs", "1");
    assert_line(pid, "Seccomp", "2");
    autofree char *caps = status_line(pid, "CapPrm");
    uint64_t file_caps = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 27;
    assert_int_equal(strtoull(caps, NULL, 16) & ~(file_caps | 1ull << 31), 0);
    autofree char *path = str_fmt("/proc/%d/root", (int)pid);
    assert_int_equal(stat(path, &root), 0);
    assert_int_equal(stat(g.share, &share), 0);
    assert_int_equal(root.st_ino, share.st_ino);
    guest_end(&g);
}

static void test_vm_processes_start_in_the_given_cgroup(void **state)
{
    static const char *const places[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
    (void)state;
    struct guest g;
    int fd = -1;
    autofree char *path = NULL;
    if (!can_boot())
        skip(); /* a jump: nothing may be held here */
    autofree char *name = str_fmt("islet-vm-test.%d", (int)getpid());
    for (size_t i = 0; i < ARRAY_LEN(places) && fd < 0; i++) {
        autofree char *procs = str_fmt("%s/cgroup.procs", places[i]);
        mem_free(path);
        path = str_fmt("%s/%s", places[i], name);
        if (access(procs, F_OK) == 0 && mkdir(path, 0755) == 0)
            fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        skip();
    bench.cgroup_fd = fd;
    guest_start(&g, "islet.test=hang", false);
    bench.cgroup_fd = -1;
    pid_t pids[] = {g.vm.vmm_pid, g.vm.fs_pid};
    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        struct err e;
        autofree char *file = str_fmt("/proc/%d/cgroup", (int)pids[i]);
        autofree char *text = NULL;
        assert_int_equal(fd_read_file(AT_FDCWD, file, 4096, &text, NULL, &e), 0);
        assert_non_null(strstr(text, name));
    }
    guest_end(&g);
    close(fd);
    assert_int_equal(rmdir(path), 0); /* nothing is left in it */
}

static void test_vm_spawn_names_what_is_wrong(void **state)
{
    (void)state;
    struct err e;
    struct vm vm;
    struct vm_kernel kernel = {.vmlinux = bench.kernel.vmlinux};
    if (!can_boot())
        skip();
    struct vm_config c = {.name = "bad",
            .run_dir = bench.dir,
            .kernel = &kernel,
            .initramfs = "/nonexistent/initramfs",
            .accel = VM_ACCEL_EMULATED,
            .vcpus = 1,
            .memory = 1u << 20,
            .share_fd = -1,
            .cgroup_fd = -1,
            .channel_fd = 0,
            .console_fd = 2,
            .uid_base = GUEST_UID};
    assert_int_equal(vm_spawn(&c, &vm, &e), -1);
    assert_non_null(strstr(e.text, "'bad'"));
    assert_non_null(strstr(e.text, "memory"));
    c.memory = 256u << 20;
    assert_int_equal(vm_spawn(&c, &vm, &e), -1);
    assert_non_null(strstr(e.text, "/nonexistent/initramfs"));
}

static void test_vm_boots_the_image_that_cannot_be_unpacked(void **state)
{
    (void)state;
    struct guest g;
    struct vm_kernel kernel = bench.kernel;
    if (!can_boot())
        skip();
    autofree char *copy = path_of("bzImage");
    autofree char *data = NULL;
    size_t len = 0;
    struct err e;
    assert_int_equal(fd_read_file(AT_FDCWD, kernel.vmlinuz, 256u << 20, &data, &len, &e), 0);
    assert_int_equal(fd_write_atomic(AT_FDCWD, copy, data, len, 0644, &e), 0);
    bench.kernel.vmlinux = copy;
    guest_start(&g, "islet.test=poweroff", false);
    bench.kernel = kernel;
    guest_run(&g, NULL);
    assert_end(&g, VM_END_POWEROFF);
    if (getenv("ISLET_TEST_TIMES"))
        print_message("bzImage: hello after %ld ms, end after %ld ms\n", g.hello_ms, g.end_ms);
    guest_end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_vm_boots_shares_files_and_powers_off),
            cmocka_unit_test(test_vm_shares_the_mounts_below),
            cmocka_unit_test(test_vm_tells_reboot_from_panic),
            cmocka_unit_test(test_vm_share_can_be_read_only),
            cmocka_unit_test(test_vm_death_of_either_process_ends_both),
            cmocka_unit_test(test_vm_kill_is_final_and_idempotent),
            cmocka_unit_test(test_vm_dies_with_its_host_process),
            cmocka_unit_test(test_vm_qemu_is_confined),
            cmocka_unit_test(test_vm_virtiofsd_is_confined),
            cmocka_unit_test(test_vm_processes_start_in_the_given_cgroup),
            cmocka_unit_test(test_vm_spawn_names_what_is_wrong),
            cmocka_unit_test(test_vm_boots_the_image_that_cannot_be_unpacked),
    };
    cmocka_set_test_filter(getenv("ISLET_TEST_ONLY"));
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
