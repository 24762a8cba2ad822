#include "services/ws-edge/token_expiry.h"

#include "common/base/clock.h"
#include "common/runtime/pulse.h"

#include <assert.h>
#include <stdlib.h>

enum { TICK_MS = 250, LOOK_AGAIN_MS = 60000, WHEEL_SLOTS = LOOK_AGAIN_MS / TICK_MS + 2 };

typedef struct token_deadline {
    timer_wheel_entry entry; /* first: an entry is its deadline */
    edge_client *client;
    uint64_t ends_at_unix_ms;
} token_deadline;

struct token_expiry {
    uv_loop_t *loop;
    timer_wheel_t *wheel; /* in uv_now's time */
    pulse_t pulse;
    token_expired_fn *fn;
    void *context;
};

static void set(token_expiry_t *expiry, token_deadline *deadline) {
    uint64_t now_unix_ms = clock_unix_ms();
    uint64_t ends_at_ms = deadline->ends_at_unix_ms;
    uint64_t wait_ms = ends_at_ms > now_unix_ms ? ends_at_ms - now_unix_ms : 0;
    timer_wheel_set(expiry->wheel, &deadline->entry,
                    uv_now(expiry->loop) + (wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS));
}

static void on_due(void *context, timer_wheel_entry *entry) {
    token_expiry_t *expiry = context;
    token_deadline *deadline = (token_deadline *)(void *)entry;
    if (clock_unix_ms() < deadline->ends_at_unix_ms) {
        set(expiry, deadline);
        return;
    }
    edge_client *client = deadline->client;
    token_expiry_forget(expiry, client);
    expiry->fn(expiry->context, client);
}

static void on_tick(uv_timer_t *timer) {
    token_expiry_t *expiry = timer->data;
    timer_wheel_advance(expiry->wheel, uv_now(expiry->loop), on_due, expiry);
    if (timer_wheel_count(expiry->wheel) == 0) {
        uv_timer_stop(timer);
    }
}

zp_error token_expiry_new(token_expiry_t **ret_expiry, uv_loop_t *loop, token_expired_fn *fn, void *context) {
    token_expiry_t *expiry = calloc(1, sizeof *expiry);
    if (!expiry) {
        return ZP_NO_MEMORY;
    }
    expiry->wheel = timer_wheel_new(TICK_MS, WHEEL_SLOTS, uv_now(loop));
    if (!expiry->wheel || uv_timer_init(loop, &expiry->pulse.timer) != 0) {
        timer_wheel_destroy(&expiry->wheel);
        free(expiry);
        return ZP_NO_MEMORY;
    }
    expiry->loop = loop;
    expiry->fn = fn;
    expiry->context = context;
    expiry->pulse.timer.data = expiry;
    *ret_expiry = expiry;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    free(timer->data);
}

void token_expiry_destroy(token_expiry_t **expiry) {
    if (*expiry) {
        timer_wheel_destroy(&(*expiry)->wheel);
        uv_close((uv_handle_t *)&(*expiry)->pulse.timer, on_timer_closed);
        *expiry = NULL;
    }
}

zp_error token_expiry_watch(token_expiry_t *expiry, edge_client *client, uint64_t ends_at_unix_ms) {
    assert(!client->ends);
    token_deadline *deadline = calloc(1, sizeof *deadline);
    if (!deadline) {
        return ZP_NO_MEMORY;
    }
    deadline->client = client;
    deadline->ends_at_unix_ms = ends_at_unix_ms;
    client->ends = deadline;
    if (timer_wheel_count(expiry->wheel) == 0) {
        timer_wheel_advance(expiry->wheel, uv_now(expiry->loop), on_due, expiry); /* it stood still */
        pulse_start(&expiry->pulse, on_tick, TICK_MS, PULSE_BEAT);
    }
    set(expiry, deadline);
    return ZP_OK;
}

void token_expiry_forget(token_expiry_t *expiry, edge_client *client) {
    if (client->ends) {
        timer_wheel_cancel(expiry->wheel, &client->ends->entry);
        free(client->ends);
        client->ends = NULL;
    }
}
