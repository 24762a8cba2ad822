#include "services/http-api/scrape.h"
#include "common/base/clock.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

/* A socket of libcurl's on the loop. */
typedef struct watched_socket {
    uv_poll_t poll;
    curl_socket_t fd;
    struct scrape *scrape;
} watched_socket;

typedef struct transfer {
    CURL *easy;
    char *bytes;
    size_t len_bytes, capacity_bytes;
} transfer;

struct scrape {
    CURLM *multi;
    uv_loop_t *loop;
    uv_timer_t timer;
    uint64_t timeout_ms, began_at_ms;
    scrape_target *targets;
    transfer *transfers;
    size_t targets_count, under_way_count;
    scrape_done_fn *on_done;
    void *context;
};

bool scrape_is_running(const scrape_t *scrape) {
    return scrape->on_done != NULL;
}

/* -- one transfer -- */

static size_t on_bytes(char *bytes, size_t one, size_t count, void *context) {
    transfer *to = context;
    (void)one; /* is 1 */
    if (to->len_bytes + count > SCRAPED_MAX_BYTES) {
        return 0; /* libcurl ends it */
    }
    if (to->len_bytes + count > to->capacity_bytes) {
        size_t capacity = to->capacity_bytes ? to->capacity_bytes : 16384;
        while (capacity < to->len_bytes + count) {
            capacity *= 2;
        }
        char *larger = realloc(to->bytes, capacity);
        if (!larger) {
            return 0;
        }
        to->bytes = larger;
        to->capacity_bytes = capacity;
    }
    memcpy(to->bytes + to->len_bytes, bytes, count);
    to->len_bytes += count;
    return count;
}

/* Nothing but HTTP/1.1 to the address named: no proxy of the environment, no redirection elsewhere. */
static bool set_options(scrape_t *scrape, transfer *to, const scrape_target *target, const char *path) {
    char url[2 * SCRAPE_TARGET_BYTES];
    (void)snprintf(url, sizeof url, "http://%s%s", target->address, path);
    CURL *easy = to->easy;
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)scrape->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, to) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, to) == CURLE_OK;
}

static void begin(scrape_t *scrape, size_t index, const char *path) {
    transfer *to = &scrape->transfers[index];
    to->easy = curl_easy_init();
    if (!to->easy) {
        return;
    }
    if (set_options(scrape, to, &scrape->targets[index], path) &&
        curl_multi_add_handle(scrape->multi, to->easy) == CURLM_OK) {
        scrape->under_way_count++;
        return;
    }
    curl_easy_cleanup(to->easy);
    to->easy = NULL;
}

static void free_run(scrape_t *scrape) {
    for (size_t i = 0; i < scrape->targets_count; i++) {
        transfer *to = &scrape->transfers[i];
        if (to->easy) {
            (void)curl_multi_remove_handle(scrape->multi, to->easy);
            curl_easy_cleanup(to->easy);
        }
        free(to->bytes);
    }
    free(scrape->transfers);
    free(scrape->targets);
    scrape->transfers = NULL;
    scrape->targets = NULL;
    scrape->targets_count = scrape->under_way_count = 0;
    scrape->on_done = NULL;
}

static void end_if_done(scrape_t *scrape) {
    if (!scrape->on_done || scrape->under_way_count > 0) {
        return;
    }
    scrape->on_done(scrape->context, scrape->targets, scrape->targets_count);
    free_run(scrape);
}

static void take_result(scrape_t *scrape, transfer *to, bool up) {
    scrape_target *target = &scrape->targets[to - scrape->transfers];
    target->up = up;
    target->took_ms = clock_monotonic_ms() - scrape->began_at_ms;
    target->text = up ? str_view_make(to->bytes, to->len_bytes) : (str_view){0};
    (void)curl_multi_remove_handle(scrape->multi, to->easy);
    curl_easy_cleanup(to->easy);
    to->easy = NULL;
    scrape->under_way_count--;
}

