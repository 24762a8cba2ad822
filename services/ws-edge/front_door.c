#include "services/ws-edge/front_door.h"

#include "common/http/listen_socket.h"
#include "common/log/log.h"
#include "services/ws-edge/core/admission.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64, /* so that a storm of connects does not starve those who are in */
    ACCEPT_PAUSE_MS = 100, /* out of descriptors: until somebody may have left */
    HOLD_MS = 5,           /* between two looks whether there is room again */
    HOLD_SAID_MS = 60000,  /* between two lines that say so */
    STOPPING_MAX = 8192,   /* connections that are still answered when the door closes */
    /* Kept in the kernel for a client that does not read; what is newer is coalesced. */
    UNSENT_MAX_BYTES = 65536,
};

/* What becomes of the next one who waits. */
typedef enum door_state {
    DOOR_OPEN,
    DOOR_HELD_RATE,  /* waits: HANDSHAKE_RATE */
    DOOR_HELD_HEADS, /* waits: HANDSHAKES_MAX heads are under way, and none is slow */
    DOOR_HELD_CORES, /* waits: the cores are behind */
    DOOR_LATE,       /* has waited for too long, and would have to go on */
} door_state;

struct front_door {
    uv_loop_t *loop;
    metrics_t *metrics;
    bool (*is_congested)(void *context);
    void *context;
    guests_t *guests;
    admission admission;
    uv_poll_t listener;
    uv_timer_t pause; /* until the listener is looked at again */
    int listen_fd;
    int handles_open; /* of the two above; the last one to close frees the door */
    bool out_of_descriptors;
    door_state held_for; /* DOOR_OPEN: nobody waits */
    uint64_t say_held_at_ms[DOOR_LATE];
    char address[LISTEN_ADDRESS_BYTES];
};

/* -- holding the door -- */

static void on_listener(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
    front_door_t *door = timer->data;
    uv_poll_start(&door->listener, UV_READABLE, on_listener);
}

/* Left readable, the listener would wake the loop again and again to no end. */
static void pause_accepting(front_door_t *door, uint64_t for_ms) {
    uv_poll_stop(&door->listener);
    uv_timer_start(&door->pause, on_pause_over, for_ms, 0);
}

/* Said once per shortage. */
static void run_out(front_door_t *door, int why) {
    metrics_add(door->metrics, METRIC_EDGE_ACCEPT_PAUSES, 1);
    if (!door->out_of_descriptors) {
        log_error("edge.accept.paused", "reason=\"%s\" connections=%zu", strerror(why),
                  guests_count(door->guests));
    }
    door->out_of_descriptors = true;
    pause_accepting(door, ACCEPT_PAUSE_MS);
}

/* How many connections the kernel has for us. */
static size_t count_waiting(const front_door_t *door) {
    struct tcp_info info = {0};
    socklen_t info_bytes = sizeof info;
    (void)getsockopt(door->listen_fd, IPPROTO_TCP, TCP_INFO, &info, &info_bytes);
    return info.tcpi_unacked; /* of a listening socket: its accept queue */
}

static void note_waiting(front_door_t *door, size_t waiting_count) {
    admission_note_waiting(&door->admission, waiting_count, uv_now(door->loop));
    metrics_set(door->metrics, METRIC_EDGE_BACKLOG, (int64_t)waiting_count);
}

static void hold(front_door_t *door, door_state why) {
    static const struct {
        metric_id metric;
        const char *reason;
    } holds[] = {[DOOR_HELD_RATE] = {METRIC_EDGE_DOOR_HELD_RATE, "HANDSHAKE_RATE is reached"},
                 [DOOR_HELD_HEADS] = {METRIC_EDGE_DOOR_HELD_HEADS, "HANDSHAKES_MAX heads are under way"},
                 [DOOR_HELD_CORES] = {METRIC_EDGE_DOOR_HELD_CORES, "the cores are behind"}};
    size_t waiting_count = count_waiting(door);
    uint64_t now_ms = uv_now(door->loop);
    note_waiting(door, waiting_count);
    if (waiting_count > 0 && door->held_for != why) {
        door->held_for = why;
        metrics_add(door->metrics, holds[why].metric, 1);
        if (now_ms >= door->say_held_at_ms[why]) {
            door->say_held_at_ms[why] = now_ms + HOLD_SAID_MS;
            log_warn("edge.door.held", "reason=\"%s\" waiting=%zu", holds[why].reason, waiting_count);
        }
    }
    pause_accepting(door, HOLD_MS);
}

/* -- letting in -- */

static door_state look(const front_door_t *door) {
    uint64_t now_ms = uv_now(door->loop);
    door_state state = door->is_congested(door->context)               ? DOOR_HELD_CORES
                       : !admission_has_room(&door->admission, now_ms) ? DOOR_HELD_RATE
                       : guests_have_room(door->guests)                ? DOOR_OPEN
                                                                       : DOOR_HELD_HEADS;
    return state != DOOR_OPEN && admission_next_is_late(&door->admission, now_ms) ? DOOR_LATE : state;
}

