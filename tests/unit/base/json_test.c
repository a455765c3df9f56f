// SPDX-License-Identifier: Apache-2.0
/*
 * base/json.h: what json_parse accepts and how it words what it refuses; every type of a table in
 * and out; integers up to 2^64-1; and that nothing is left behind (run with SAN=1 for that).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/json.h"
#include "base/own.h"

struct leaf {
    char *path;
    struct json_u64 n;
};

struct doc {
    char *s;
    char *name;
    struct json_i64 i;
    struct json_i64 any;
    struct json_i64 low;
    struct json_u64 u;
    struct json_u64 small;
    struct json_bool b;
    struct leaf o;
    bool has_p;
    struct leaf p;
    struct leaf *a;
    size_t n_a;
    struct leaf *full;
    size_t n_full;
    char **t;
    size_t n_t;
    uint64_t *us;
    size_t n_us;
    struct json_map m;
    int e;
    json_t *r;
};

static const struct json_field leaf_fields[] = {
        J_STR("path", struct leaf, path, JSON_REQUIRED | JSON_ABSPATH),
        J_U64("n", struct leaf, n, 0),
        J_END,
};

enum { WORD_A = 1, WORD_B, WORD_C };
static const struct json_enum words[] = {
        {"a",  WORD_A},
        {"b",  WORD_B},
        {"c",  WORD_C},
        {NULL, 0     }
};

static const struct json_field doc_fields[] = {
        J_STR("s", struct doc, s, 0),
        J_STR("name", struct doc, name, JSON_NONEMPTY),
        J_I64("i", struct doc, i, 0, 65535),
        J_I64("any", struct doc, any, INT64_MIN, 0),
        J_I64("low", struct doc, low, -20, -1),
        J_U64("u", struct doc, u, 0),
        J_U64("small", struct doc, small, 100),
        J_BOOL("b", struct doc, b),
        J_OBJ("o", struct doc, o, leaf_fields),
        J_OBJ_HAS("p", struct doc, p, has_p, leaf_fields),
        J_ARR("a", struct doc, a, n_a, leaf_fields, 0),
        J_ARR("full", struct doc, full, n_full, leaf_fields, JSON_NONEMPTY),
        J_STRS("t", struct doc, t, n_t, 0),
        J_U64S("us", struct doc, us, n_us, 0),
        J_MAP("m", struct doc, m),
        J_ENUM("e", struct doc, e, words, 0),
        J_RAW("r", struct doc, r),
        J_SKIP("skip", "read elsewhere"),
        J_REFUSE("refuse", "there is no such device"),
        J_END,
};

/* The end of a test document. */
static void drop(struct doc *d)
{
    json_release(doc_fields, d);
}

static json_t *parse(const char *text)
{
    struct err e = {0};
    json_t *value = NULL;
    if (json_parse(text, strlen(text), "test", &value, &e) < 0)
        fail_msg("%s", e.text);
    return value;
}

static void decode(const char *text, struct doc *d)
{
    struct err e = {0};
    json_auto_t *value = parse(text);
    if (json_decode(value, doc_fields, d, "", NULL, &e) < 0)
        fail_msg("%s", e.text);
}

static void assert_all_zero(const void *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(((const char *)p)[i], 0);
}

static void assert_parse_fails(const char *text, size_t len, const char *error)
{
    struct err e = {0};
    json_t *value = NULL;
    assert_int_equal(json_parse(text, len, "a.json", &value, &e), -1);
    assert_null(value);
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_string_equal(e.text, error);
}

static void assert_decode_fails(const char *text, enum err_kind kind, const char *error)
{
    struct err e = {0};
    struct doc d = {0};
    json_auto_t *value = parse(text);
    assert_int_equal(json_decode(value, doc_fields, &d, "", NULL, &e), -1);
    assert_string_equal(e.text, error);
    assert_int_equal(e.kind, kind);
    assert_all_zero(&d, sizeof(d));
}

static void assert_text(const json_t *value, const char *expected)
{
    autofree char *text = json_text(value, false);
    assert_string_equal(text, expected);
}

static void assert_text_survives(const char *text)
{
    json_auto_t *value = parse(text);
    assert_text(value, text);
}

/* -- json_parse ------------------------------------------------------------------------------- */

