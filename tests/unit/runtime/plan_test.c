// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/plan.c by birth_plan on bundles in a scratch directory: what is decided before anything is
 * changed, and what is refused.
 */
#include <sched.h>

#include "runtime/birth.h"
#include "tests/unit/runtime/kit.h"

/* A bundle's call: members are laid over the defaults of `plan`. */
struct call {
    struct rt_context ctx;
    struct rt_create req;
    bool is_run;
};

static struct call call_of(const struct kit_dir *dir)
{
    return (struct call){
            .ctx = {.root = "/nonexistent/islet", .cgroup_manager = RT_CGROUPFS},
            .req = {.id = "c1",                   .bundle = dir->path          },
    };
}

/* Writes config.json: the `extra` members of process, linux, and the mounts. */
static void put_config(const struct kit_dir *dir, const char *process, const char *linux_,
        const char *mounts, const char *root)
{
    autofree char *text = str_fmt("{'ociVersion':'1.0.2','root':{'path':'%s'},"
                                  "'process':{'args':['a'],'cwd':'/'%s},'mounts':[%s],"
                                  "'linux':{'namespaces':[{'type':'mount'}]%s}}",
            root, process, mounts, linux_);
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    kit_put(dir->fd, "config.json", text);
    (void)mkdirat(dir->fd, "rootfs", 0755); /* may be there */
}

static void put_config_of(const struct kit_dir *dir, const char *name, const char *root)
{
    autofree char *text = str_fmt("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"%s\"},"
                                  "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},"
                                  "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
            root);
    kit_put(dir->fd, name, text);
    (void)mkdirat(dir->fd, "rootfs", 0755); /* may be there */
}

static void put_plain(const struct kit_dir *dir)
{
    put_config(dir, "", "", "", "rootfs");
}

/* The plan is released by the caller with birth_release, in both cases. */
static int plan(struct birth *b, const struct call *c, struct err *e)
{
    birth_init(b, &c->ctx, &c->req);
    b->is_run = c->is_run;
    return birth_read(b, e) < 0 ? -1 : birth_plan(b, e);
}

static void assert_planned(const struct call *c)
{
    struct err e = {0};
    struct birth b;
    OK(plan(&b, c, &e));
    birth_release(&b);
}

static void assert_refused(const struct call *c, enum err_kind kind, const char *words)
{
    struct err e = {0};
    struct birth b;
    REFUSED(plan(&b, c, &e), kind, words);
    birth_release(&b);
}

static void test_plan_makes_paths_absolute(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    struct err e = {0};
    struct birth b;
    autofree char *crooked = str_fmt("%s/./../%s//", dir->path, strrchr(dir->path, '/') + 1);
    autofree char *rootfs = str_fmt("%s/rootfs", dir->path);
    put_plain(dir);
    c.req.bundle = crooked;
    OK(plan(&b, &c, &e));
    assert_string_equal(b.bundle, dir->path);
    assert_string_equal(b.rootfs, rootfs);
    assert_true(b.config_len == strlen(b.config_text));
    birth_release(&b);
}

static void test_plan_takes_root_by_absolute_path_and_by_link(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    struct err e = {0};
    struct birth b;
    autofree char *rootfs = str_fmt("%s/rootfs", dir->path);
    put_config(dir, "", "", "", rootfs);
    OK(plan(&b, &c, &e));
    assert_string_equal(b.rootfs, rootfs);
    birth_release(&b);
    assert_int_equal(symlinkat("rootfs", dir->fd, "link"), 0);
    put_config(dir, "", "", "", "link");
    OK(plan(&b, &c, &e));
    assert_string_equal(b.rootfs, rootfs);
    birth_release(&b);
}

static void test_plan_refuses_the_host_root(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    static const char *const roots[] = {"/", "//", "/..", "/tmp/..", "../../../../../../.."};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        put_config(dir, "", "", "", roots[i]);
        assert_refused(&c, ERR_CONFIG, "/root/path: '/' is the host's own root");
    }
    assert_int_equal(symlinkat("/", dir->fd, "link"), 0);
    put_config(dir, "", "", "", "link");
    assert_refused(&c, ERR_CONFIG, "/root/path: '/' is the host's own root");
    put_config(dir, "", "", "", "missing");
    assert_refused(&c, ERR_SYSTEM, "config.json: /root/path: ");
}