static int accept_next(const front_door_t *door, ip_address *ret_peer) {
    struct sockaddr_storage peer = {0};
    socklen_t peer_bytes = sizeof peer;
    int fd = accept4(door->listen_fd, (struct sockaddr *)&peer, &peer_bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    *ret_peer = (ip_address){.bytes = {0}};
    if (fd >= 0) {
        (void)ip_address_of((struct sockaddr *)&peer, ret_peer);
    }
    return fd;
}

/* Who is refused for how often he comes takes nothing of what others may come. */
static void receive(front_door_t *door, door_state state, int fd, ip_address peer) {
    admission_take(&door->admission);
    door->out_of_descriptors = false;
    if (state == DOOR_LATE) {
        guests_turn_away(door->guests, fd, peer, REFUSED_BUSY);
    } else if (guests_take(door->guests, fd, peer)) {
        admission_enter(&door->admission, uv_now(door->loop));
    }
}

static void on_listener(uv_poll_t *poll, int status, int events) {
    front_door_t *door = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        ip_address peer;
        door_state state = look(door);
        if (state != DOOR_OPEN && state != DOOR_LATE) {
            hold(door, state);
            return;
        }
        int fd = accept_next(door, &peer);
        if (fd >= 0) {
            receive(door, state, fd, peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            run_out(door, errno);
            return;
        } else if (errno == EAGAIN) {
            door->held_for = DOOR_OPEN;
            note_waiting(door, 0);
            return;
        } /* else: that client left while it waited; the next one may not have */
    }
    note_waiting(door, count_waiting(door));
}

/* -- begin and end -- */

static void on_handle_closed(uv_handle_t *handle) {
    front_door_t *door = handle->data;
    if (--door->handles_open == 0) {
        free(door);
    }
}

static bool start(front_door_t *door) {
    if (uv_poll_init(door->loop, &door->listener, door->listen_fd) != 0) {
        return false;
    }
    uv_timer_init(door->loop, &door->pause);
    door->handles_open = 2;
    door->listener.data = door->pause.data = door;
    return uv_poll_start(&door->listener, UV_READABLE, on_listener) == 0;
}

static zp_error listen_for_clients(front_door_t *door, const config_t *config) {
    const char *listen_at = config_text(config, SETTING_WS_LISTEN);
    char reason[LISTEN_REASON_BYTES] = "no handle";
    const listen_options options = {.shared = config_bool(config, SETTING_LISTEN_SHARED),
                                    .unsent_max_bytes = UNSENT_MAX_BYTES};
    bool listens = listen_socket_open(&door->listen_fd, listen_at, &options, door->address, reason) == ZP_OK;
    if (!listens || !start(door)) {
        log_error("edge.cannot_listen", "setting=WS_LISTEN value=%s reason=\"%s\"", listen_at, reason);
        return ZP_SYSTEM;
    }
    return ZP_OK;
}

zp_error front_door_new(front_door_t **ret_door, uv_loop_t *loop, const config_t *config, metrics_t *metrics,
                        const front_door_hooks *hooks, void *context) {
    front_door_t *door = calloc(1, sizeof *door);
    if (!door) {
        return ZP_NO_MEMORY;
    }
    door->loop = loop;
    door->metrics = metrics;
    door->is_congested = hooks->is_congested;
    door->context = context;
    door->listen_fd = -1;
    admission_init(&door->admission, (uint32_t)config_integer(config, SETTING_HANDSHAKE_RATE),
                   config_ms(config, SETTING_HANDSHAKE_WAIT_MS));
    zp_error error = guests_new(&door->guests, loop, config, metrics, &hooks->guests, context);
    if (error == ZP_OK) {
        error = listen_for_clients(door, config);
    }
    if (error != ZP_OK) {
        front_door_destroy(&door);
        return error;
    }
    *ret_door = door;
    return ZP_OK;
}

/* Closed with them in it, the backlog would be reset. */
static void turn_away_who_waits(front_door_t *door) {
    ip_address peer;
    for (int i = 0, fd = 0; i < STOPPING_MAX && (fd = accept_next(door, &peer)) >= 0; i++) {
        guests_turn_away(door->guests, fd, peer, REFUSED_STOPPING);
    }
}

void front_door_destroy(front_door_t **ref) {
    front_door_t *door = *ref;
    *ref = NULL;
    if (!door) {
        return;
    }
    if (door->handles_open > 0) {
        turn_away_who_waits(door);
        uv_poll_stop(&door->listener);
    }
    if (door->listen_fd >= 0) {
        close(door->listen_fd);
    }
    guests_destroy(&door->guests);
    if (door->handles_open == 0) {
        free(door);
        return;
    }
    uv_close((uv_handle_t *)&door->listener, on_handle_closed);
    uv_close((uv_handle_t *)&door->pause, on_handle_closed);
}

const char *front_door_address(const front_door_t *door) {
    return door->address;
}
