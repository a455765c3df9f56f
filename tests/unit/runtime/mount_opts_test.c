// SPDX-License-Identifier: Apache-2.0
/*
 * runtime/mount_opts.c: what each option of an OCI mount becomes (runtime-spec config#mounts). The
 * atime options are checked by the rule of mount_setattr(2): MOUNT_ATTR__ATIME is cleared whole
 * whenever one of its values is set.
 */
#include <linux/mount.h>
#include <sys/mount.h>

#include "runtime/mount_opts.h"
#include "tests/unit/runtime/kit.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

enum { MAX_OPTIONS = 16 };

/* Options separated by commas, parsed; the strings stay with `words` until words_release. */
struct words {
    char *list[MAX_OPTIONS];
    size_t n;
};

static int parse(const char *text, struct words *w, struct mount_opts *o, struct err *e)
{
    *w = (struct words){0};
    for (const char *p = text; *p && w->n < MAX_OPTIONS; p += *p == ',') {
        size_t len = strcspn(p, ",");
        w->list[w->n++] = str_ndup(p, len);
        p += len;
    }
    return mount_opts_parse(w->list, w->n, o, e);
}

static void words_release(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        mem_free(w->list[i]);
}

static void assert_attrs(const char *text, uint64_t set, uint64_t clear, uint64_t rec_set,
        uint64_t rec_clear)
{
    struct err e = {0};
    struct mount_opts o;
    struct words w;
    OK(parse(text, &w, &o, &e));
    if (o.set != set || o.clear != clear || o.rec_set != rec_set || o.rec_clear != rec_clear)
        fail_msg("%s: set %#lx clear %#lx, recursive %#lx %#lx", text, (long)o.set, (long)o.clear,
                (long)o.rec_set, (long)o.rec_clear);
    assert_int_equal(o.n_sb, 0);
    assert_false(o.is_bind || o.is_rbind || o.is_remount || o.propagation);
    mount_opts_release(&o);
    words_release(&w);
}

static const struct {
    const char *name;
    uint64_t set, clear;
} attrs[] = {
        {"ro",            MOUNT_ATTR_RDONLY,      0                     },
        {"rw",            0,                      MOUNT_ATTR_RDONLY     },
        {"nosuid",        MOUNT_ATTR_NOSUID,      0                     },
        {"suid",          0,                      MOUNT_ATTR_NOSUID     },
        {"nodev",         MOUNT_ATTR_NODEV,       0                     },
        {"dev",           0,                      MOUNT_ATTR_NODEV      },
        {"noexec",        MOUNT_ATTR_NOEXEC,      0                     },
        {"exec",          0,                      MOUNT_ATTR_NOEXEC     },
        {"noatime",       MOUNT_ATTR_NOATIME,     MOUNT_ATTR__ATIME     },
        {"atime",         0,                      MOUNT_ATTR__ATIME     },
        {"relatime",      MOUNT_ATTR_RELATIME,    MOUNT_ATTR__ATIME     },
        {"norelatime",    0,                      MOUNT_ATTR__ATIME     },
        {"strictatime",   MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME     },
        {"nostrictatime", 0,                      MOUNT_ATTR__ATIME     },
        {"nodiratime",    MOUNT_ATTR_NODIRATIME,  0                     },
        {"diratime",      0,                      MOUNT_ATTR_NODIRATIME },
        {"nosymfollow",   MOUNT_ATTR_NOSYMFOLLOW, 0                     },
        {"symfollow",     0,                      MOUNT_ATTR_NOSYMFOLLOW},
};

static const char *const others[] = {"bind", "rbind", "remount", "private", "rprivate", "slave",
        "rslave", "shared", "rshared", "unbindable", "runbindable", "defaults", "loud", "silent"};

static void test_mount_opts_attributes_stand_for_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
        autofree char *recursive = str_fmt("r%s", attrs[i].name);
        assert_attrs(attrs[i].name, attrs[i].set, attrs[i].clear, 0, 0);
        assert_attrs(recursive, 0, 0, attrs[i].set, attrs[i].clear);
    }
}

/* "rro" is recursive "ro", but "ro" with an r is also "remount" to a careless parser; and "relatime"
 * and "rbind" are no r-forms. */