static void test_plan_names_a_missing_bundle_or_config(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    assert_refused(&c, ERR_SYSTEM, "config.json': No such file or directory");
    c.req.bundle = "/nonexistent/islet";
    assert_refused(&c, ERR_SYSTEM, "bundle: '/nonexistent/islet': No such file or directory");
    c = call_of(dir);
    kit_put(dir->fd, "config.json", "{\"ociVersion\":");
    assert_refused(&c, ERR_CONFIG, "config.json': 1:");
    autofree char *other = str_fmt("%s/other.json", dir->path);
    put_plain(dir);
    assert_int_equal(renameat(dir->fd, "config.json", dir->fd, "other.json"), 0);
    c.req.config = other;
    assert_planned(&c);
}

/* A fifo would hang the call; what the caller names himself may be a pipe (/dev/stdin). */
static void test_plan_reads_regular_files(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    assert_int_equal(mkfifoat(dir->fd, "config.json", 0600), 0);
    assert_refused(&c, ERR_CONFIG, "is not a regular file");
    assert_int_equal(unlinkat(dir->fd, "config.json", 0), 0);
    assert_int_equal(mkdirat(dir->fd, "config.json", 0700), 0);
    assert_refused(&c, ERR_CONFIG, "is not a regular file");
    put_config_of(dir, "other.json", "rootfs");
    autofree char *text = NULL;
    size_t len;
    struct err e = {0};
    OK(fd_read_file(dir->fd, "other.json", 1 << 20, &text, &len, &e));
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    OK(fd_write_all(ends[1], text, len, &e));
    (void)close(ends[1]);
    autofree char *path = str_fmt("/proc/self/fd/%d", ends[0]);
    c.req.config = path;
    assert_planned(&c);
    (void)close(ends[0]);
}

static void test_plan_wants_a_directory_for_root(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    put_config_of(dir, "config.json", "config.json");
    assert_refused(&c, ERR_SYSTEM, "/root/path: '");
    assert_refused(&c, ERR_SYSTEM, "Not a directory");
}

static void test_plan_cleans_destinations(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    static const char *const rows[][2] = {
            {"/a",           "/a"     },
            {"a",            "/a"     },
            {"a/b/",         "/a/b"   },
            {"//a///b//",    "/a/b"   },
            {"/./a/././b/.", "/a/b"   },
            {"/a/../b",      "/a/../b"},
            {"/...",         "/..."   },
            {"/.a/b.",       "/.a/b." },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        struct birth b;
        autofree char *mount =
                str_fmt("{'destination':'%s','type':'tmpfs','source':'tmpfs'}", rows[i][0]);
        put_config(dir, "", "", mount, "rootfs");
        OK(plan(&b, &c, &e));
        assert_int_equal(b.n_mounts, 1);
        assert_string_equal(b.mounts[0].dest, rows[i][1]);
        assert_int_equal(b.mounts[0].source_fd, -1);
        birth_release(&b);
    }
}

static void mount_case(const struct kit_dir *dir, const char *mount, enum err_kind kind,
        const char *words)
{
    struct call c = call_of(dir);
    put_config(dir, "", "", mount, "rootfs");
    if (words)
        assert_refused(&c, kind, words);
    else
        assert_planned(&c);
}

static void test_plan_wants_whole_mounts(void **state)
{
    const struct kit_dir *dir = *state;
    mount_case(dir, "{'destination':'/a','type':'bind'}", ERR_CONFIG,
            "config.json: /mounts/0/source: a bind mount needs one");
    mount_case(dir, "{'destination':'/a','options':['rbind'],'source':''}", ERR_CONFIG,
            "/mounts/0/source: a bind mount needs one");
    mount_case(dir, "{'destination':'/a'}", ERR_CONFIG, "/mounts/0/type: missing");
    mount_case(dir, "{'destination':'/a','type':''}", ERR_CONFIG, "/mounts/0/type: missing");
    mount_case(dir, "{'destination':'/','type':'tmpfs'}", ERR_CONFIG, "'/' is the root itself");
    mount_case(dir, "{'destination':'//.','type':'tmpfs'}", ERR_CONFIG, "'/' is the root itself");
    mount_case(dir, "{'destination':'/a','type':'tmpfs','options':['idmap']}", ERR_UNSUPPORTED,
            "/mounts/0/options: option 'idmap': not supported");
    mount_case(dir, "{'destination':'/a','options':['remount','ro']}", ERR_NONE, NULL);
    mount_case(dir, "{'destination':'/','options':['remount','ro']}", ERR_NONE, NULL);
    mount_case(dir, "{'destination':'/a','options':['bind'],'source':'/b'}", ERR_NONE, NULL);
    mount_case(dir, "{'destination':'/a','type':'bind','source':'b'}", ERR_NONE, NULL);
}