static void test_json_parse_words_errors_with_line_and_column(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"", "'a.json': 1:0: unexpected token near end of file"},
        {"{\n \"a\": x}", "'a.json': 2:7: invalid token near 'x'"},
        {"{\"a\":1,\"a\":2}", "'a.json': 1:10: duplicate object key near '\"a\"'"},
        {"[{\"b\":{\"c\":1,\n\"c\":1}}]", "'a.json': 2:3: duplicate object key near '\"c\"'"},
        {"[1]]", "'a.json': 1:4: end of file expected near ']'"},
        {"[\"a\\u0000\"]", "'a.json': 1:4: NUL in a string"},
        {"{\"a\\u0000\":1}", "'a.json': 1:4: NUL in a string"},
        {"[\"é\n", "'a.json': 1:3: unexpected newline near '\"é'"},
        {"[1e999]", "'a.json': 1:6: real number overflow near '1e999'"},
        {"[\"\x01\"]", "'a.json': 1:2: control character 0x1 near '\"'"},
        {"[\n 18446744073709551616]",
                "'a.json': 2:2: 18446744073709551616 does not fit in 64 bits"},
        {"[\"é\",-9223372036854775809]",
                "'a.json': 1:6: -9223372036854775809 does not fit in 64 bits"},
        {"99999999999999999999999999999999",
                "'a.json': 1:1: 999999999999999999999999… does not fit in 64 bits"},
        {"[18446744073709551615,9223372036854775808, x]", "'a.json': 1:44: invalid token near 'x'"},
        {"[18446744073709551615,\n x]", "'a.json': 2:2: invalid token near 'x'"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_parse_fails(rows[i].text, strlen(rows[i].text), rows[i].error);
}

static void test_json_parse_refuses_raw_nuls(void **state)
{
    (void)state;
    assert_parse_fails("[1\0]", 4, "'a.json': 1:3: NUL byte");
    assert_parse_fails("[\n\"a\0\"]", 7, "'a.json': 2:3: NUL byte");
}

static void test_json_parse_does_not_read_behind_the_text(void **state)
{
    (void)state;
    char *text = mem_dup("[1234", 5); /* no NUL: ASan sees a read behind it */
    assert_parse_fails(text, 5, "'a.json': 1:5: ']' expected near end of file");
    assert_parse_fails(text, 1, "'a.json': 1:1: ']' expected near end of file");
    mem_free(text);
    text = mem_dup("\"\\u00", 5);
    assert_parse_fails(text, 1, "'a.json': 1:1: premature end of input near '\"'");
    struct err e;
    json_t *value;
    for (size_t n = 0; n <= 5; n++)
        assert_int_equal(json_parse(text, n, "x", &value, &e), -1);
    mem_free(text);
}

static void test_json_parse_bounds_the_nesting(void **state)
{
    (void)state;
    size_t len = 3u << 20;
    autofree char *text = mem_new(len + 1, 1);
    memset(text, '[', len);
    assert_parse_fails(text, len, "'a.json': 1:65: nested deeper than 64 levels");
    memset(text + 64, ']', 64);
    struct err e;
    json_t *value = NULL;
    assert_int_equal(json_parse(text, 128, "x", &value, &e), 0);
    json_decref(value);
    text[1] = '"'; /* brackets in strings do not count */
    text[200] = '"';
    text[201] = ']';
    assert_int_equal(json_parse(text, 202, "x", &value, &e), 0);
    json_decref(value);
}

static void test_json_parse_accepts_many_siblings_at_the_deepest_level(void **state)
{
    (void)state;
    char text[300] = "";
    memset(text, '[', 63);
    (void)snprintf(text + 63, sizeof(text) - 63, "[],[],{},[]");
    memset(text + strlen(text), ']', 63);
    assert_text_survives(text);
}

static void test_json_parse_refuses_oversize(void **state)
{
    (void)state;
    size_t len = JSON_MAX_BYTES + 1;
    autofree char *text = mem_new(len, 1);
    memset(text, ' ', len);
    assert_parse_fails(text, len, "'a.json': larger than 4194304 bytes");
    text[0] = '1';
    struct err e;
    json_auto_t *value = NULL;
    assert_int_equal(json_parse(text, len - 1, "x", &value, &e), 0);
}

