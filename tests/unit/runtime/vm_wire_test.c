// SPDX-License-Identifier: Apache-2.0
/* runtime/vm/wire.c: frames in pieces, and every way to lie about a length. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/own.h"
#include "runtime/vm/wire.h"

static void feed(struct wire_decoder *d, const void *p, size_t n)
{
    size_t room;
    unsigned char *to = wire_decoder_room(d, &room);
    assert_true(room >= n);
    memcpy(to, p, n);
    wire_decoder_fed(d, n);
}

static int header_result(uint32_t magic, uint32_t type, uint32_t len, struct err *e)
{
    struct wire_decoder d;
    struct wire_frame f;
    bool has = false;
    unsigned char h[WIRE_HEADER] = {0};
    uint32_t words[3] = {magic, type, len}; /* this machine is little-endian */
    memcpy(h, words, sizeof(words));
    wire_decoder_init(&d);
    feed(&d, h, sizeof(h));
    int r = wire_decoder_next(&d, &f, &has, e);
    wire_decoder_release(&d);
    return r < 0 ? -1 : has;
}

static void test_wire_frame_arrives_byte_by_byte(void **state)
{
    (void)state;
    struct err e;
    struct wire_decoder d;
    struct wire_frame f = {.type = WIRE_DATA, .stream = 7, .id = 9, .len = 3}, got;
    unsigned char bytes[WIRE_HEADER + 3] = {0};
    bool has = false;
    wire_header_put(bytes, &f);
    memcpy(bytes + WIRE_HEADER, "abc", 3);
    wire_decoder_init(&d);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(wire_decoder_next(&d, &got, &has, &e), 0);
        assert_false(has);
        feed(&d, bytes + i, 1);
    }
    assert_int_equal(wire_decoder_next(&d, &got, &has, &e), 0);
    assert_true(has);
    assert_int_equal(got.type, WIRE_DATA);
    assert_int_equal(got.stream, 7);
    assert_int_equal(got.id, 9);
    assert_memory_equal(got.data, "abc", 3);
    assert_int_equal(wire_decoder_next(&d, &got, &has, &e), 0);
    assert_false(has);
    wire_decoder_release(&d);
}

static void test_wire_refuses_bad_headers(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(header_result(WIRE_MAGIC, WIRE_HELLO, 0, &e), 1);
    assert_int_equal(header_result(WIRE_MAGIC, WIRE_HELLO, WIRE_DATA_MAX, &e), 0);
    assert_int_equal(header_result(WIRE_MAGIC, WIRE_HELLO, WIRE_DATA_MAX + 1, &e), -1);
    assert_string_equal(e.text, "frame of 65517 bytes");
    assert_int_equal(header_result(WIRE_MAGIC, WIRE_HELLO, 0xffffffffu, &e), -1);
    assert_int_equal(header_result(WIRE_MAGIC + 1, WIRE_HELLO, 0, &e), -1);
    assert_int_equal(header_result(WIRE_MAGIC, 0, 0, &e), -1);
    assert_int_equal(header_result(WIRE_MAGIC, WIRE_TYPE_END, 0, &e), -1);
    assert_int_equal(header_result(WIRE_MAGIC, WIRE_HELLO | 1u << 16, 0, &e), -1);
}

static void test_wire_values_make_the_round(void **state)
{
    (void)state;
    struct err e, sent = {0}, got;
    struct wire_out o = {0};
    const char *list[] = {"a", "", "c", NULL};
    (void)err_set(&sent, ERR_STATE, "container\nnot running");
    sent.sys = 3;
    wire_put_u32(&o, 0xfffffffeu);
    wire_put_u64(&o, 0x0123456789abcdefull);
    wire_put_str(&o, "hello");
    wire_put_strs(&o, list);
    wire_put_strs(&o, NULL);
    wire_put_err(&o, &sent);
    struct wire_in in = {.p = o.buf, .left = o.len};
    assert_int_equal(wire_get_u32(&in), 0xfffffffeu);
    assert_true(wire_get_u64(&in) == 0x0123456789abcdefull);
    autofree char *s = wire_get_str(&in);
    assert_string_equal(s, "hello");
    char **l = wire_get_strs(&in);
    assert_string_equal(l[2], "c");
    assert_null(l[3]);
    wire_strs_free(l);
    l = wire_get_strs(&in);
    assert_null(l[0]);
    wire_strs_free(l);
    wire_get_err(&in, &got);
    assert_int_equal(got.kind, ERR_STATE);
    assert_int_equal(got.sys, 3);
    assert_string_equal(got.text, "container?not running");
    assert_int_equal(wire_in_end(&in, "x", &e), 0);
    wire_out_release(&o);
}

static void test_wire_cut_values_are_bad_and_stay_bad(void **state)
{
    (void)state;
    struct err e;
    const unsigned char long_str[] = {200, 0, 0, 0, 'a'};
    struct wire_in in = {.p = long_str, .left = sizeof(long_str)};
    autofree char *s = wire_get_str(&in);
    assert_string_equal(s, "");
    assert_int_equal(wire_get_u32(&in), 0);
    assert_int_equal(wire_in_end(&in, "x", &e), -1);
    assert_string_equal(e.text, "x: message cut");
    const unsigned char nul[] = {2, 0, 0, 0, 'a', 0};
    in = (struct wire_in){.p = nul, .left = sizeof(nul)};
    autofree char *t = wire_get_str(&in);
    assert_string_equal(t, "");
    assert_true(in.is_bad);
    const unsigned char many[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    in = (struct wire_in){.p = many, .left = sizeof(many)};
    char **l = wire_get_strs(&in);
    assert_null(l[0]);
    wire_strs_free(l);
    in = (struct wire_in){.p = many, .left = 8};
    (void)wire_get_u32(&in);
    assert_int_equal(wire_in_end(&in, "x", &e), -1);
    assert_string_equal(e.text, "x: message too long");
}

static void test_wire_exec_makes_the_round_and_cuts_are_refused(void **state)
{
    (void)state;
    struct err e;
    char sh[] = "sh", c[] = "-c", v[] = "A=b", cwd[] = "/";
    char *argv[] = {sh, c, NULL};
    char *env[] = {v, NULL};
    uint32_t gids[] = {5, 4294967294u};
    struct wire_exec x = {.argv = argv, .env = env, .cwd = cwd, .gids = gids, .n_gids = 2}, y;
    x.flags = WIRE_EXEC_NO_NEW_PRIVS;
    struct wire_out o = {0};
    wire_exec_encode(&o, &x);
    assert_int_equal(wire_exec_decode(o.buf, o.len, &y, &e), 0);
    assert_string_equal(y.argv[1], "-c");
    assert_string_equal(y.env[0], "A=b");
    assert_string_equal(y.cwd, "/");
    assert_string_equal(y.user, "");
    assert_int_equal(y.n_gids, 2);
    assert_int_equal(y.gids[1], 4294967294u);
    assert_int_equal(y.flags, WIRE_EXEC_NO_NEW_PRIVS);
    wire_exec_release(&y);
    for (size_t n = 0; n < o.len; n++)
        assert_int_equal(wire_exec_decode(o.buf, n, &y, &e), -1);
    wire_out_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_wire_frame_arrives_byte_by_byte),
            cmocka_unit_test(test_wire_refuses_bad_headers),
            cmocka_unit_test(test_wire_values_make_the_round),
            cmocka_unit_test(test_wire_cut_values_are_bad_and_stay_bad),
            cmocka_unit_test(test_wire_exec_makes_the_round_and_cuts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
