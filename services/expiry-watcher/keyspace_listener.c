#include "services/expiry-watcher/keyspace_listener.h"
#include "common/log/log.h"
#include "common/redis/redis_connection.h"
#include "common/runtime/pulse.h"
#include <stdlib.h>

#define EXPIRED_CHANNEL "__keyevent@0__:expired"
#define MIRROR_PREFIX "presence:user:"

typedef enum listener_state {
    LISTENER_OUT_OF_REACH, /* Redis does not answer, or has not confirmed our subscription */
    LISTENER_OFF,          /* Redis does not notify, and does not let us change that */
    LISTENER_UNSURE,       /* Redis does not let us look whether it notifies, and has not done so yet */
    LISTENER_ON,
} listener_state;

/* What Redis said of notify-keyspace-events when it was asked last. */
typedef enum flags_answer { FLAGS_UNKNOWN, FLAGS_MISSING, FLAGS_SET } flags_answer;

enum { FLAGS_MAX_BYTES = 64 };

struct keyspace_listener {
    const bus_context *bus;
    hint_queue_t *hints;
    redis_connection_t *control;    /* asks and sets the flags */
    redis_connection_t *subscriber; /* hears the events */
    pulse_t pulse;
    listener_state state;
    flags_answer flags;
    bool asking;     /* CONFIG GET or SET is under way */
    bool asked;      /* flags is an answer of this connection's life */
    bool subscribed; /* confirmed */
    bool heard;      /* an event came in this life of the subscription */
};

static const char *state_says(listener_state state) {
    switch (state) {
    case LISTENER_OUT_OF_REACH:
        return "Redis is out of reach: no hints, the sweep alone takes users offline";
    case LISTENER_OFF:
        return "Redis does not notify of expired keys and refuses CONFIG SET: give it "
               "'notify-keyspace-events Ex' in "
               "its configuration; until then there are no hints, the sweep alone takes users offline";
    case LISTENER_UNSURE:
        return "Redis refuses CONFIG GET: whether it notifies of expired keys (notify-keyspace-events Ex) "
               "shows when "
               "the first one comes";
    case LISTENER_ON:
        break;
    }
    return "Redis notifies of expired keys";
}

static listener_state find_state(const keyspace_listener_t *listener) {
    if (!listener->subscribed || !listener->asked) {
        return LISTENER_OUT_OF_REACH;
    }
    switch (listener->flags) {
    case FLAGS_SET:
        return LISTENER_ON;
    case FLAGS_MISSING:
        return LISTENER_OFF;
    case FLAGS_UNKNOWN:
        break;
    }
    return listener->heard ? LISTENER_ON : LISTENER_UNSURE;
}

static void change_state(keyspace_listener_t *listener) {
    listener_state state = find_state(listener);
    if (state == listener->state) {
        return;
    }
    listener->state = state;
    metrics_set(listener->bus->metrics, METRIC_WATCHER_HINTS_ON, state == LISTENER_ON);
    if (state == LISTENER_ON) {
        log_info("keyspace.on", "text=\"%s\"", state_says(state));
    } else {
        log_warn("keyspace.degraded", "text=\"%s\"", state_says(state));
    }
}

static void answered(keyspace_listener_t *listener, flags_answer flags) {
    listener->asking = false;
    listener->asked = true;
    listener->flags = flags;
    change_state(listener);
}

static void send_command(keyspace_listener_t *listener, redis_reply_fn *on_reply, int count,
                         const char *const *arguments) {
    size_t bytes[4];
    for (int i = 0; i < count; i++) {
        bytes[i] = strlen(arguments[i]);
    }
    listener->asking =
        redis_connection_send(listener->control, on_reply, listener, count, arguments, bytes) == ZP_OK;
}

static void on_flags_set(void *context, const redisReply *reply) {
    keyspace_listener_t *listener = context;
    if (!reply) {
        listener->asking = false; /* on_down follows */
        return;
    }
    bool done = reply->type == REDIS_REPLY_STATUS;
    if (done) {
        log_info("keyspace.set", "text=\"notify-keyspace-events lacked E or x: added\"");
    }
    answered(listener, done ? FLAGS_SET : FLAGS_MISSING);
}

/* "A" stands for all classes of events, x among them. */
static void add_what_lacks(keyspace_listener_t *listener, const char *flags) {
    bool has_channel = strchr(flags, 'E') != NULL;
    bool has_class = strpbrk(flags, "xA") != NULL;
    if (has_channel && has_class) {
        answered(listener, FLAGS_SET);
        return;
    }
    char wanted[FLAGS_MAX_BYTES + 3];
    snprintf(wanted, sizeof wanted, "%s%s%s", flags, has_channel ? "" : "E", has_class ? "" : "x");
    const char *const command[] = {"CONFIG", "SET", "notify-keyspace-events", wanted};
    send_command(listener, on_flags_set, 4, command);
}

