#include "common/bus/bus_door.h"
#include "common/bus/bus_arrows.h"
#include "common/bus/bus_keys.h"
#include "common/bus/bus_poll.h"
#include "common/log/log.h"
#include "common/log/log_limit.h"
#include <czmq.h>
#include <stdlib.h>

static const char ZAP_ENDPOINT[] = "inproc://zeromq.zap.01";

/* A request as the ROUTER gets it (RFC 27), and the answer: its first four frames, then these. */
enum { PEER, DELIMITER, VERSION, REQUEST_ID, DOMAIN, ADDRESS, ROUTING_ID, MECHANISM, KEY, REQUEST_FRAMES };
enum { ECHOED_FRAMES = DOMAIN };

enum { SHOWN_BYTES = 128, KEY_TEXT_BYTES = 40 };

struct bus_door {
    bus_context bus;
    void *raw; /* ROUTER; by zsys_socket, as bus_socket's */
    bus_poll poll;
    log_limit said[BUS_REFUSALS_COUNT];
};

/* -- refusals -- */

static const struct {
    metric_id metric;
    const char *reason;
} REFUSALS[] = {
    [BUS_REFUSED_KEY] = {METRIC_BUS_REFUSED_KEY, "unknown_key"},
    [BUS_REFUSED_KIND] = {METRIC_BUS_REFUSED_KIND, "wrong_kind"},
    [BUS_REFUSED_ARROW] = {METRIC_BUS_REFUSED_ARROW, "wrong_arrow"},
    [BUS_REFUSED_HANDSHAKE] = {METRIC_BUS_REFUSED_HANDSHAKE, "handshake"},
};

void bus_door_refused(bus_door_t *door, bus_refusal why, const char *address, str_view detail) {
    metrics_add(door->bus.metrics, REFUSALS[why].metric, 1);
    uint64_t held_back = 0;
    if (!log_limit_pass(&door->said[why], uv_now(door->bus.loop), &held_back)) {
        return;
    }
    char shown_address[SHOWN_BYTES], shown_detail[SHOWN_BYTES];
    log_warn("bus.refused", "address=%s reason=%s detail=%s held_back=%llu",
             str_view_escape(str_view_of(address), shown_address, sizeof shown_address), REFUSALS[why].reason,
             str_view_escape(detail, shown_detail, sizeof shown_detail), (unsigned long long)held_back);
}

/* -- ZAP -- */

static str_view frame_view(zmq_msg_t *frame) {
    return str_view_make(zmq_msg_data(frame), zmq_msg_size(frame));
}

/* Whether `key` may come in, as whom; where not, that is said. */
static process_kind judge(bus_door_t *door, str_view domain, str_view address, str_view key) {
    char address_text[SHOWN_BYTES];
    (void)snprintf(address_text, sizeof address_text, "%.*s", (int)address.len, address.ptr);
    bool published = str_view_equal(domain, str_view_of(BUS_DOMAIN_PUB));
    process_kind owner = bus_keys_owner(door->bus.keys, (const uint8_t *)key.ptr, uv_now(door->bus.loop));
    if (!owner) {
        char key_text[KEY_TEXT_BYTES + 1];
        zmq_z85_encode(key_text, (const uint8_t *)key.ptr, key.len);
        bus_door_refused(door, BUS_REFUSED_KEY, address_text, str_view_of(key_text));
        return 0;
    }
    if (!(owner & bus_arrows_comers(config_process_kind(door->bus.config), published))) {
        bus_door_refused(door, BUS_REFUSED_KIND, address_text, str_view_of(process_kind_name(owner)));
        return 0;
    }
    return owner;
}

static void send_text(bus_door_t *door, const char *text, int flags) {
    (void)zmq_send(door->raw, text, strlen(text), ZMQ_DONTWAIT | flags);
}

/* Who asks is libzmq, from within: it takes an answer, or has given the connection up. */
static void answer(bus_door_t *door, zmq_msg_t frames[REQUEST_FRAMES], process_kind owner) {
    for (int i = PEER; i < ECHOED_FRAMES; i++) {
        (void)zmq_msg_send(&frames[i], door->raw, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    }
    send_text(door, owner ? "200" : "400", ZMQ_SNDMORE);
    send_text(door, owner ? "OK" : "No access", ZMQ_SNDMORE);
    send_text(door, owner ? process_kind_name(owner) : "", ZMQ_SNDMORE); /* the User-Id of its messages */
    send_text(door, "", 0);
}

static bool is_request(zmq_msg_t frames[REQUEST_FRAMES], size_t count) {
    return count == REQUEST_FRAMES && str_view_equal(frame_view(&frames[VERSION]), str_view_of("1.0")) &&
           str_view_equal(frame_view(&frames[MECHANISM]), str_view_of("CURVE")) &&
           zmq_msg_size(&frames[KEY]) == BUS_KEY_BYTES;
}

static bool serve_one(void *context) {
    bus_door_t *door = context;
    zmq_msg_t frames[REQUEST_FRAMES];
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, door->raw, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            break;
        }
        more = zmq_msg_more(&frame) != 0;
        if (count < REQUEST_FRAMES) {
            frames[count] = frame;
        } else {
            zmq_msg_close(&frame);
        }
        count++;
    }
    if (is_request(frames, count)) {
        answer(
            door, frames,
            judge(door, frame_view(&frames[DOMAIN]), frame_view(&frames[ADDRESS]), frame_view(&frames[KEY])));
    }
    for (size_t i = 0; i < count && i < REQUEST_FRAMES; i++) {
        zmq_msg_close(&frames[i]);
    }
    return count > 0;
}

/* -- making and ending -- */

zp_error bus_door_new(bus_door_t **ret_door, const bus_context *bus) {
    bus_door_t *door = calloc(1, sizeof *door);
    if (!door) {
        return ZP_NO_MEMORY;
    }
    door->bus = *bus;
    door->raw = zsys_socket(ZMQ_ROUTER, __FILE__, __LINE__);
    if (!door->raw || zmq_bind(door->raw, ZAP_ENDPOINT) != 0 ||
        bus_poll_begin(&door->poll, door->bus.loop, door->raw, serve_one, door) != ZP_OK) {
        log_error("bus.no_door", "reason=\"%s\"", zmq_strerror(zmq_errno()));
        if (door->raw) {
            zsys_close(door->raw, __FILE__, __LINE__);
        }
        free(door);
        return ZP_SYSTEM;
    }
    *ret_door = door;
    return ZP_OK;
}

void bus_door_destroy(bus_door_t **door_ref) {
    bus_door_t *door = *door_ref;
    if (!door) {
        return;
    }
    *door_ref = NULL;
    bus_poll_end(&door->poll, free);
    zsys_close(door->raw, __FILE__, __LINE__);
}
