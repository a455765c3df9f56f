// SPDX-License-Identifier: Apache-2.0
/* See log.h. The log is the one piece of process-wide mutable state in base/. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

static struct {
    int fd; /* the log file, -1 when there is none */
    enum log_format format;
    enum log_level level;
    const char *role;
} sink = {.fd = -1, .level = LOG_LEVEL_WARN};

int log_open(const char *path, enum log_format format, enum log_level level, struct err *e)
{
    sink.format = format;
    sink.level = level;
    if (!path)
        return 0;
    if (strncmp(path, "file:", 5) == 0)
        path += 5;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0)
        return err_sys(e, "open log '%s'", path);
    sink.fd = fd;
    return 0;
}

void log_set_role(const char *role)
{
    sink.role = role;
}

bool log_enabled(enum log_level level)
{
    return level <= sink.level;
}

int log_fd(void)
{
    return sink.fd;
}

/* Bytes of the UTF-8 character at p, 0 when it is none (RFC 3629; text from outside may be cut). */
static size_t utf8_len(const unsigned char *p)
{
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : (p[0] & 0xf0) == 0xe0       ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
            (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* For stderr: one line, nothing that steers a terminal. */
static void plain(char *out, size_t room, const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 5 < room; p++) {
        if (*p < 0x20 || *p == 0x7f)
            n += (size_t)snprintf(out + n, room - n, "\\x%02x", *p);
        else
            out[n++] = (char)*p;
    }
    out[n] = '\0';
}

/* Writes text as the inside of a JSON string; other bytes than printable ASCII and UTF-8 escaped. */
static size_t quote(char *out, size_t room, const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 7 < room; p++) {
        if (*p == '"' || *p == '\\') {
            out[n++] = '\\';
            out[n++] = (char)*p;
        } else if (*p == '\n') {
            out[n++] = '\\';
            out[n++] = 'n';
        } else if (*p < 0x20 || *p == 0x7f) {
            n += (size_t)snprintf(out + n, room - n, "\\u%04x", *p);
        } else {
            size_t len = utf8_len(p);
            const void *from = len ? (const void *)p : "\xef\xbf\xbd"; /* U+FFFD */
            memcpy(out + n, from, len ? len : 3);
            n += len ? len : 3;
            p += len ? len - 1 : 0;
        }
    }
    out[n] = '\0';
    return n;
}

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static void put(int fd, const char *line, int len, size_t room)
{
    if (len > 0)
        (void)!write(fd, line, (size_t)len < room ? (size_t)len : room - 1);
}

static void emit(enum log_level level, const char *text)
{
    char safe[1100];
    char line[1400];
    char stamp[40];
    struct timespec now;
    struct tm tm;
    (void)quote(safe, sizeof(safe), text);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    if (sink.fd >= 0) {
        const char *form = sink.format == LOG_FORMAT_JSON
                                   ? "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s.%06ldZ\"}\n"
                                   : "level=%s msg=\"%s\" time=\"%s.%06ldZ\"\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = snprintf(line, sizeof(line), form, level_names[level], safe, stamp,
                now.tv_nsec / 1000);
#pragma GCC diagnostic pop
        put(sink.fd, line, n, sizeof(line));
    }
    if (sink.fd < 0 || level == LOG_LEVEL_ERROR) {
        const char *tag = level == LOG_LEVEL_ERROR ? "" : level_names[level];
        plain(safe, sizeof(safe), text);
        int n = snprintf(line, sizeof(line), "islet%s%s: %s%s%s\n", sink.role ? " " : "",
                sink.role ? sink.role : "", tag, *tag ? ": " : "", safe);
        put(STDERR_FILENO, line, n, sizeof(line));
    }
}

static void event(enum log_level level, const char *fmt, va_list ap)
{
    int saved = errno;
    if (log_enabled(level)) {
        char text[1024];
        if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
            emit(level, text);
    }
    errno = saved;
}

#define DEFINE_LOG(name, level)                                                                    \
    void log_##name(const char *fmt, ...)                                                          \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        event(level, fmt, ap);                                                                     \
        va_end(ap);                                                                                \
    }

DEFINE_LOG(error, LOG_LEVEL_ERROR)
DEFINE_LOG(warn, LOG_LEVEL_WARN)
DEFINE_LOG(info, LOG_LEVEL_INFO)
DEFINE_LOG(debug, LOG_LEVEL_DEBUG)