static void test_json_parse_shows_the_end_of_a_long_name(void **state)
{
    (void)state;
    struct err e;
    json_t *value;
    char name[2000];
    memset(name, 'n', sizeof(name));
    (void)snprintf(name + 1990, 10, "/a.json");
    assert_int_equal(json_parse("[x]", 3, name, &value, &e), -1);
    assert_memory_equal(e.text, "'…nnn", strlen("'…nnn"));
    assert_non_null(strstr(e.text, "/a.json': 1:2: invalid token near 'x'"));
}

static void test_json_parse_keeps_errors_on_one_line(void **state)
{
    (void)state;
    struct err e;
    json_t *value;
    assert_int_equal(json_parse("[\"a\\q\n\x1b[1m", 10, "evil\nname", &value, &e), -1);
    for (const char *c = e.text; *c; c++)
        assert_true((unsigned char)*c >= 0x20);
}

static void test_json_load_reads_a_file_and_names_it(void **state)
{
    (void)state;
    struct err e = {0};
    json_t *value = NULL;
    autoclose int fd = memfd_create("json", MFD_CLOEXEC);
    const char *text = "{\"u\": 18446744073709551615}";
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    assert_int_equal(json_load(fd, "c.json", &value, &e), 0);
    assert_text(value, "{\"u\":18446744073709551615}");
    json_decref(value);
    assert_int_equal(ftruncate(fd, JSON_MAX_BYTES + 1), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(json_load(fd, "c.json", &value, &e), -1);
    assert_string_equal(e.text, "'c.json': larger than 4194304 bytes");
}

/* -- integers --------------------------------------------------------------------------------- */

static void test_json_integers_are_exact_in_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
            "18446744073709551615",
            "[9223372036854775807,9223372036854775808,-9223372036854775808]",
            "{\"18446744073709551615\":18446744073709551615}",
            "[\"18446744073709551615\",\"9223372036854775808\"]",
            "[9999999999999999999,10000000000000000000]",
            "[\"\\\\u000018446744073709551615\",18446744073709551615]", /* looks like the mark */
            "[\"\\\"\\\\u00009223372036854775808\\\"\",18446744073709551615]",
            "[18446744073709551615,{\"a\":[18446744073709551615,\"x\",18446744073709551615]}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_text_survives(texts[i]);
    json_auto_t *value = parse(" [ 18446744073709551615\t,\n\t9223372036854775808 ] ");
    assert_text(value, "[18446744073709551615,9223372036854775808]");
}

static void test_json_integers_of_broken_texts_stay_broken(void **state)
{
    (void)state;
    static const char *const texts[] = {
            "{18446744073709551615:1}",
            "{18446744073709551615 :1}",
            "[018446744073709551615]",
            "[+18446744073709551615]",
            "[--18446744073709551615]",
            "[18446744073709551615x]",
            "[x18446744073709551615]",
            "[18446744073709551615-]",
            "[1 18446744073709551615]",
            "[.18446744073709551615]",
            "{\"a\"18446744073709551615}",
            "[\"a\"18446744073709551615]",
            "18446744073709551615 \"a\"",
    };
    struct err e;
    json_t *value;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(json_parse(texts[i], strlen(texts[i]), "x", &value, &e), -1);
}

static void test_json_big_integers_are_not_strings(void **state)
{
    (void)state;
    json_auto_t *value = parse("[18446744073709551615,\"18446744073709551615\",\"\",1]");
    assert_true(json_is_big(json_array_get(value, 0)));
    for (size_t i = 1; i < 4; i++)
        assert_false(json_is_big(json_array_get(value, i)));
    assert_false(json_is_big(NULL));
    assert_decode_fails("{\"s\":18446744073709551615}", ERR_CONFIG, "/s: not a string");
    assert_decode_fails("{\"e\":18446744073709551615}", ERR_CONFIG, "/e: not a string");
    assert_decode_fails("{\"t\":[\"\",18446744073709551615]}", ERR_CONFIG, "/t/1: not a string");
    assert_decode_fails("{\"m\":{\"k\":18446744073709551615}}", ERR_CONFIG, "/m/k: not a string");
}

static void test_json_to_u64_takes_what_from_u64_made(void **state)
{
    (void)state;
    static const uint64_t all[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        json_auto_t *value = json_from_u64(all[i]);
        uint64_t v = 1;
        char text[32];
        assert_int_equal(json_to_u64(value, &v, &e), 0);
        assert_true(v == all[i]);
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)all[i]);
        assert_text(value, text);
    }
}