/* CVE-2019-16884: nothing but a procfs makes /proc, and only the files that lxcfs replaces are
 * bound inside. */
static void test_plan_guards_proc(void **state)
{
    const struct kit_dir *dir = *state;
    static const char *const refused[] = {"/proc/self/attr", "/proc/sys", "/proc/1",
            "/proc/../proc/1", "/proc/cpuinfo/x", "//proc//sys//", "proc/sys", "/./proc/sys",
            "/proc/sys/kernel", "/proc/uptime2"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        autofree char *bind =
                str_fmt("{'destination':'%s','type':'bind','source':'/x'}", refused[i]);
        autofree char *tmpfs = str_fmt("{'destination':'%s','type':'tmpfs'}", refused[i]);
        autofree char *proc = str_fmt("{'destination':'%s','type':'proc'}", refused[i]);
        mount_case(dir, bind, ERR_CONFIG, "cannot be mounted because it is inside /proc");
        mount_case(dir, tmpfs, ERR_CONFIG, "cannot be mounted because it is inside /proc");
        mount_case(dir, proc, ERR_CONFIG, "cannot be mounted because it is inside /proc");
    }
    static const char *const allowed[] = {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",
            "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
            "/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"};
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        autofree char *bind =
                str_fmt("{'destination':'%s','type':'bind','source':'/x'}", allowed[i]);
        autofree char *tmpfs = str_fmt("{'destination':'%s','type':'tmpfs'}", allowed[i]);
        mount_case(dir, bind, ERR_NONE, NULL);
        mount_case(dir, tmpfs, ERR_CONFIG, "cannot be mounted because it is inside /proc");
    }
    mount_case(dir, "{'destination':'/proc','type':'tmpfs'}", ERR_CONFIG,
            "/mounts/0: only a procfs may be mounted on /proc");
    mount_case(dir, "{'destination':'/proc/','type':'sysfs'}", ERR_CONFIG, "only a procfs");
    mount_case(dir, "{'destination':'/proc','type':'proc'}", ERR_NONE, NULL);
    mount_case(dir, "{'destination':'/processes','type':'tmpfs'}", ERR_NONE, NULL);
}

static bool wants_dev(const struct kit_dir *dir, const char *mount)
{
    struct call c = call_of(dir);
    struct err e = {0};
    struct birth b;
    put_config(dir, "", "", mount, "rootfs");
    OK(plan(&b, &c, &e));
    bool is_wanted = b.wants_dev;
    birth_release(&b);
    return is_wanted;
}

static void test_plan_leaves_a_bound_dev_alone(void **state)
{
    const struct kit_dir *dir = *state;
    assert_true(wants_dev(dir, ""));
    assert_true(wants_dev(dir, "{'destination':'/dev','type':'tmpfs'}"));
    assert_true(wants_dev(dir, "{'destination':'/dev/x','type':'bind','source':'/x'}"));
    assert_false(wants_dev(dir, "{'destination':'/dev','type':'bind','source':'/dev'}"));
    assert_false(wants_dev(dir, "{'destination':'dev/','options':['rbind'],'source':'/dev'}"));
}

static void test_plan_wants_a_way_out_for_a_terminal(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    const char *tty = ",'terminal':true";
    const char *no_socket = "cannot allocate tty if islet will detach without setting console";
    const char *no_tty = "cannot use console socket if islet will not allocate a tty";
    put_config(dir, tty, "", "", "rootfs");
    assert_refused(&c, ERR_CONFIG, no_socket); /* create detaches always */
    c.req.console_socket = "/x";
    assert_planned(&c);
    c.is_run = true;
    assert_planned(&c);
    c.req.console_socket = NULL;
    assert_planned(&c); /* run in the foreground has ours */
    c.req.is_detached = true;
    assert_refused(&c, ERR_CONFIG, no_socket);
    put_plain(dir);
    assert_planned(&c);
    c.req.console_socket = "/x";
    assert_refused(&c, ERR_CONFIG, no_tty);
    c.is_run = false;
    assert_refused(&c, ERR_CONFIG, no_tty);
}

static void assert_cgroup(const struct call *c, const char *path)
{
    struct err e = {0};
    struct birth b;
    OK(plan(&b, c, &e));
    if (path)
        assert_string_equal(b.cgroup_path, path);
    else
        assert_null(b.cgroup_path);
    birth_release(&b);
}

