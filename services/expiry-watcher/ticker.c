#include "services/expiry-watcher/ticker.h"
#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/runtime/pulse.h"
#include <inttypes.h>
#include <stdlib.h>

typedef enum ticker_state {
    TICKER_IDLE,    /* nothing is waited for */
    TICKER_WAITING, /* for the answer to request_id */
} ticker_state;

struct ticker {
    const bus_context *bus;
    core_link_t *cores;
    pulse_t pulse;
    ticker_state state;
    uint64_t request_id; /* of the last tick sent */
    uint64_t sent_at_ms;
    uint64_t turn;           /* chooses the core: changed where one did not do */
    uint64_t advanced_at_ms; /* when service time was last heard to pass; 0: never */
    Zp__Outcome outcome;     /* of the last answer */
    bool warned;
};

static void send_tick(ticker_t *ticker) {
    ticker->request_id++;
    if (core_link_tick(ticker->cores, ticker->request_id, ticker->turn) != ZP_OK) {
        ticker->turn++;
        return;
    }
    ticker->sent_at_ms = clock_monotonic_ms();
    ticker->state = TICKER_WAITING;
}

static void give_up(ticker_t *ticker) {
    metrics_add(ticker->bus->metrics, METRIC_WATCHER_TICKS_UNANSWERED, 1);
    ticker->state = TICKER_IDLE;
    ticker->turn++;
}

static void say_when_trouble_changes(ticker_t *ticker) {
    const char *trouble = ticker_trouble(ticker);
    if (trouble && !ticker->warned) {
        log_warn("ticker.stalled", "why=\"%s\"", trouble);
    } else if (!trouble && ticker->warned) {
        log_info("ticker.resumed", "cores=%zu", core_link_live_count(ticker->cores));
    }
    ticker->warned = trouble != NULL;
}

static void on_timer(uv_timer_t *timer) {
    ticker_t *ticker = timer->data;
    if (ticker->state == TICKER_WAITING && clock_monotonic_ms() - ticker->sent_at_ms >=
                                               config_ms(ticker->bus->config, SETTING_TICK_TIMEOUT_MS)) {
        give_up(ticker);
    }
    if (ticker->state == TICKER_IDLE) {
        send_tick(ticker);
    }
    say_when_trouble_changes(ticker);
}

void ticker_on_reply(ticker_t *ticker, const Zp__TickReply *reply) {
    if (ticker->state != TICKER_WAITING || reply->request_id != ticker->request_id) {
        return; /* the answer to a tick that was given up: the one in its place counts */
    }
    ticker->state = TICKER_IDLE;
    ticker->outcome = reply->outcome;
    metrics_t *metrics = ticker->bus->metrics;
    if (reply->outcome != ZP__OUTCOME__OUTCOME_OK) {
        metrics_add(metrics, METRIC_WATCHER_TICKS_REFUSED, 1);
        ticker->turn++;
        return;
    }
    ticker->advanced_at_ms = clock_monotonic_ms();
    metrics_add(metrics, METRIC_WATCHER_TICKS, 1);
    metrics_add(metrics, METRIC_WATCHER_ENDED, reply->ended);
    metrics_add(metrics, METRIC_WATCHER_SUSPENDED, reply->suspended);
    if (reply->ended > 0 || reply->suspended > 0) {
        log_debug("ticker.swept", "clock_ms=%" PRIu64 " ended=%" PRIu32 " suspended=%" PRIu32 " more=%d",
                  reply->clock_ms, reply->ended, reply->suspended, reply->more);
    }
    if (reply->more) {
        send_tick(ticker);
    }
}

void ticker_on_lost(ticker_t *ticker) {
    if (ticker->state == TICKER_WAITING) {
        give_up(ticker);
        send_tick(ticker);
    }
}

const char *ticker_trouble(const ticker_t *ticker) {
    const config_t *config = ticker->bus->config;
    uint64_t patience_ms =
        config_ms(config, SETTING_PEER_TIMEOUT_MS) + config_ms(config, SETTING_CLOCK_TICK_MS);
    if (ticker->advanced_at_ms != 0 && clock_monotonic_ms() - ticker->advanced_at_ms <= patience_ms) {
        return NULL;
    }
    if (core_link_live_count(ticker->cores) == 0) {
        return "no presence-core answers: service time stands still";
    }
    if (ticker->outcome == ZP__OUTCOME__OUTCOME_UNAVAILABLE) {
        return "presence-core cannot reach Redis: service time stands still";
    }
    return "presence-core does not answer ticks: service time stands still";
}

zp_error ticker_new(ticker_t **ret_ticker, const bus_context *bus, core_link_t *cores) {
    ticker_t *ticker = calloc(1, sizeof *ticker);
    if (!ticker) {
        return ZP_NO_MEMORY;
    }
    ticker->bus = bus;
    ticker->cores = cores;
    ticker->warned = true; /* the first thing to say is that it ticks */
    uint64_t interval_ms = config_ms(bus->config, SETTING_CLOCK_TICK_MS);
    uv_timer_init(bus->loop, &ticker->pulse.timer);
    ticker->pulse.timer.data = ticker;
    pulse_start(&ticker->pulse, on_timer, interval_ms, PULSE_BEAT);
    *ret_ticker = ticker;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void ticker_destroy(ticker_t **self) {
    if (*self) {
        uv_close((uv_handle_t *)&(*self)->pulse.timer, on_closed);
        *self = NULL;
    }
}