static void test_json_to_u64_refuses_other_values(void **state)
{
    (void)state;
    struct err e = {0};
    uint64_t v = 7;
    json_auto_t *negative = json_integer(-5);
    json_auto_t *text = json_string("18446744073709551615");
    json_auto_t *real = json_real(5.0);
    assert_int_equal(json_to_u64(negative, &v, &e), -1);
    assert_string_equal(e.text, "-5 is not in 0..18446744073709551615");
    assert_int_equal(json_to_u64(text, &v, &e), -1);
    assert_string_equal(e.text, "not an integer");
    assert_int_equal(json_to_u64(real, &v, &e), -1);
    assert_int_equal(json_to_u64(NULL, &v, &e), -1);
    assert_int_equal(v, 7);
}

static void test_json_text_is_indented_on_demand(void **state)
{
    (void)state;
    json_auto_t *value = parse("{\"a\":[18446744073709551615]}");
    autofree char *text = json_text(value, true);
    assert_string_equal(text, "{\n  \"a\": [\n    18446744073709551615\n  ]\n}");
}

/* -- json_decode ------------------------------------------------------------------------------ */

static void test_json_decode_fills_every_type(void **state)
{
    (void)state;
    struct doc d = {0};
    decode("{\"s\":\"\",\"name\":\"n\",\"i\":65535,\"any\":-9223372036854775808,\"low\":-20,"
           "\"u\":18446744073709551615,\"small\":0,\"b\":false,\"o\":{\"path\":\"/o\",\"n\":1},"
           "\"p\":{\"path\":\"/p\"},\"a\":[{\"path\":\"/0\"},{\"path\":\"/1\",\"n\":2}],"
           "\"t\":[\"x\",\"\"],\"us\":[0,18446744073709551615],\"m\":{\"k2\":\"v2\",\"k1\":\"\"},"
           "\"e\":\"b\",\"r\":{\"z\":[18446744073709551615]},\"skip\":[1],\"new\":{}}",
            &d);
    assert_string_equal(d.s, "");
    assert_string_equal(d.name, "n");
    assert_true(d.i.is_set && d.i.v == 65535);
    assert_true(d.any.is_set && d.any.v == INT64_MIN);
    assert_true(d.low.is_set && d.low.v == -20);
    assert_true(d.u.is_set && d.u.v == UINT64_MAX);
    assert_true(d.small.is_set && d.small.v == 0);
    assert_true(d.b.is_set && !d.b.v);
    assert_string_equal(d.o.path, "/o");
    assert_true(d.has_p);
    assert_string_equal(d.p.path, "/p");
    assert_false(d.p.n.is_set);
    assert_int_equal(d.n_a, 2);
    assert_string_equal(d.a[1].path, "/1");
    assert_true(d.a[1].n.v == 2);
    assert_int_equal(d.n_t, 2);
    assert_string_equal(d.t[0], "x");
    assert_null(d.t[2]);
    assert_int_equal(d.n_us, 2);
    assert_true(d.us[1] == UINT64_MAX);
    assert_int_equal(d.m.n, 2);
    assert_string_equal(d.m.pairs[0].key, "k2");
    assert_string_equal(json_map_get(&d.m, "k1"), "");
    assert_null(json_map_get(&d.m, "k3"));
    assert_int_equal(d.e, WORD_B);
    assert_text(d.r, "{\"z\":[18446744073709551615]}");
    drop(&d);
    assert_all_zero(&d, sizeof(d));
}

static void test_json_decode_takes_null_for_absent(void **state)
{
    (void)state;
    struct doc d = {0};
    decode("{\"s\":null,\"name\":null,\"i\":null,\"u\":null,\"b\":null,\"o\":null,\"p\":null,"
           "\"a\":null,\"full\":null,\"t\":null,\"us\":null,\"m\":null,\"e\":null,\"r\":null,"
           "\"skip\":null,\"refuse\":null}",
            &d);
    assert_all_zero(&d, sizeof(d));
    decode("{\"m\":{\"a\":null,\"b\":\"x\"}}", &d);
    assert_int_equal(d.m.n, 1);
    drop(&d);
    assert_decode_fails("{\"o\":{\"path\":null}}", ERR_CONFIG, "/o/path: missing");
    assert_decode_fails("{\"t\":[null]}", ERR_CONFIG, "/t/0: not a string");
    assert_decode_fails("{\"a\":[null]}", ERR_CONFIG, "/a/0: not an object");
}

