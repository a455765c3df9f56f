// SPDX-License-Identifier: Apache-2.0
/* base/msg.c: whole or error, with descriptors, and none of them left open. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// cmocka needs the above
#include <cmocka.h>

#include "base/msg.h"
#include "base/own.h"

static int pair[2];

static int setup(void **state)
{
    (void)state;
    struct err e;
    return msg_pair(pair, &e);
}

static int teardown(void **state)
{
    (void)state;
    (void)close(pair[0]);
    if (pair[1] >= 0)
        (void)close(pair[1]);
    return 0;
}

static int open_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

static void test_msg_carries_data_and_descriptors(void **state)
{
    (void)state;
    struct err e;
    struct msg m;
    bool is_closed = true;
    int p[2];
    char c = 0;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(msg_send(pair[0], 7, "hello", 5, p, 2, &e), 0);
    assert_int_equal(msg_recv(pair[1], &m, &is_closed, &e), 0);
    assert_false(is_closed);
    assert_int_equal(m.type, 7);
    assert_int_equal(m.len, 5);
    assert_string_equal((char *)m.data, "hello");
    assert_int_equal(m.nfds, 2);
    assert_true(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(m.fds[1], "x", 1), 1);
    assert_int_equal(read(p[0], &c, 1), 1);
    (void)close(p[0]);
    (void)close(p[1]);
    msg_release(&m);
}

static void test_msg_error_becomes_the_receivers(void **state)
{
    (void)state;
    struct err e, sent;
    struct msg m;
    (void)err_set(&sent, ERR_CONFIG, "bad thing");
    assert_int_equal(msg_send_err(pair[0], &sent, &e), 0);
    assert_int_equal(msg_recv_answer(pair[1], &m, &e), -1);
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_string_equal(e.text, "bad thing");
}

static void test_msg_end_of_the_other_side(void **state)
{
    (void)state;
    struct err e;
    struct msg m;
    bool is_closed = false;
    (void)close(pair[1]);
    pair[1] = -1;
    assert_int_equal(msg_recv(pair[0], &m, &is_closed, &e), 0);
    assert_true(is_closed);
    assert_int_equal(msg_recv_answer(pair[0], &m, &e), -1);
    assert_string_equal(e.text, "the other process ended before it answered");
}

static void test_msg_refuses_lies_about_the_length(void **state)
{
    (void)state;
    struct err e;
    struct msg m;
    bool is_closed = false;
    const uint32_t lies[] = {1, 100, 3};
    assert_int_equal(send(pair[0], lies, sizeof(lies), 0), sizeof(lies));
    assert_int_equal(msg_recv(pair[1], &m, &is_closed, &e), -1);
    assert_int_equal(send(pair[0], lies, 5, 0), 5);
    assert_int_equal(msg_recv(pair[1], &m, &is_closed, &e), -1);
}

static void test_msg_refuses_too_many_descriptors_and_keeps_none(void **state)
{
    (void)state;
    struct err e;
    struct msg m;
    bool is_closed = false;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(20 * sizeof(int))];
    } control = {0};
    uint32_t header[2] = {1, 0};
    struct iovec iov = {header, sizeof(header)};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
    mh.msg_controllen = sizeof(control.bytes);
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    int fds[20] = {0};
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    int before = open_fds();
    assert_int_equal(sendmsg(pair[0], &mh, 0), sizeof(header));
    assert_int_equal(msg_recv(pair[1], &m, &is_closed, &e), -1);
    assert_int_equal(open_fds(), before);
}

static void test_msg_of_the_largest_size_and_one_more(void **state)
{
    (void)state;
    struct err e;
    struct msg m;
    bool is_closed = false;
    autofree char *big = mem_new(MSG_MAX_DATA + 1, 1);
    assert_int_equal(msg_send(pair[0], 1, big, MSG_MAX_DATA, NULL, 0, &e), 0);
    assert_int_equal(msg_recv(pair[1], &m, &is_closed, &e), 0);
    assert_int_equal(m.len, MSG_MAX_DATA);
    msg_release(&m);
    assert_int_equal(msg_send(pair[0], 1, big, MSG_MAX_DATA + 1, NULL, 0, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
            T(test_msg_carries_data_and_descriptors),
            T(test_msg_error_becomes_the_receivers),
            T(test_msg_end_of_the_other_side),
            T(test_msg_refuses_lies_about_the_length),
            T(test_msg_refuses_too_many_descriptors_and_keeps_none),
            T(test_msg_of_the_largest_size_and_one_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
