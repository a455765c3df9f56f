// SPDX-License-Identifier: Apache-2.0
/* base/log.h: the lines that callers parse, whatever a message holds. stderr is a file here. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/json.h"
#include "base/log.h"
#include "base/own.h"

/* Two files, and what stderr was. */
struct sinks {
    int log;
    int err;
    int real_err;
    char path[48];
};

static void open_log(struct sinks *s, enum log_format format, enum log_level level)
{
    struct err e = {0};
    assert_int_equal(log_open(s->path, format, level, &e), 0);
}

static int setup(void **state)
{
    static struct sinks s;
    s.log = memfd_create("log", MFD_CLOEXEC);
    s.err = memfd_create("err", MFD_CLOEXEC);
    s.real_err = dup(STDERR_FILENO);
    (void)snprintf(s.path, sizeof(s.path), "file:/proc/self/fd/%d", s.log);
    *state = &s;
    return dup2(s.err, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct sinks *s = *state;
    (void)dup2(s->real_err, STDERR_FILENO);
    (void)close(s->real_err);
    (void)close(s->err);
    (void)close(s->log);
    (void)close(log_fd());
    log_set_role(NULL);
    return 0;
}

static void content(int fd, char *buf, size_t size)
{
    ssize_t n = pread(fd, buf, size - 1, 0);
    assert_true(n >= 0);
    buf[n] = '\0';
}

static void test_log_writes_json_lines_that_parse(void **state)
{
    struct sinks *s = *state;
    struct err e = {0};
    json_auto_t *line = NULL;
    char buf[4096];
    open_log(s, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    log_info("quote \" backslash \\ newline \n bell \a é");
    content(s->log, buf, sizeof(buf));
    assert_int_equal(buf[strlen(buf) - 1], '\n');
    assert_int_equal(json_parse(buf, strlen(buf), "log", &line, &e), 0);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "msg")),
            "quote \" backslash \\ newline \n bell \a é");
    const char *time = json_string_value(json_object_get(line, "time"));
    assert_int_equal(strlen(time), strlen("2024-01-01T00:00:00.000000Z"));
}

static void test_log_writes_one_text_line_per_event(void **state)
{
    struct sinks *s = *state;
    char buf[4096];
    open_log(s, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    log_warn("a \"b\"\nlevel=error msg=forged");
    content(s->log, buf, sizeof(buf));
    const char *expected = "level=warning msg=\"a \\\"b\\\"\\nlevel=error msg=forged\" time=\"";
    assert_memory_equal(buf, expected, strlen(expected));
    assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
}

static void test_log_keeps_to_its_level(void **state)
{
    struct sinks *s = *state;
    char buf[64];
    open_log(s, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    log_info("x");
    log_debug("x");
    content(s->log, buf, sizeof(buf));
    assert_string_equal(buf, "");
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_true(log_enabled(LOG_LEVEL_WARN));
    assert_false(log_enabled(LOG_LEVEL_INFO));
}

static void test_log_shows_errors_on_stderr_too(void **state)
{
    struct sinks *s = *state;
    char buf[4096];
    open_log(s, LOG_FORMAT_JSON, LOG_LEVEL_WARN);
    log_warn("only in the file");
    log_error("in %s", "both");
    content(s->err, buf, sizeof(buf));
    assert_string_equal(buf, "islet: in both\n");
    content(s->log, buf, sizeof(buf));
    assert_non_null(strstr(buf, "\"msg\":\"only in the file\""));
    assert_non_null(strstr(buf, "\"msg\":\"in both\""));
}

static void test_log_keeps_errno(void **state)
{
    struct sinks *s = *state;
    open_log(s, LOG_FORMAT_JSON, LOG_LEVEL_DEBUG);
    errno = ENOTTY;
    log_debug("x");
    assert_int_equal(errno, ENOTTY);
}

static void test_log_cuts_long_messages_into_valid_lines(void **state)
{
    struct sinks *s = *state;
    struct err e = {0};
    json_auto_t *line = NULL;
    char text[3000];
    char buf[4096];
    open_log(s, LOG_FORMAT_JSON, LOG_LEVEL_WARN);
    memset(text, '"', sizeof(text)); /* each is two bytes in the line */
    text[sizeof(text) - 1] = '\0';
    log_warn("%s", text);
    content(s->log, buf, sizeof(buf));
    assert_int_equal(json_parse(buf, strlen(buf), "log", &line, &e), 0);
}

static void test_log_open_names_the_file_it_cannot_open(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(log_open("/nowhere/x", LOG_FORMAT_TEXT, LOG_LEVEL_WARN, &e), -1);
    assert_string_equal(e.text, "open log '/nowhere/x': No such file or directory");
}

#define WITH_SINKS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
            WITH_SINKS(test_log_writes_json_lines_that_parse),
            WITH_SINKS(test_log_writes_one_text_line_per_event),
            WITH_SINKS(test_log_keeps_to_its_level),
            WITH_SINKS(test_log_shows_errors_on_stderr_too),
            WITH_SINKS(test_log_keeps_errno),
            WITH_SINKS(test_log_cuts_long_messages_into_valid_lines),
            cmocka_unit_test(test_log_open_names_the_file_it_cannot_open),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
