#include "services/presence-core/late_ack.h"

#include <stdlib.h>

enum { LATE_ACK_MS = 700 }; /* later than what tests have as ACK_TIMEOUT_MS */

typedef struct late_ack {
    uv_timer_t timer;
    request_t *request;
    Zp__Outcome outcome;
    Zp__Position position;
    late_ack_fn *ack;
} late_ack;

static void on_closed(uv_handle_t *timer) {
    free(timer->data);
}

static void on_due(uv_timer_t *timer) {
    late_ack *late = timer->data;
    late->ack(late->request, late->outcome, &late->position);
    uv_close((uv_handle_t *)timer, on_closed);
}

bool late_ack_keep(request_t *request, Zp__Outcome outcome, const Zp__Position *position, late_ack_fn *ack) {
    presence_core *core = request->core;
    late_ack *late = calloc(1, sizeof *late);
    if (!late) {
        return false;
    }
    *late = (late_ack){.request = request, .outcome = outcome, .position = *position, .ack = ack};
    uv_timer_init(&core->process.loop, &late->timer);
    late->timer.data = late;
    uv_timer_start(&late->timer, on_due, LATE_ACK_MS, 0);
    return true;
}