static void take_results(scrape_t *scrape) {
    CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(scrape->multi, &left))) {
        char *to = NULL;
        bool up = message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
        if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &to) == CURLE_OK && to) {
            take_result(scrape, (transfer *)(void *)to, up);
        }
    }
    end_if_done(scrape);
}

/* -- libcurl on the loop -- */

static void on_timer(uv_timer_t *timer) {
    scrape_t *scrape = timer->data;
    int running = 0;
    (void)curl_multi_socket_action(scrape->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_results(scrape);
}

static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    scrape_t *scrape = context;
    if (timeout_ms < 0) {
        uv_timer_stop(&scrape->timer);
    } else {
        uv_timer_start(&scrape->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    const watched_socket *watched = poll->data;
    scrape_t *scrape = watched->scrape;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) |
                (status < 0 ? CURL_CSELECT_ERR : 0);
    int running = 0;
    (void)curl_multi_socket_action(scrape->multi, watched->fd, flags, &running);
    take_results(scrape);
}

static void on_poll_closed(uv_handle_t *handle) {
    free(handle->data);
}

static watched_socket *watch(scrape_t *scrape, curl_socket_t fd) {
    watched_socket *watched = calloc(1, sizeof *watched);
    if (!watched || uv_poll_init_socket(scrape->loop, &watched->poll, fd) != 0) {
        free(watched);
        return NULL;
    }
    watched->fd = fd;
    watched->scrape = scrape;
    watched->poll.data = watched;
    return watched;
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_data) {
    (void)easy;
    scrape_t *scrape = context;
    watched_socket *watched = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (watched) {
            uv_poll_stop(&watched->poll);
            uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
            (void)curl_multi_assign(scrape->multi, fd, NULL);
        }
        return 0;
    }
    if (!watched && !(watched = watch(scrape, fd))) {
        return 0; /* the transfer runs into its timeout */
    }
    (void)curl_multi_assign(scrape->multi, fd, watched);
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watched->poll, events, on_poll);
    return 0;
}

/* -- -- */

zp_error scrape_run(scrape_t *scrape, scrape_target *targets, size_t targets_count, const char *path,
                    scrape_done_fn *on_done, void *context) {
    transfer *transfers = calloc(targets_count + 1, sizeof *transfers);
    if (scrape_is_running(scrape) || !transfers) {
        free(targets);
        free(transfers);
        return transfers ? ZP_FULL : ZP_NO_MEMORY;
    }
    scrape->targets = targets;
    scrape->transfers = transfers;
    scrape->targets_count = targets_count;
    scrape->on_done = on_done;
    scrape->context = context;
    scrape->began_at_ms = clock_monotonic_ms();
    for (size_t i = 0; i < targets_count; i++) {
        begin(scrape, i, path);
    }
    if (scrape->under_way_count == 0) {
        uv_timer_start(&scrape->timer, on_timer, 0, 0);
    }
    return ZP_OK;
}

zp_error scrape_new(scrape_t **ret_scrape, uv_loop_t *loop, uint64_t timeout_ms) {
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) {
        return ZP_NO_MEMORY;
    }
    scrape_t *scrape = calloc(1, sizeof *scrape);
    CURLM *multi = curl_multi_init();
    if (!scrape || !multi) {
        curl_multi_cleanup(multi);
        free(scrape);
        curl_global_cleanup();
        return ZP_NO_MEMORY;
    }
    scrape->multi = multi;
    scrape->loop = loop;
    scrape->timeout_ms = timeout_ms;
    uv_timer_init(loop, &scrape->timer);
    scrape->timer.data = scrape;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, scrape);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, scrape);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)SCRAPES_AT_ONCE);
    *ret_scrape = scrape;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *handle) {
    free(handle->data);
}

void scrape_destroy(scrape_t **self) {
    scrape_t *scrape = *self;
    if (!scrape) {
        return;
    }
    *self = NULL;
    free_run(scrape);
    curl_multi_cleanup(scrape->multi); /* its sockets leave the loop by on_socket_wanted */
    curl_global_cleanup();
    uv_close((uv_handle_t *)&scrape->timer, on_timer_closed);
}