static void test_mount_opts_r_forms_are_of_attributes_only(void **state)
{
    (void)state;
    static const char *const not_ours[] = {"rrro", "rdefaults", "rloud", "rremount", "rrbind",
            "elatime", "rsize=1", "r", "rr", "rrprivate"};
    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++) {
        struct err e = {0};
        struct mount_opts o;
        struct words w;
        OK(parse(not_ours[i], &w, &o, &e));
        if (o.n_sb != 1 || o.sb[0] != w.list[0])
            fail_msg("%s: taken for an option of ours", not_ours[i]);
        mount_opts_release(&o);
        words_release(&w);
    }
    assert_attrs("relatime", 0, MOUNT_ATTR__ATIME, 0, 0);
    assert_attrs("rrelatime", 0, 0, 0, MOUNT_ATTR__ATIME);
}

static void test_mount_opts_last_one_wins(void **state)
{
    (void)state;
    const uint64_t ro = MOUNT_ATTR_RDONLY;
    const uint64_t all = MOUNT_ATTR__ATIME;
    assert_attrs("ro,rw", 0, ro, 0, 0);
    assert_attrs("rw,ro", ro, 0, 0, 0);
    assert_attrs("ro,rw,ro", ro, 0, 0, 0);
    assert_attrs("rro,rrw", 0, 0, 0, ro);
    assert_attrs("rrw,rro", 0, 0, ro, 0);
    assert_attrs("nosuid,suid", 0, MOUNT_ATTR_NOSUID, 0, 0);
    assert_attrs("noexec,exec,noexec", MOUNT_ATTR_NOEXEC, 0, 0, 0);
    assert_attrs("noatime,strictatime", MOUNT_ATTR_STRICTATIME, all, 0, 0);
    assert_attrs("strictatime,noatime", MOUNT_ATTR_NOATIME, all, 0, 0);
    assert_attrs("strictatime,relatime", 0, all, 0, 0);
    assert_attrs("nodiratime,noatime", MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOATIME, all, 0, 0);
    assert_attrs("rnoatime,rrelatime", 0, 0, 0, all);
}

/* The mount itself and the tree below are told apart, whatever the order. */
static void test_mount_opts_keeps_plain_and_recursive_apart(void **state)
{
    (void)state;
    const uint64_t ro = MOUNT_ATTR_RDONLY;
    assert_attrs("rro,rw", 0, ro, ro, 0);
    assert_attrs("rw,rro", 0, ro, ro, 0);
    assert_attrs("ro,rnosuid,nodev", ro | MOUNT_ATTR_NODEV, 0, MOUNT_ATTR_NOSUID, 0);
}

static void test_mount_opts_propagation_is_the_last(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t propagation;
        bool is_rec;
    } rows[] = {
            {"private",           MS_PRIVATE,    false},
            {"rprivate",          MS_PRIVATE,    true },
            {"slave",             MS_SLAVE,      false},
            {"rslave",            MS_SLAVE,      true },
            {"shared",            MS_SHARED,     false},
            {"rshared",           MS_SHARED,     true },
            {"unbindable",        MS_UNBINDABLE, false},
            {"runbindable",       MS_UNBINDABLE, true },
            {"rprivate,shared",   MS_SHARED,     false},
            {"shared,rslave",     MS_SLAVE,      true },
            {"rslave,unbindable", MS_UNBINDABLE, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        struct mount_opts o;
        struct words w;
        OK(parse(rows[i].text, &w, &o, &e));
        assert_int_equal(o.propagation, rows[i].propagation);
        assert_int_equal(o.is_propagation_rec, rows[i].is_rec);
        assert_int_equal(o.set | o.clear | o.rec_set | o.rec_clear, 0);
        if (w.n == 1)
            assert_int_equal(mount_propagation(rows[i].text),
                    rows[i].propagation | (rows[i].is_rec ? MS_REC : 0));
        mount_opts_release(&o);
        words_release(&w);
    }
    assert_int_equal(mount_propagation("ro"), 0);
    assert_int_equal(mount_propagation(""), 0);
    assert_int_equal(mount_propagation("rrprivate"), 0);
}

static void test_mount_opts_bind_and_remount_are_flags(void **state)
{
    (void)state;
    struct err e = {0};
    struct mount_opts o;
    struct words w;
    OK(parse("bind,ro", &w, &o, &e));
    assert_true(o.is_bind && !o.is_rbind && !o.is_remount);
    assert_int_equal(o.set, MOUNT_ATTR_RDONLY);
    mount_opts_release(&o);
    words_release(&w);
    OK(parse("rbind,remount,defaults,loud,silent", &w, &o, &e));
    assert_true(o.is_bind && o.is_rbind && o.is_remount);
    assert_int_equal(o.n_sb, 0);
    mount_opts_release(&o);
    words_release(&w);
}

