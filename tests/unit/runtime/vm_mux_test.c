// SPDX-License-Identifier: Apache-2.0
/* runtime/vm/mux.c: two links over a socket pair, in one loop. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/own.h"
#include "runtime/vm/mux.h"

struct side {
    struct mux *mux;
    unsigned frames;
    uint32_t last_id;
    unsigned broken;
    struct err why;
};

struct bed {
    struct loop *loop;
    struct side a, b;
    unsigned ended, clean;
    unsigned want_ended;
};

static struct bed bed;

static void stop_when_done(void)
{
    if (bed.ended >= bed.want_ended)
        loop_stop(bed.loop);
}

static void on_frame(void *arg, const struct wire_frame *f)
{
    struct side *s = arg;
    s->frames++;
    s->last_id = f->id;
    loop_stop(bed.loop);
}

static void on_broken(void *arg, const struct err *why)
{
    struct side *s = arg;
    s->broken++;
    s->why = *why;
    loop_stop(bed.loop);
}

static void on_end(void *arg, bool is_clean)
{
    (void)arg;
    bed.ended++;
    bed.clean += is_clean;
    stop_when_done();
}

static void on_timeout(void *arg)
{
    *(bool *)arg = true;
    loop_stop(bed.loop);
}

/* Runs until something stops the loop; true when it was the time. */
static bool run_for(unsigned ms)
{
    struct err e;
    bool is_late = false;
    struct loop_timer *t = loop_add_timer(bed.loop, ms, on_timeout, &is_late);
    assert_int_equal(loop_run(bed.loop, &e), 0);
    if (!is_late)
        loop_del_timer(t);
    return is_late;
}

static int setup(void **state)
{
    (void)state;
    struct err e;
    int sv[2];
    static const struct mux_events ev = {on_frame, on_broken};
    memset(&bed, 0, sizeof(bed));
    (void)signal(SIGPIPE, SIG_IGN);
    bed.loop = loop_new(&e);
    assert_non_null(bed.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
    bed.a.mux = mux_new(bed.loop, sv[0], false, &ev, &bed.a, &e);
    bed.b.mux = mux_new(bed.loop, sv[1], false, &ev, &bed.b, &e);
    assert_non_null(bed.a.mux);
    assert_non_null(bed.b.mux);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mux_free(bed.a.mux);
    mux_free(bed.b.mux);
    loop_free(bed.loop);
    return 0;
}

static void pipe_new(int p[2])
{
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
}

/* Two processes around the link: one writes `total` bytes of a pattern, one checks them. `other`
 * is the end of the pipe that the process must not hold. */
static pid_t fork_writer(int fd, int other, size_t total)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    unsigned char buf[7919];
    (void)close(other);
    for (size_t done = 0; done < total;) {
        size_t n = total - done < sizeof(buf) ? total - done : sizeof(buf);
        for (size_t i = 0; i < n; i++)
            buf[i] = (unsigned char)((done + i) * 31 >> 3);
        ssize_t w = write(fd, buf, n);
        if (w <= 0)
            _exit(1);
        done += (size_t)w;
    }
    _exit(0);
}

static pid_t fork_checker(int fd, int other, size_t total)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    unsigned char buf[8192];
    size_t done = 0;
    (void)close(other);
    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++, done++)
            if (buf[i] != (unsigned char)(done * 31 >> 3))
                _exit(2);
    }
    _exit(done == total ? 0 : 3);
}