static void test_json_decode_tells_empty_arrays_from_absent(void **state)
{
    (void)state;
    struct doc d = {0};
    decode("{\"t\":[],\"a\":[],\"us\":[]}", &d);
    assert_non_null(d.t);
    assert_null(d.t[0]);
    assert_non_null(d.a);
    assert_non_null(d.us);
    assert_int_equal(d.n_t + d.n_a + d.n_us, 0);
    drop(&d);
}

static void test_json_decode_words_type_errors_with_a_pointer(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"[]", "not an object"},
        {"{\"s\":1}", "/s: not a string"},
        {"{\"i\":\"1\"}", "/i: not an integer"},
        {"{\"i\":1e3}", "/i: not an integer"},
        {"{\"i\":5.0}", "/i: not an integer"},
        {"{\"u\":5.0}", "/u: not an integer"},
        {"{\"u\":18446744073709551615.0}", "/u: not an integer"},
        {"{\"u\":\"18446744073709551615\"}", "/u: not an integer"},
        {"{\"b\":0}", "/b: not a boolean"},
        {"{\"o\":[]}", "/o: not an object"},
        {"{\"a\":{}}", "/a: not an array"},
        {"{\"a\":[{\"path\":\"/\"},7]}", "/a/1: not an object"},
        {"{\"a\":[{\"path\":\"/\"},{\"path\":[]}]}", "/a/1/path: not a string"},
        {"{\"t\":\"x\"}", "/t: not an array"},
        {"{\"us\":[0,\"1\"]}", "/us/1: not an integer"},
        {"{\"us\":[-1]}", "/us/0: -1 is not in 0..18446744073709551615"},
        {"{\"m\":[]}", "/m: not an object"},
        {"{\"m\":{\"a/b~c\":1}}", "/m/a~1b~0c: not a string"},
        {"{\"m\":{\"\":{}}}", "/m/: not a string"},
        {"{\"e\":\"d\"}", "/e: not one of: a, b, c"},
        {"{\"e\":1}", "/e: not a string"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_decode_fails(rows[i].text, ERR_CONFIG, rows[i].error);
}

static void test_json_decode_words_value_errors_with_a_pointer(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"{\"i\":70000}", "/i: 70000 is not in 0..65535"},
        {"{\"i\":-1}", "/i: -1 is not in 0..65535"},
        {"{\"i\":18446744073709551615}", "/i: 18446744073709551615 is not in 0..65535"},
        {"{\"any\":9223372036854775808}",
                "/any: 9223372036854775808 is not in -9223372036854775808..9223372036854775807"},
        {"{\"low\":0}", "/low: 0 is not in -20..-1"},
        {"{\"low\":-21}", "/low: -21 is not in -20..-1"},
        {"{\"u\":-1}", "/u: -1 is not in 0..18446744073709551615"},
        {"{\"small\":101}", "/small: 101 is not in 0..100"},
        {"{\"small\":-9223372036854775808}", "/small: -9223372036854775808 is not in 0..100"},
        {"{\"name\":\"\"}", "/name: empty"},
        {"{\"full\":[]}", "/full: empty"},
        {"{\"o\":{}}", "/o/path: missing"},
        {"{\"a\":[{\"path\":\"/\"},{\"n\":1}]}", "/a/1/path: missing"},
        {"{\"o\":{\"path\":\"x/y\"}}", "/o/path: not an absolute path"},
        {"{\"o\":{\"path\":\"\"}}", "/o/path: not an absolute path"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_decode_fails(rows[i].text, ERR_CONFIG, rows[i].error);
}

static void test_json_decode_refuses_what_is_not_supported(void **state)
{
    (void)state;
    static const char *const nothing[] = {"null", "\"\"", "0", "0.0", "false", "[]", "{}"};
    static const char *const something[] = {"\"x\"", "1", "-1", "true", "[0]", "{\"a\":null}",
            "18446744073709551615"};
    char text[64];
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        struct doc d = {0};
        (void)snprintf(text, sizeof(text), "{\"refuse\":%s}", nothing[i]);
        decode(text, &d);
        drop(&d);
    }
    for (size_t i = 0; i < ARRAY_LEN(something); i++) {
        (void)snprintf(text, sizeof(text), "{\"refuse\":%s}", something[i]);
        assert_decode_fails(text, ERR_UNSUPPORTED,
                "/refuse: not supported: there is no such device");
    }
}

