/* bench-load - a load generator: many WebSocket clients in one thread, steered by lines on stdin
 * (commands.h), ended by the end of stdin. It needs libc and nothing else, waits in one place (epoll), and
 * tells what CPU it took itself. */

#include "tests/bench/load/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 512, LINE_BYTES = 1024, TICK_NS = 1000000 };

static fleet the_fleet;

typedef struct input {
    char line[LINE_BYTES];
    size_t len_bytes;
    bool ended;
} input;

static void read_commands(input *in, commands *to) {
    ssize_t got = read(STDIN_FILENO, in->line + in->len_bytes, sizeof in->line - in->len_bytes);
    if (got <= 0) {
        in->ended = got == 0 || errno != EINTR;
        return;
    }
    in->len_bytes += (size_t)got;
    for (char *end = NULL; (end = memchr(in->line, '\n', in->len_bytes));) {
        *end = '\0';
        size_t taken = (size_t)(end - in->line) + 1;
        commands_take(to, in->line);
        in->len_bytes -= taken;
        memmove(in->line, end + 1, in->len_bytes);
    }
    in->ended = in->len_bytes == sizeof in->line; /* no command is that long */
}

/* Wakes us at `at_ns`, or not at all where that is UINT64_MAX. */
static void set_alarm(int timer, uint64_t at_ns) {
    struct itimerspec at = {0};
    if (at_ns != UINT64_MAX) {
        at.it_value.tv_sec = (time_t)(at_ns / 1000000000ULL);
        at.it_value.tv_nsec = (long)(at_ns % 1000000000ULL) + 1; /* 0 would disarm it */
        if (at.it_value.tv_nsec == 1000000000L) {
            at.it_value.tv_nsec--;
        }
    }
    (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void watch(int epoll, int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll_ctl");
        exit(EXIT_FAILURE);
    }
}

static void run(fleet *f, int timer) {
    input in = {.len_bytes = 0};
    commands steering = {.fleet = f};
    struct epoll_event events[EVENTS_MAX];
    watch(f->epoll, STDIN_FILENO, &in);
    watch(f->epoll, timer, &timer);
    while (!in.ended) {
        uint64_t wake_ns = commands_step(&steering);
        uint64_t tick_ns = (f->movers_until_ms + 1) * TICK_NS;
        if (f->in_state[CLIENT_MOVING] > 0 && tick_ns < wake_ns) {
            wake_ns = tick_ns;
        }
        set_alarm(timer, wake_ns);
        int count = epoll_wait(f->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            void *what = events[i].data.ptr;
            uint64_t expirations = 0;
            if (what == &in) {
                read_commands(&in, &steering);
            } else if (what == &timer) {
                (void)!read(timer, &expirations, sizeof expirations);
            } else {
                client_event(f, what, events[i].events);
            }
        }
        client_move_due(f, monotonic_ns());
    }
    free(steering.users);
    free(steering.message);
}

int main(void) {
    fleet *f = &the_fleet;
    struct rlimit files;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a driver that dies leaves no load behind */
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (f->epoll < 0 || timer < 0) {
        perror("bench-load");
        return EXIT_FAILURE;
    }
    f->random = monotonic_ns() | 1;
    f->movers_until_ms = monotonic_ns() / TICK_NS;
    for (size_t i = 0; i < MOVER_SLOTS; i++) {
        f->movers[i] = NOBODY;
    }
    run(f, timer);
    for (size_t i = 0; i < f->clients_count; i++) {
        free(f->clients[i].part);
    }
    free(f->clients);
    return EXIT_SUCCESS;
}
