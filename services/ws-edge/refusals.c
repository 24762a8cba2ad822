#include "services/ws-edge/refusals.h"

#include "common/base/random.h"
#include "common/log/log.h"

#include <sys/socket.h>
#include <unistd.h>

enum { SAY_AGAIN_MS = 60000, DISCARD_BYTES = 4096, MS_PER_S = 1000 };

static const metric_id refusal_metrics[REFUSALS_COUNT] = {
#define X(id, status, code, text) [id] = METRIC_EDGE_##id,
    REFUSALS(X)
#undef X
};

void refusals_init(refusals *self, const uv_loop_t *loop, const config_t *config, metrics_t *metrics) {
    unsigned spread_s = (unsigned)(config_ms(config, SETTING_RECONNECT_SPREAD_MS) / MS_PER_S);
    *self = (refusals){.loop = loop, .metrics = metrics, .retry_spread_s = spread_s > 0 ? spread_s : 1};
}

/* Who floods does not fill the log too. */
static bool may_be_said(refusals *self, request_refusal about) {
    uint64_t now_ms = uv_now(self->loop);
    if (now_ms < self->say_again_at_ms[about]) {
        return false;
    }
    self->say_again_at_ms[about] = now_ms + SAY_AGAIN_MS;
    return true;
}

static void note(refusals *self, request_refusal refusal, const ip_address *from) {
    char from_text[IP_TEXT_BYTES];
    const char *code = request_refusal_code(refusal);
    metrics_add(self->metrics, refusal_metrics[refusal], 1);
    if (request_refusal_is_limit(refusal) && may_be_said(self, refusal)) {
        log_warn("edge.handshake.limited", "code=%s from=%s so_far=%lld", code,
                 ip_address_text(from, from_text),
                 (long long)metrics_get(self->metrics, refusal_metrics[refusal]));
    } else {
        log_debug("edge.handshake.refused", "code=%s from=%s", code, ip_address_text(from, from_text));
    }
}

/* The answer is far smaller than an empty send buffer; a client that closed already misses nothing. */
bool refusals_answer(refusals *self, int fd, request_refusal refusal, const ip_address *from) {
    char answer[REFUSAL_ANSWER_BYTES];
    unsigned retry_after_s = 1 + (unsigned)(random_u64() % self->retry_spread_s);
    size_t len = request_refusal_answer(refusal, retry_after_s, answer);
    note(self, refusal, from);
    return send(fd, answer, len, MSG_NOSIGNAL) >= 0 && shutdown(fd, SHUT_WR) == 0;
}

/* Closed with bytes unread, the kernel would send a reset, and the client might lose the answer. */
void refusals_turn_away(refusals *self, int fd, request_refusal refusal, const ip_address *from) {
    char dropped[DISCARD_BYTES];
    (void)!recv(fd, dropped, sizeof dropped, 0);
    (void)refusals_answer(self, fd, refusal, from);
    close(fd);
}

void refusals_note_forwarded(refusals *self, const ip_address *from) {
    char from_text[IP_TEXT_BYTES];
    metrics_add(self->metrics, METRIC_EDGE_FORWARDED_IGNORED, 1);
    if (may_be_said(self, NOT_REFUSED)) {
        log_info("edge.forwarded.ignored", "from=%s reason=\"not in TRUSTED_PROXIES\"",
                 ip_address_text(from, from_text));
    }
}