static void test_json_decode_gives_back_what_it_had_on_failure(void **state)
{
    (void)state;
    assert_decode_fails("{\"s\":\"x\",\"t\":[\"a\",\"b\",3],\"i\":1}", ERR_CONFIG,
            "/t/2: not a string");
    assert_decode_fails("{\"r\":{},\"m\":{\"a\":\"b\",\"c\":1}}", ERR_CONFIG, "/m/c: not a string");
    assert_decode_fails("{\"p\":{\"path\":\"/\"},\"a\":[{\"path\":\"/x\"},{\"path\":\"/y\","
                        "\"n\":\"\"}]}",
            ERR_CONFIG, "/a/1/n: not an integer");
}

struct seen {
    char text[200];
    int rc;
};

static int see(void *arg, const char *pointer, struct err *e)
{
    struct seen *seen = arg;
    size_t n = strlen(seen->text);
    (void)snprintf(seen->text + n, sizeof(seen->text) - n, "%s ", pointer);
    return seen->rc < 0 ? err_set(e, ERR_STATE, "seen enough") : 0;
}

static void test_json_decode_reports_unknown_keys(void **state)
{
    (void)state;
    struct seen seen = {.rc = 0};
    struct json_mode mode = {.unknown = see, .arg = &seen};
    struct err e = {0};
    struct doc d = {0};
    json_auto_t *value =
            parse("{\"x\":1,\"o\":{\"path\":\"/\",\"y/~\":{\"s\":1}},\"skip\":{\"z\":1},"
                  "\"a\":[{\"path\":\"/\"},{\"path\":\"/\",\"w\\n\":1}]}");
    assert_int_equal(json_decode(value, doc_fields, &d, "/top", &mode, &e), 0);
    assert_string_equal(seen.text, "/top/x /top/o/y~1~0 /top/a/1/w\n ");
    drop(&d);
    seen.rc = -1;
    assert_int_equal(json_decode(value, doc_fields, &d, "", &mode, &e), -1);
    assert_string_equal(e.text, "seen enough");
    assert_all_zero(&d, sizeof(d));
}

static void test_json_decode_refuses_unknown_keys_when_strict(void **state)
{
    (void)state;
    struct json_mode mode = {.is_strict = true};
    struct err e = {0};
    struct doc d = {0};
    json_auto_t *value = parse("{\"o\":{\"path\":\"/\",\"a/b\\n\":1}}");
    assert_int_equal(json_decode(value, doc_fields, &d, "", &mode, &e), -1);
    assert_string_equal(e.text, "/o/a~1b?: unknown key"); /* control characters are not shown */
    assert_all_zero(&d, sizeof(d));
}

static void test_json_decode_keeps_the_reason_behind_a_long_pointer(void **state)
{
    (void)state;
    struct err e = {0};
    struct doc d = {0};
    char key[3001];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    autofree char *text = str_fmt("{\"m\":{\"%s/é\":1}}", key);
    json_auto_t *value = parse(text);
    assert_int_equal(json_decode(value, doc_fields, &d, "", NULL, &e), -1);
    assert_memory_equal(e.text, "…kkk", strlen("…kkk"));
    assert_string_equal(strstr(e.text, "~1"), "~1é: not a string");
}

static void test_json_decode_takes_keys_in_any_order(void **state)
{
    (void)state;
    struct doc d = {0};
    decode("{\"r\":1,\"e\":\"c\",\"s\":\"x\",\"zz\":1,\"i\":1,\"b\":true}", &d);
    assert_int_equal(d.e, WORD_C);
    assert_string_equal(d.s, "x");
    assert_true(d.b.v && d.i.v == 1 && json_integer_value(d.r) == 1);
    drop(&d);
}

struct needs {
    struct json_i64 i;
    struct json_u64 u;
    struct leaf o;
    int e;
    char **t;
    size_t n_t;
};

static const struct json_field needs_fields[] = {
        J_I64_REQ("i", struct needs, i, 0, 9),
        J_U64_REQ("u", struct needs, u, 9),
        J_OBJ_REQ("o", struct needs, o, leaf_fields),
        J_ENUM("e", struct needs, e, words, JSON_REQUIRED),
        J_STRS("t", struct needs, t, n_t, JSON_REQUIRED),
        J_END,
};