static void test_plan_places_the_cgroup(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    put_plain(dir);
    assert_cgroup(&c, "/islet-c1");
    put_config(dir, "", ",'cgroupsPath':''", "", "rootfs");
    assert_cgroup(&c, "/islet-c1");
    put_config(dir, "", ",'cgroupsPath':'/a/b'", "", "rootfs");
    assert_cgroup(&c, "/a/b");
    put_config(dir, "", ",'cgroupsPath':'a//./b/'", "", "rootfs");
    assert_cgroup(&c, "/a/b");
    c.ctx.cgroup_manager = RT_CGROUP_DISABLED;
    assert_cgroup(&c, NULL);
    c.ctx.cgroup_manager = RT_CGROUP_SYSTEMD;
    assert_refused(&c, ERR_UNSUPPORTED, "--systemd-cgroup: not supported");
}

static void test_plan_keeps_the_cgroup_below_the_root(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    static const char *const up[] = {"..", "/..", "../a", "/a/../../b", "/a/.."};
    for (size_t i = 0; i < ARRAY_LEN(up); i++) {
        autofree char *text = str_fmt(",'cgroupsPath':'%s'", up[i]);
        put_config(dir, "", text, "", "rootfs");
        assert_refused(&c, ERR_CONFIG, "/linux/cgroupsPath: ");
    }
    static const char *const roots[] = {"/", "//", ".", "/./"};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        autofree char *text = str_fmt(",'cgroupsPath':'%s'", roots[i]);
        put_config(dir, "", text, "", "rootfs");
        assert_refused(&c, ERR_CONFIG, "/linux/cgroupsPath: the root cgroup is the host's");
    }
}

static void put_namespaces(const struct kit_dir *dir, const char *list)
{
    autofree char *text =
            str_fmt(",'namespaces':[%s],'uidMappings':[{'containerID':0,'hostID':1,"
                    "'size':1}],'gidMappings':[{'containerID':0,'hostID':1,'size':1}]",
                    list);
    /* without the namespaces of put_config */
    autofree char *config = str_fmt("{'ociVersion':'1.0.2','root':{'path':'rootfs'},'process':"
                                    "{'args':['a'],'cwd':'/'},'linux':{%s}}",
            text + 1);
    for (char *p = config; *p; p++)
        if (*p == '\'')
            *p = '"';
    kit_put(dir->fd, "config.json", config);
    (void)mkdirat(dir->fd, "rootfs", 0755);
}

static void test_plan_sorts_namespaces(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    struct err e = {0};
    struct birth b;
    put_namespaces(dir, "{'type':'mount'},{'type':'user'},{'type':'pid'},"
                        "{'type':'network','path':'/run/x'},{'type':'cgroup'},{'type':'ipc',"
                        "'path':''},{'type':'uts'}");
    OK(plan(&b, &c, &e));
    const unsigned made = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    assert_int_equal(b.clone_flags, made);
    assert_int_equal(b.late_flags, CLONE_NEWCGROUP); /* rooted where the process then is */
    assert_int_equal(b.join_flags, made | CLONE_NEWCGROUP | CLONE_NEWNET);
    assert_true(b.has_user_ns);
    birth_release(&b);
    put_plain(dir);
    OK(plan(&b, &c, &e));
    assert_int_equal(b.clone_flags, CLONE_NEWNS);
    assert_int_equal(b.join_flags, CLONE_NEWNS);
    assert_false(b.has_user_ns);
    birth_release(&b);
}

static void test_plan_joins_no_mount_namespace(void **state)
{
    const struct kit_dir *dir = *state;
    struct call c = call_of(dir);
    put_namespaces(dir, "{'type':'user'},{'type':'mount','path':'/proc/1/ns/mnt'}");
    assert_refused(&c, ERR_UNSUPPORTED, "/linux/namespaces/1/path: joining a mount namespace");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            DIR_TEST(test_plan_makes_paths_absolute),
            DIR_TEST(test_plan_takes_root_by_absolute_path_and_by_link),
            DIR_TEST(test_plan_refuses_the_host_root),
            DIR_TEST(test_plan_names_a_missing_bundle_or_config),
            DIR_TEST(test_plan_reads_regular_files),
            DIR_TEST(test_plan_wants_a_directory_for_root),
            DIR_TEST(test_plan_cleans_destinations),
            DIR_TEST(test_plan_wants_whole_mounts),
            DIR_TEST(test_plan_guards_proc),
            DIR_TEST(test_plan_leaves_a_bound_dev_alone),
            DIR_TEST(test_plan_wants_a_way_out_for_a_terminal),
            DIR_TEST(test_plan_places_the_cgroup),
            DIR_TEST(test_plan_keeps_the_cgroup_below_the_root),
            DIR_TEST(test_plan_sorts_namespaces),
            DIR_TEST(test_plan_joins_no_mount_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