/* Whatever is left is the file system's, in order, unchanged. */
static void test_mount_opts_unknown_ones_go_to_the_file_system(void **state)
{
    (void)state;
    struct err e = {0};
    struct mount_opts o;
    struct words w;
    OK(parse("size=64k,ro,mode=755,sync,RO,lowerdir=/a:/b,ro=1", &w, &o, &e));
    assert_int_equal(o.n_sb, 6);
    assert_string_equal(o.sb[0], "size=64k");
    assert_string_equal(o.sb[1], "mode=755");
    assert_string_equal(o.sb[2], "sync");
    assert_string_equal(o.sb[3], "RO");
    assert_string_equal(o.sb[4], "lowerdir=/a:/b");
    assert_string_equal(o.sb[5], "ro=1");
    assert_int_equal(o.set, MOUNT_ATTR_RDONLY);
    mount_opts_release(&o);
    assert_null(o.sb);
    words_release(&w);
}

static void test_mount_opts_none_is_nothing(void **state)
{
    (void)state;
    assert_attrs("", 0, 0, 0, 0);
    struct err e = {0};
    struct mount_opts o;
    OK(mount_opts_parse(NULL, 0, &o, &e));
    assert_int_equal(o.n_sb, 0);
    mount_opts_release(&o);
}

static void test_mount_opts_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    static const char *const refused[] = {"idmap", "ridmap", "tmpcopyup"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err e = {0};
        struct mount_opts o = {0};
        struct words w;
        autofree char *text = str_fmt("ro,size=1,%s", refused[i]);
        autofree char *words = str_fmt("option '%s': not supported", refused[i]);
        REFUSED(parse(text, &w, &o, &e), ERR_UNSUPPORTED, words);
        assert_null(o.sb);
        words_release(&w);
    }
}

static bool is_named(const char *name)
{
    for (const char *const *p = mount_opts_names(); *p; p++)
        if (strcmp(*p, name) == 0)
            return true;
    return false;
}

/* `features` tells clients what will be understood: containerd asks it for "rro". */
static void test_mount_opts_names_are_what_is_accepted(void **state)
{
    (void)state;
    size_t n = 0;
    for (const char *const *p = mount_opts_names(); *p; p++, n++) {
        struct err e = {0};
        struct mount_opts o;
        struct words w;
        OK(parse(*p, &w, &o, &e));
        if (o.n_sb)
            fail_msg("%s: named, but left to the file system", *p);
        mount_opts_release(&o);
        words_release(&w);
    }
    assert_int_equal(n, 2 * ARRAY_LEN(attrs) + ARRAY_LEN(others));
    for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
        autofree char *recursive = str_fmt("r%s", attrs[i].name);
        if (!is_named(attrs[i].name) || !is_named(recursive))
            fail_msg("%s or its r-form: accepted, but not named", attrs[i].name);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (!is_named(others[i]))
            fail_msg("%s: accepted, but not named", others[i]);
    assert_false(is_named("idmap"));
}

static void test_mount_opts_names_are_sorted(void **state)
{
    (void)state;
    const char *const *names = mount_opts_names();
    for (size_t i = 1; names[i]; i++)
        if (strcmp(names[i - 1], names[i]) >= 0)
            fail_msg("%s stands before %s", names[i - 1], names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_mount_opts_attributes_stand_for_bits),
            cmocka_unit_test(test_mount_opts_r_forms_are_of_attributes_only),
            cmocka_unit_test(test_mount_opts_last_one_wins),
            cmocka_unit_test(test_mount_opts_keeps_plain_and_recursive_apart),
            cmocka_unit_test(test_mount_opts_propagation_is_the_last),
            cmocka_unit_test(test_mount_opts_bind_and_remount_are_flags),
            cmocka_unit_test(test_mount_opts_unknown_ones_go_to_the_file_system),
            cmocka_unit_test(test_mount_opts_none_is_nothing),
            cmocka_unit_test(test_mount_opts_refuses_what_it_cannot_do),
            cmocka_unit_test(test_mount_opts_names_are_what_is_accepted),
            cmocka_unit_test(test_mount_opts_names_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