static void test_json_decode_demands_required_members(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"i\":1", "\"u\":2", "\"o\":{\"path\":\"/\"}",
            "\"e\":\"a\"", "\"t\":[]"};
    static const char *const names[] = {"i", "u", "o", "e", "t", NULL};
    for (size_t without = 0; without <= ARRAY_LEN(parts); without++) {
        struct err e = {0};
        struct needs n = {0};
        char text[200] = "{\"x\":0";
        char expected[40] = "";
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            size_t len = strlen(text);
            if (i != without)
                (void)snprintf(text + len, sizeof(text) - len, ",%s", parts[i]);
        }
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "}");
        if (names[without])
            (void)snprintf(expected, sizeof(expected), "/v/%s: missing", names[without]);
        json_auto_t *value = parse(text);
        int rc = json_decode(value, needs_fields, &n, "/v", NULL, &e);
        assert_int_equal(rc, names[without] ? -1 : 0);
        assert_string_equal(e.text, expected);
        json_release(needs_fields, &n);
    }
}

/* Objects within objects of one table: as deep as the document may be. */
struct tree {
    struct tree *kids;
    size_t n_kids;
    char *name;
};

static const struct json_field tree_fields[] = {
        J_ARR("kids", struct tree, kids, n_kids, tree_fields, 0),
        J_STR("name", struct tree, name, 0),
        J_END,
};

static void test_json_decode_follows_a_table_into_itself(void **state)
{
    (void)state;
    struct err e = {0};
    struct tree t = {0};
    json_auto_t *value = parse("{\"kids\":[{},{\"kids\":[{\"name\":\"x\"},{\"name\":1}]}]}");
    assert_int_equal(json_decode(value, tree_fields, &t, "", NULL, &e), -1);
    assert_string_equal(e.text, "/kids/1/kids/1/name: not a string");
}

/* 64-bit masks as container engines write them. */
struct arg {
    struct json_u64 value;
    struct json_u64 value_two;
};

static const struct json_field arg_fields[] = {
        J_U64_REQ("value", struct arg, value, 0),
        J_U64("valueTwo", struct arg, value_two, 0),
        J_END,
};

static void test_json_decode_reads_seccomp_arguments_exactly(void **state)
{
    (void)state;
    struct err e = {0};
    struct arg arg = {0};
    const char *text = "{\"value\":18446744073709551614,\"valueTwo\":9223372036854775809}";
    json_auto_t *value = parse(text);
    assert_int_equal(json_decode(value, arg_fields, &arg, "", NULL, &e), 0);
    assert_true(arg.value.v == UINT64_MAX - 1);
    assert_true(arg.value_two.v == (uint64_t)INT64_MAX + 2);
    json_auto_t *back = json_encode(arg_fields, &arg);
    assert_text(back, text);
}

/* -- json_encode ------------------------------------------------------------------------------ */

static void test_json_encode_leaves_out_what_is_absent(void **state)
{
    (void)state;
    struct doc d = {0};
    struct needs n = {0};
    json_auto_t *nothing = json_encode(doc_fields, &d);
    assert_text(nothing, "{}");
    json_auto_t *required = json_encode(needs_fields, &n);
    assert_text(required, "{\"o\":{},\"t\":[]}");
    d.has_p = true;
    json_auto_t *present = json_encode(doc_fields, &d);
    assert_text(present, "{\"p\":{}}");
}

static void test_json_encode_writes_what_decode_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
            "{\"s\":\"\",\"name\":\"é\\n\\\"\",\"i\":0,\"any\":-1,\"u\":18446744073709551615,"
            "\"small\":100,\"b\":false,\"o\":{\"path\":\"/\",\"n\":9223372036854775808},"
            "\"p\":{\"path\":\"/p\"},\"a\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"n\":0}],"
            "\"t\":[\"\",\"x\"],\"us\":[18446744073709551615,0],\"m\":{\"z\":\"1\",\"a/\":\"\"},"
            "\"e\":\"c\",\"r\":[null,1.5,{\"k\":18446744073709551615}]}",
            "{\"a\":[],\"t\":[],\"us\":[],\"m\":{}}",
            "{\"s\":\"\\\\u0000\",\"r\":\"\\\\u000018446744073709551615\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct doc d = {0};
        decode(texts[i], &d);
        json_auto_t *value = json_encode(doc_fields, &d);
        assert_text(value, texts[i]);
        drop(&d);
    }
}

