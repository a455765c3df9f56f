// SPDX-License-Identifier: Apache-2.0
/* See loop.h. Deleted watches are kept until the round is over: epoll may have reported them. */
#include "base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define LOOP_BATCH 32

struct loop_fd {
    struct loop *loop;
    struct loop_fd *next;
    int fd;
    uint32_t events;
    bool is_in_epoll;
    bool is_always; /* not pollable: always ready */
    bool is_dead;
    loop_fd_fn *fn;
    void *arg;
};

struct loop_timer {
    struct loop *loop;
    struct loop_timer *next; /* sorted by time */
    uint64_t due_ms;
    loop_timer_fn *fn;
    void *arg;
};

struct loop {
    int epfd;
    bool is_stopped;
    bool has_dead;
    struct loop_fd *fds;
    struct loop_timer *timers;
};

static uint64_t now_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct loop *loop_new(struct err *e)
{
    autoclose int epfd = epoll_create1(EPOLL_CLOEXEC);
    if (epfd < 0) {
        (void)err_sys(e, "epoll_create1");
        return NULL;
    }
    struct loop *l = mem_new(1, sizeof(*l));
    l->epfd = steal_fd(epfd);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    while (l->fds) {
        struct loop_fd *w = l->fds;
        l->fds = w->next;
        mem_free(w);
    }
    while (l->timers)
        loop_del_timer(l->timers);
    (void)close(l->epfd);
    mem_free(l);
}

/* Brings the kernel's set in line with w->events. */
static int watch_sync(struct loop_fd *w)
{
    if (w->is_always)
        return 0;
    struct epoll_event ev = {.events = w->events, .data.ptr = w};
    if (w->events == 0) {
        if (w->is_in_epoll)
            (void)epoll_ctl(w->loop->epfd, EPOLL_CTL_DEL, w->fd, &ev); /* closed already: fine */
        w->is_in_epoll = false;
        return 0;
    }
    int op = w->is_in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(w->loop->epfd, op, w->fd, &ev) < 0) {
        if (errno != EPERM)
            return -1;
        w->is_always = true;
        return 0;
    }
    w->is_in_epoll = true;
    return 0;
}

struct loop_fd *loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
        struct err *e)
{
    autofree struct loop_fd *w = mem_new(1, sizeof(*w));
    *w = (struct loop_fd){.loop = l, .fd = fd, .events = events, .fn = fn, .arg = arg};
    if (watch_sync(w) < 0) {
        (void)err_sys(e, "epoll_ctl of descriptor %d", fd);
        return NULL;
    }
    w->next = l->fds;
    l->fds = w;
    return steal_ptr(w);
}

void loop_set_fd(struct loop_fd *w, uint32_t events)
{
    if (w->events == events)
        return;
    w->events = events;
    ASSERT(watch_sync(w) == 0); /* it was pollable before; only our own mistakes fail here */
}

void loop_del_fd(struct loop_fd *w)
{
    if (!w)
        return;
    loop_set_fd(w, 0);
    w->is_dead = true;
    w->loop->has_dead = true;
}

static void sweep(struct loop *l)
{
    struct loop_fd **at = &l->fds;
    while (l->has_dead && *at) {
        struct loop_fd *w = *at;
        if (w->is_dead) {
            *at = w->next;
            mem_free(w);
        } else {
            at = &w->next;
        }
    }
    l->has_dead = false;
}

struct loop_timer *loop_add_timer(struct loop *l, unsigned ms, loop_timer_fn *fn, void *arg)
{
    struct loop_timer *t = mem_new(1, sizeof(*t));
    *t = (struct loop_timer){.loop = l, .due_ms = now_ms() + ms, .fn = fn, .arg = arg};
    struct loop_timer **at = &l->timers;
    while (*at && (*at)->due_ms <= t->due_ms)
        at = &(*at)->next;
    t->next = *at;
    *at = t;
    return t;
}

void loop_del_timer(struct loop_timer *t)
{
    if (!t)
        return;
    struct loop_timer **at = &t->loop->timers;
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
    mem_free(t);
}

static void timers_fire(struct loop *l)
{
    uint64_t now = now_ms();
    while (!l->is_stopped && l->timers && l->timers->due_ms <= now) {
        struct loop_timer *t = l->timers;
        loop_timer_fn *fn = t->fn;
        void *arg = t->arg;
        loop_del_timer(t);
        fn(arg);
    }
}

static bool is_always_wanted(const struct loop_fd *w)
{
    return w->is_always && !w->is_dead && w->events != 0;
}

/* -1: no end; 0 when a descriptor is always ready. */
static int wait_ms(const struct loop *l)
{
    for (const struct loop_fd *w = l->fds; w; w = w->next)
        if (is_always_wanted(w))
            return 0;
    if (!l->timers)
        return -1;
    uint64_t now = now_ms();
    if (l->timers->due_ms <= now)
        return 0;
    uint64_t left = l->timers->due_ms - now;
    return left > 1000000 ? 1000000 : (int)left;
}

static int round_run(struct loop *l, struct err *e)
{
    struct epoll_event ev[LOOP_BATCH];
    int n = epoll_wait(l->epfd, ev, LOOP_BATCH, wait_ms(l));
    if (n < 0 && errno != EINTR)
        return err_sys(e, "epoll_wait");
    for (int i = 0; i < n && !l->is_stopped; i++) {
        struct loop_fd *w = ev[i].data.ptr;
        /* interest may have gone since the kernel looked; errors and hangups go with either */
        if (!w->is_dead && w->events != 0)
            w->fn(w->arg, ev[i].events);
    }
    /* callbacks put new watches in front, so this walk sees each old one once */
    for (struct loop_fd *w = l->fds; w && !l->is_stopped; w = w->next)
        if (is_always_wanted(w))
            w->fn(w->arg, w->events);
    timers_fire(l);
    sweep(l);
    return 0;
}

int loop_run(struct loop *l, struct err *e)
{
    l->is_stopped = false;
    while (!l->is_stopped)
        if (round_run(l, e) < 0)
            return -1;
    return 0;
}

void loop_stop(struct loop *l)
{
    l->is_stopped = true;
}