static void on_flags(void *context, const redisReply *reply) {
    keyspace_listener_t *listener = context;
    if (!reply) {
        listener->asking = false; /* on_down follows */
        return;
    }
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->type == REDIS_REPLY_STRING && reply->element[1]->len < FLAGS_MAX_BYTES) {
        add_what_lacks(listener, reply->element[1]->str);
    } else {
        answered(listener, FLAGS_UNKNOWN);
    }
}

static void ask_flags(keyspace_listener_t *listener) {
    if (!listener->asking && redis_connection_is_up(listener->control)) {
        const char *const command[] = {"CONFIG", "GET", "notify-keyspace-events"};
        send_command(listener, on_flags, 3, command);
    }
}

static void on_timer(uv_timer_t *timer) {
    ask_flags(timer->data);
}

static void on_control_up(void *context) {
    ask_flags(context);
}

/* The subscriber cannot tell a dead Redis from a quiet one; the control connection can, so it goes with it.
 */
static void on_control_down(void *context) {
    keyspace_listener_t *listener = context;
    listener->asked = false;
    redis_connection_restart(listener->subscriber);
    change_state(listener);
}

static void on_expired_key(keyspace_listener_t *listener, str_view key) {
    size_t prefix_bytes = sizeof MIRROR_PREFIX - 1;
    listener->heard = true;
    change_state(listener);
    if (key.len >= prefix_bytes && memcmp(key.ptr, MIRROR_PREFIX, prefix_bytes) == 0) {
        hint_queue_add(listener->hints, str_view_make(key.ptr + prefix_bytes, key.len - prefix_bytes));
    }
}

static void on_notification(void *context, const redisReply *reply) {
    keyspace_listener_t *listener = context;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING) {
        return; /* lost: on_subscriber_down follows */
    }
    if (strcmp(reply->element[0]->str, "subscribe") == 0) {
        listener->subscribed = true;
        change_state(listener);
    } else if (strcmp(reply->element[0]->str, "message") == 0 &&
               reply->element[2]->type == REDIS_REPLY_STRING) {
        on_expired_key(listener, str_view_make(reply->element[2]->str, (size_t)reply->element[2]->len));
    }
}

static void on_subscriber_up(void *context) {
    keyspace_listener_t *listener = context;
    if (redis_connection_subscribe(listener->subscriber, on_notification, listener, EXPIRED_CHANNEL) !=
        ZP_OK) {
        log_warn("keyspace.no_subscription", "channel=" EXPIRED_CHANNEL);
    }
}

static void on_subscriber_down(void *context) {
    keyspace_listener_t *listener = context;
    listener->subscribed = false;
    listener->heard = false;
    change_state(listener);
}

zp_error keyspace_listener_new(keyspace_listener_t **ret_listener, const bus_context *bus,
                               hint_queue_t *hints) {
    keyspace_listener_t *listener = calloc(1, sizeof *listener);
    if (!listener) {
        return ZP_NO_MEMORY;
    }
    listener->bus = bus;
    listener->hints = hints;
    uint64_t interval_ms = config_ms(bus->config, SETTING_KEYSPACE_CHECK_MS);
    uv_timer_init(bus->loop, &listener->pulse.timer);
    listener->pulse.timer.data = listener;
    pulse_start(&listener->pulse, on_timer, interval_ms, PULSE_BEAT);
    const redis_connection_events of_control = {.on_up = on_control_up, .on_down = on_control_down};
    const redis_connection_events of_subscriber = {.on_up = on_subscriber_up, .on_down = on_subscriber_down};
    zp_error error =
        redis_connection_new(&listener->subscriber, bus->loop, bus->config, &of_subscriber, listener);
    if (error == ZP_OK) {
        error = redis_connection_new(&listener->control, bus->loop, bus->config, &of_control, listener);
    }
    if (error != ZP_OK) {
        keyspace_listener_destroy(&listener);
        return error;
    }
    *ret_listener = listener;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void keyspace_listener_destroy(keyspace_listener_t **self) {
    keyspace_listener_t *listener = *self;
    if (!listener) {
        return;
    }
    *self = NULL;
    redis_connection_destroy(&listener->control);
    redis_connection_destroy(&listener->subscriber);
    uv_close((uv_handle_t *)&listener->pulse.timer, on_closed);
}