static void test_json_encode_replaces_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    char bad[] = "a\xff\xc0\x80\xe2\x82z\xed\xa0\x80\xf4\x90\x80\x80\xc3";
    char good[] = "é€😀";
    struct doc d = {.s = bad, .name = good};
    json_auto_t *value = json_encode(doc_fields, &d);
    assert_text(value, "{\"s\":\"a�����z��������\",\"name\":\"é€😀\"}");
}

/* -- speed ------------------------------------------------------------------------------------ */

static void test_json_decode_is_quick(void **state)
{
    (void)state;
    size_t n = 0;
    autofree char *text = mem_new(16384, 1);
    n += (size_t)snprintf(text, 100, "{\"s\":\"x\",\"a\":[{\"path\":\"/\"}");
    while (n < 10 << 10)
        n += (size_t)snprintf(text + n, 100, ",{\"path\":\"/proc/%zu\",\"n\":%zu}", n, n);
    (void)snprintf(text + n, 100, "],\"u\":18446744073709551615}");
    double best = 1e9;
    for (int i = 0; i < 50; i++) {
        struct timespec from;
        struct timespec to;
        struct doc d = {0};
        clock_gettime(CLOCK_MONOTONIC, &from);
        decode(text, &d);
        clock_gettime(CLOCK_MONOTONIC, &to);
        drop(&d);
        double ms =
                (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
        best = ms < best ? ms : best;
    }
    print_message("10 KiB: %.3f ms\n", best);
    /* Generous, for sanitizers and shared machines; release is near 0.3 for these 330 objects. */
    assert_true(best < 5.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_json_parse_words_errors_with_line_and_column),
            cmocka_unit_test(test_json_parse_refuses_raw_nuls),
            cmocka_unit_test(test_json_parse_does_not_read_behind_the_text),
            cmocka_unit_test(test_json_parse_bounds_the_nesting),
            cmocka_unit_test(test_json_parse_accepts_many_siblings_at_the_deepest_level),
            cmocka_unit_test(test_json_parse_refuses_oversize),
            cmocka_unit_test(test_json_parse_shows_the_end_of_a_long_name),
            cmocka_unit_test(test_json_parse_keeps_errors_on_one_line),
            cmocka_unit_test(test_json_load_reads_a_file_and_names_it),
            cmocka_unit_test(test_json_integers_are_exact_in_text),
            cmocka_unit_test(test_json_integers_of_broken_texts_stay_broken),
            cmocka_unit_test(test_json_big_integers_are_not_strings),
            cmocka_unit_test(test_json_to_u64_takes_what_from_u64_made),
            cmocka_unit_test(test_json_to_u64_refuses_other_values),
            cmocka_unit_test(test_json_text_is_indented_on_demand),
            cmocka_unit_test(test_json_decode_fills_every_type),
            cmocka_unit_test(test_json_decode_takes_null_for_absent),
            cmocka_unit_test(test_json_decode_tells_empty_arrays_from_absent),
            cmocka_unit_test(test_json_decode_words_type_errors_with_a_pointer),
            cmocka_unit_test(test_json_decode_words_value_errors_with_a_pointer),
            cmocka_unit_test(test_json_decode_refuses_what_is_not_supported),
            cmocka_unit_test(test_json_decode_gives_back_what_it_had_on_failure),
            cmocka_unit_test(test_json_decode_reports_unknown_keys),
            cmocka_unit_test(test_json_decode_refuses_unknown_keys_when_strict),
            cmocka_unit_test(test_json_decode_keeps_the_reason_behind_a_long_pointer),
            cmocka_unit_test(test_json_decode_takes_keys_in_any_order),
            cmocka_unit_test(test_json_decode_demands_required_members),
            cmocka_unit_test(test_json_decode_follows_a_table_into_itself),
            cmocka_unit_test(test_json_decode_reads_seccomp_arguments_exactly),
            cmocka_unit_test(test_json_encode_leaves_out_what_is_absent),
            cmocka_unit_test(test_json_encode_writes_what_decode_read),
            cmocka_unit_test(test_json_encode_replaces_bytes_that_are_not_utf8),
            cmocka_unit_test(test_json_decode_is_quick),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL);
}