static int status_of(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void test_mux_carries_64_mib_and_the_end(void **state)
{
    (void)state;
    struct err e;
    const size_t total = 64u << 20;
    int in[2], out[2];
    pipe_new(in);
    pid_t writer = fork_writer(in[1], in[0], total);
    (void)close(in[1]);
    pipe_new(out);
    pid_t checker = fork_checker(out[0], out[1], total);
    (void)close(out[0]);
    struct mux_source *s = mux_source_new(bed.a.mux, 5, on_end, NULL);
    struct mux_sink *k = mux_sink_new(bed.b.mux, 5, on_end, NULL);
    assert_int_equal(mux_source_attach(s, in[0], &e), 0);
    assert_int_equal(mux_sink_attach(k, out[1], &e), 0);
    bed.want_ended = 2;
    assert_false(run_for(60000));
    assert_int_equal(bed.ended, 2);
    assert_int_equal(bed.clean, 2);
    assert_int_equal(status_of(writer), 0);
    assert_int_equal(status_of(checker), 0);
}

static void test_mux_slow_reader_stops_the_writer_and_no_control_frame(void **state)
{
    (void)state;
    struct err e;
    int in[2], out[2];
    pipe_new(in);
    pipe_new(out);
    struct mux_source *s = mux_source_new(bed.a.mux, 5, on_end, NULL);
    struct mux_sink *k = mux_sink_new(bed.b.mux, 5, on_end, NULL);
    assert_int_equal(mux_source_attach(s, in[0], &e), 0);
    assert_int_equal(mux_sink_attach(k, out[1], &e), 0);
    (void)fcntl(in[1], F_SETFL, O_NONBLOCK);
    static char block[65536];
    size_t taken = 0;
    bed.want_ended = 1;
    for (int i = 0; i < 200; i++) {
        ssize_t n = write(in[1], block, sizeof(block));
        if (n > 0)
            taken += (size_t)n;
        (void)run_for(2);
    }
    /* two pipes of 64 KiB and one window, plus what a frame rounds up */
    assert_in_range(taken, WIRE_WINDOW, WIRE_WINDOW + 3 * 65536);
    mux_send(bed.a.mux, WIRE_START, 77, NULL);
    mux_send(bed.b.mux, WIRE_REPLY, 78, NULL);
    while (!(bed.a.frames && bed.b.frames))
        assert_false(run_for(1000));
    assert_int_equal(bed.b.last_id, 77);
    assert_int_equal(bed.a.last_id, 78);
    /* once somebody reads, everything arrives */
    (void)close(in[1]);
    (void)fcntl(out[0], F_SETFL, O_NONBLOCK);
    size_t got = 0;
    static char sinkhole[65536];
    for (int i = 0; i < 400; i++) {
        ssize_t n = read(out[0], sinkhole, sizeof(sinkhole));
        if (n > 0)
            got += (size_t)n;
        else if (n == 0)
            break;
        (void)run_for(2);
    }
    assert_int_equal(got, taken);
    (void)close(out[0]);
}

static void test_mux_half_close_leaves_the_other_direction(void **state)
{
    (void)state;
    struct err e;
    int up_in[2], up_out[2], down_in[2], down_out[2];
    char c = 0;
    pipe_new(up_in);
    pipe_new(up_out);
    pipe_new(down_in);
    pipe_new(down_out);
    struct mux_source *up = mux_source_new(bed.a.mux, 4, on_end, NULL);
    struct mux_sink *up_k = mux_sink_new(bed.b.mux, 4, on_end, NULL);
    struct mux_source *down = mux_source_new(bed.b.mux, 5, on_end, NULL);
    struct mux_sink *down_k = mux_sink_new(bed.a.mux, 5, on_end, NULL);
    assert_int_equal(mux_source_attach(up, up_in[0], &e), 0);
    assert_int_equal(mux_sink_attach(up_k, up_out[1], &e), 0);
    assert_int_equal(mux_source_attach(down, down_in[0], &e), 0);
    assert_int_equal(mux_sink_attach(down_k, down_out[1], &e), 0);
    (void)close(up_in[1]); /* end of stdin */
    bed.want_ended = 2;
    assert_false(run_for(2000));
    assert_int_equal(read(up_out[0], &c, 1), 0);
    assert_int_equal(write(down_in[1], "x", 1), 1);
    (void)run_for(50);
    assert_int_equal(read(down_out[0], &c, 1), 1);
    assert_int_equal(c, 'x');
    (void)close(down_in[1]);
    bed.want_ended = 4;
    assert_false(run_for(2000));
    assert_int_equal(bed.clean, 4);
    (void)close(up_out[0]);
    (void)close(down_out[0]);
}

static void test_mux_gone_reader_closes_the_source(void **state)
{
    (void)state;
    struct err e;
    int in[2], out[2];
    pipe_new(in);
    pipe_new(out);
    struct mux_source *s = mux_source_new(bed.a.mux, 5, on_end, NULL);
    struct mux_sink *k = mux_sink_new(bed.b.mux, 5, on_end, NULL);
    assert_int_equal(mux_source_attach(s, in[0], &e), 0);
    assert_int_equal(mux_sink_attach(k, out[1], &e), 0);
    (void)close(out[0]);
    assert_int_equal(write(in[1], "x", 1), 1);
    bed.want_ended = 2;
    assert_false(run_for(2000));
    assert_int_equal(bed.clean, 0);
    assert_int_equal(write(in[1], "x", 1), -1); /* EPIPE: the payload learns of it */
    (void)close(in[1]);
}

static void test_mux_drain_sends_what_is_there_though_writers_remain(void **state)
{
    (void)state;
    struct err e;
    int in[2], out[2];
    char buf[16];
    pipe_new(in);
    pipe_new(out);
    (void)fcntl(in[0], F_SETFL, O_NONBLOCK);
    assert_int_equal(write(in[1], "last words", 10), 10);
    struct mux_source *s = mux_source_new(bed.a.mux, 5, on_end, NULL);
    struct mux_sink *k = mux_sink_new(bed.b.mux, 5, on_end, NULL);
    assert_int_equal(mux_source_attach(s, in[0], &e), 0);
    assert_int_equal(mux_sink_attach(k, out[1], &e), 0);
    mux_source_drain(s);
    bed.want_ended = 2;
    assert_false(run_for(2000));
    assert_int_equal(bed.clean, 2);
    assert_int_equal(read(out[0], buf, sizeof(buf)), 10);
    (void)close(in[1]);
    (void)close(out[0]);
}

static void test_mux_sends_a_regular_file(void **state)
{
    (void)state;
    struct err e;
    int out[2];
    char buf[16];
    pipe_new(out);
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(write(fileno(f), "hello", 5), 5);
    (void)lseek(fileno(f), 0, SEEK_SET);
    struct mux_source *s = mux_source_new(bed.a.mux, 7, on_end, NULL);
    struct mux_sink *k = mux_sink_new(bed.b.mux, 7, on_end, NULL);
    assert_int_equal(mux_source_attach(s, dup(fileno(f)), &e), 0);
    assert_int_equal(mux_sink_attach(k, out[1], &e), 0);
    bed.want_ended = 2;
    assert_false(run_for(2000));
    assert_int_equal(read(out[0], buf, sizeof(buf)), 5);
    (void)fclose(f);
    (void)close(out[0]);
}

static void test_mux_sink_keeps_bytes_until_it_has_a_descriptor(void **state)
{
    (void)state;
    struct err e;
    int in[2], out[2];
    char buf[16];
    pipe_new(in);
    pipe_new(out);
    struct mux_source *s = mux_source_new(bed.a.mux, 4, on_end, NULL);
    struct mux_sink *k = mux_sink_new(bed.b.mux, 4, on_end, NULL);
    assert_int_equal(mux_source_attach(s, in[0], &e), 0);
    assert_int_equal(write(in[1], "early", 5), 5);
    (void)close(in[1]);
    bed.want_ended = 2;
    assert_true(run_for(50));
    assert_int_equal(bed.ended, 1);
    assert_int_equal(mux_sink_attach(k, out[1], &e), 0);
    assert_int_equal(bed.ended, 2);
    assert_int_equal(read(out[0], buf, sizeof(buf)), 5);
    (void)close(out[0]);
}

/* -- a hostile other side: raw bytes instead of a mux ------------------------------------------ */

static int raw_side(void)
{
    struct err e;
    int sv[2];
    static const struct mux_events ev = {on_frame, on_broken};
    mux_free(bed.a.mux);
    mux_free(bed.b.mux);
    bed.a.mux = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
    bed.b.mux = mux_new(bed.loop, sv[0], false, &ev, &bed.b, &e);
    assert_non_null(bed.b.mux);
    return sv[1];
}

static void raw_frame(int fd, uint16_t type, uint32_t stream, uint32_t len, const void *data)
{
    unsigned char h[WIRE_HEADER];
    struct wire_frame f = {.type = type, .stream = stream, .len = len};
    wire_header_put(h, &f);
    assert_int_equal(write(fd, h, sizeof(h)), sizeof(h));
    if (data)
        assert_int_equal(write(fd, data, len), len);
}

static void test_mux_breaks_on_data_beyond_the_credit(void **state)
{
    (void)state;
    static char block[65000];
    int fd = raw_side();
    (void)mux_sink_new(bed.b.mux, 5, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        raw_frame(fd, WIRE_DATA, 5, sizeof(block), block);
        assert_true(run_for(20));
    }
    raw_frame(fd, WIRE_DATA, 5, sizeof(block), block);
    assert_false(run_for(1000));
    assert_int_equal(bed.b.broken, 1);
    assert_string_equal(bed.b.why.text, "stream 5: data without credit");
    (void)close(fd);
}

static void test_mux_breaks_on_credit_never_given(void **state)
{
    (void)state;
    int fd = raw_side();
    (void)mux_source_new(bed.b.mux, 5, NULL, NULL);
    raw_frame(fd, WIRE_CREDIT, 5, 4, "\1\0\0\0");
    assert_false(run_for(1000));
    assert_int_equal(bed.b.broken, 1);
    assert_string_equal(bed.b.why.text, "stream 5: credit that was never given");
    (void)close(fd);
}

static void test_mux_ignores_frames_of_streams_that_are_gone(void **state)
{
    (void)state;
    int fd = raw_side();
    raw_frame(fd, WIRE_DATA, 99, 3, "abc");
    raw_frame(fd, WIRE_EOF, 99, 0, NULL);
    raw_frame(fd, WIRE_STOP, 98, 0, NULL);
    raw_frame(fd, WIRE_CREDIT, 97, 4, "\1\0\0\0");
    assert_true(run_for(50));
    assert_int_equal(bed.b.broken, 0);
    (void)close(fd);
    assert_false(run_for(1000));
    assert_int_equal(bed.b.broken, 1);
    assert_int_equal(bed.b.why.kind, ERR_NONE); /* a plain end */
}

static void test_mux_breaks_when_the_other_side_reads_nothing(void **state)
{
    (void)state;
    int fd = raw_side();
    struct wire_out big = {0};
    static char block[60000];
    wire_put_bytes(&big, block, sizeof(block));
    for (int i = 0; i < 200 && !bed.b.broken; i++)
        mux_send(bed.b.mux, WIRE_REPLY, 1, &big);
    assert_int_equal(bed.b.broken, 1);
    wire_out_release(&big);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
            T(test_mux_carries_64_mib_and_the_end),
            T(test_mux_slow_reader_stops_the_writer_and_no_control_frame),
            T(test_mux_half_close_leaves_the_other_direction),
            T(test_mux_gone_reader_closes_the_source),
            T(test_mux_drain_sends_what_is_there_though_writers_remain),
            T(test_mux_sends_a_regular_file),
            T(test_mux_sink_keeps_bytes_until_it_has_a_descriptor),
            T(test_mux_breaks_on_data_beyond_the_credit),
            T(test_mux_breaks_on_credit_never_given),
            T(test_mux_ignores_frames_of_streams_that_are_gone),
            T(test_mux_breaks_when_the_other_side_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
