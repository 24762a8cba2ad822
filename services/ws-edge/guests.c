#include "services/ws-edge/guests.h"

#include "common/base/ring.h"
#include "common/http/trusted_proxies.h"
#include "services/ws-edge/core/proxy_header.h"
#include "services/ws-edge/refusals.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER_LINGER_MS = 1000, /* for the client to read its answer and close */
    /* A head that others have to wait for may take so long. Those who send none turn over so fast that one
     * address (HANDSHAKES_PER_ADDRESS) does not fill HANDSHAKES_MAX, with the defaults of both. */
    HEAD_PATIENCE_MS = 500,
    DISCARD_BYTES = 4096,
};

typedef enum guest_state {
    GUEST_READING,  /* its head is not complete; in `reading` */
    GUEST_ANSWERED, /* refused: until it has read why; in `answered` */
    GUEST_GONE,     /* its descriptor is closed or handed over */
} guest_state;

typedef struct guest {
    uv_poll_t
        poll; /* where `watched`: most have sent their whole head when they are accepted, and never are */
    bool watched;
    guests_t *guests;
    ring link; /* of its state's list, oldest first */
    uint64_t due_ms;
    guest_state state;
    ip_address address;     /* whose it is, as far as that is known */
    bool from_gateway;      /* a gateway speaks for it */
    bool knocked;           /* where it comes from has been counted */
    bool begun;             /* whether a PROXY header comes first is known, and what it says */
    uint16_t preface_bytes; /* of that header, in front of the head */
    int fd;
    size_t got_bytes, room_bytes;
    char bytes[]; /* room_bytes: what has been taken, the head behind the preface */
} guest;

struct guests {
    uv_loop_t *loop;
    metrics_t *metrics;
    guest_hooks hooks;
    void *context;
    uv_timer_t deadline; /* of the oldest guest of each list */
    size_t head_max_bytes, max_count, count;
    uint64_t head_timeout_ms;
    address_list gateways;
    refusals refusals;
    ring reading, answered;
    bool knock_refused; /* since this was last cleared */
};

/* -- leaving -- */

static void on_guest_closed(uv_handle_t *poll) {
    free(poll->data);
}

/* Takes the guest off its list and the loop off its descriptor, which is the caller's from here on. Its
 * memory goes when the loop lets go of it, or with the call that took it (guests_take). */
static int release(guest *g) {
    assert(g->state != GUEST_GONE);
    ring_remove(&g->link);
    if (g->watched) {
        uv_close((uv_handle_t *)&g->poll, on_guest_closed);
    }
    g->state = GUEST_GONE;
    g->guests->count--;
    return g->fd;
}

static void dismiss(guest *g) {
    close(release(g));
}

/* What it still sends is read and dropped until it closes, or its time is up. False: it is gone at once. */
static bool refuse(guest *g, request_refusal refusal) {
    guests_t *guests = g->guests;
    if (!refusals_answer(&guests->refusals, g->fd, refusal, &g->address)) {
        dismiss(g);
        return false;
    }
    ring_remove(&g->link);
    ring_append(&guests->answered, &g->link);
    g->state = GUEST_ANSWERED;
    g->due_ms = uv_now(guests->loop) + ANSWER_LINGER_MS;
    return true;
}

/* The oldest guest of a list; NULL: it is empty. */
static guest *oldest_of(const ring *list) {
    return ring_is_empty(list) ? NULL : RING_OWNER(list->next, guest, link);
}

static void dismiss_due(guests_t *guests, const ring *list, uint64_t now_ms) {
    for (guest *g = oldest_of(list); g && g->due_ms <= now_ms; g = oldest_of(list)) {
        if (g->state == GUEST_READING) {
            metrics_add(guests->metrics, METRIC_EDGE_HANDSHAKES_SLOW, 1);
        }
        dismiss(g);
    }
}

static void set_deadline(guests_t *guests);

static void on_deadline(uv_timer_t *timer) {
    guests_t *guests = timer->data;
    uint64_t now_ms = uv_now(guests->loop);
    dismiss_due(guests, &guests->reading, now_ms);
    dismiss_due(guests, &guests->answered, now_ms);
    set_deadline(guests);
}

/* Each list is in the order of its deadlines, because all of one state have the same time. */
static void set_deadline(guests_t *guests) {
    const guest *reading = oldest_of(&guests->reading);
    const guest *answered = oldest_of(&guests->answered);
    uint64_t due_ms = reading ? reading->due_ms : UINT64_MAX;
    if (answered && answered->due_ms < due_ms) {
        due_ms = answered->due_ms;
    }
    if (due_ms == UINT64_MAX) {
        uv_timer_stop(&guests->deadline);
        return;
    }
    uint64_t now_ms = uv_now(guests->loop);
    uv_timer_start(&guests->deadline, on_deadline, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* -- reading -- */

static request_refusal knock(guest *g) {
    guests_t *guests = g->guests;
    g->knocked = true;
    request_refusal refusal = guests->hooks.knock(guests->context, client_network_of_ip(&g->address));
    guests->knock_refused |= refusal != NOT_REFUSED;
    return refusal;
}

/* Looks at the beginning, once there is enough of it: false, and the guest is refused, or there is not. */
static bool read_preface(guest *g, str_view bytes, request_refusal *ret_refusal) {
    proxy_header header;
    switch (proxy_header_read(bytes, &header)) {
    case PROXY_HEADER_ABSENT:
        g->begun = true;
        return true;
    case PROXY_HEADER_UNCLEAR:
        return false;
    case PROXY_HEADER_PART:
        *ret_refusal = g->from_gateway ? NOT_REFUSED : REFUSED_PROXY;
        return false;
    case PROXY_HEADER_BROKEN:
        *ret_refusal = g->from_gateway ? REFUSED_PROXY_HEADER : REFUSED_PROXY;
        return false;
    case PROXY_HEADER_WHOLE:
        break;
    }
    if (!g->from_gateway) {
        *ret_refusal = REFUSED_PROXY;
        return false;
    }
    g->begun = true;
    g->preface_bytes = (uint16_t)header.len_bytes;
    if (header.names_client) {
        g->address = header.client;
        if (!address_list_has(&g->guests->gateways, &g->address)) {
            *ret_refusal = knock(g);
        }
    }
    return *ret_refusal == NOT_REFUSED;
}

/* What the head says of where it comes from; who is no gateway may write there what he likes. */
static request_refusal take_forwarded(guest *g, const forwarded_lines *forwarded) {
    if (g->from_gateway) {
        g->address = client_address_find(&g->guests->gateways, g->address, forwarded);
    } else if (forwarded->count > 0) {
        refusals_note_forwarded(&g->guests->refusals, &g->address);
    }
    return g->knocked ? NOT_REFUSED : knock(g);
}

/* False: it is a guest no more. */
static bool take_head(guest *g, size_t len_bytes) {
    guests_t *guests = g->guests;
    request_head head;
    token_claims claims;
    request_refusal refusal = request_head_parse(g->bytes + g->preface_bytes, len_bytes, &head);
    if (refusal == NOT_REFUSED) {
        refusal = take_forwarded(g, &head.forwarded);
    }
    client_network from = client_network_of_ip(&g->address);
    if (refusal == NOT_REFUSED) {
        refusal = guests->hooks.identify(guests->context, &head, from, &claims);
    }
    if (refusal != NOT_REFUSED) {
        return refuse(g, refusal);
    }
    /* First off the loop: whoever gets the descriptor puts a handle of its own on it. */
    int fd = release(g);
    guests->hooks.enter(guests->context, fd, &head, from, &claims);
    return false;
}

/* `seen`: what has come, some of it not yet taken. ZP_OK: the head is whole, and ends at *ret_end_bytes,
 * which may be in what was taken when it was not clear yet whether a PROXY header comes. */
static zp_error find_head(guest *g, str_view seen, size_t *ret_end_bytes, request_refusal *ret_refusal) {
    size_t head_max_bytes = g->guests->head_max_bytes;
    *ret_refusal = NOT_REFUSED;
    *ret_end_bytes = seen.len;
    bool was_head = g->begun; /* what has been taken, but for the preface, was looked at as a head */
    if (!g->begun && !read_preface(g, seen, ret_refusal)) {
        return ZP_INCOMPLETE;
    }
    size_t preface_bytes = g->preface_bytes;
    size_t known_bytes = was_head ? g->got_bytes - preface_bytes : 0;
    size_t head_bytes = seen.len - preface_bytes;
    zp_error found =
        request_head_find_end(str_view_make(seen.ptr + preface_bytes, head_bytes), known_bytes, &head_bytes);
    *ret_end_bytes = preface_bytes + head_bytes;
    if (found == ZP_INVALID) {
        *ret_refusal = REFUSED_MALFORMED;
    } else if (head_bytes > head_max_bytes || (found == ZP_INCOMPLETE && head_bytes == head_max_bytes)) {
        *ret_refusal = REFUSED_TOO_LARGE;
    }
    return found;
}

/* Looks first and takes then, so that what a client sends behind its head stays in the kernel for whoever
 * gets the descriptor. False: it is a guest no more. */
static bool read_head(guest *g) {
    ssize_t seen = recv(g->fd, g->bytes + g->got_bytes, g->room_bytes - g->got_bytes, MSG_PEEK);
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (seen <= 0) {
        dismiss(g);
        return false;
    }
    size_t had_bytes = g->got_bytes;
    size_t end_bytes = 0;
    request_refusal refusal = NOT_REFUSED;
    zp_error found = find_head(g, str_view_make(g->bytes, had_bytes + (size_t)seen), &end_bytes, &refusal);
    size_t new_bytes = end_bytes > had_bytes ? end_bytes - had_bytes : 0;
    if (recv(g->fd, g->bytes + had_bytes, new_bytes, 0) != (ssize_t)new_bytes) {
        dismiss(g);
        return false;
    }
    g->got_bytes = had_bytes + new_bytes;
    if (refusal != NOT_REFUSED) {
        return refuse(g, refusal);
    }
    return found != ZP_OK || take_head(g, end_bytes - g->preface_bytes);
}

static void discard(guest *g) {
    char dropped[DISCARD_BYTES];
    ssize_t got = recv(g->fd, dropped, sizeof dropped, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        dismiss(g);
    }
}

static void on_guest(uv_poll_t *poll, int status, int events) {
    guest *g = poll->data;
    guests_t *guests = g->guests;
    (void)events;
    if (status < 0) {
        dismiss(g);
    } else {
        switch (g->state) {
        case GUEST_READING:
            (void)read_head(g);
            break;
        case GUEST_ANSWERED:
            discard(g);
            break;
        case GUEST_GONE:
            break;
        }
    }
    set_deadline(guests);
}

static bool watch(guest *g) {
    g->watched = uv_poll_init(g->guests->loop, &g->poll, g->fd) == 0;
    g->poll.data = g;
    return g->watched && uv_poll_start(&g->poll, UV_READABLE, on_guest) == 0;
}

/* -- coming -- */

static bool is_slow(const guests_t *guests, const guest *reading) {
    return uv_now(guests->loop) + guests->head_timeout_ms >= reading->due_ms + HEAD_PATIENCE_MS;
}

bool guests_have_room(const guests_t *guests) {
    if (guests->count < guests->max_count || !ring_is_empty(&guests->answered)) {
        return true;
    }
    return is_slow(guests, oldest_of(&guests->reading));
}

static void make_room(guests_t *guests) {
    if (guests->count < guests->max_count) {
        return;
    }
    guest *answered = oldest_of(&guests->answered);
    if (answered) {
        dismiss(answered);
        return;
    }
    guest *slow = oldest_of(&guests->reading);
    refusals_turn_away(&guests->refusals, release(slow), REFUSED_EVICTED, &slow->address);
}

static guest *new_guest(guests_t *guests, int fd, ip_address peer) {
    bool from_gateway = guests->gateways.count > 0 && address_list_has(&guests->gateways, &peer);
    size_t room_bytes = guests->head_max_bytes + (from_gateway ? PROXY_HEADER_MAX_BYTES : 0);
    guest *g = malloc(sizeof *g + room_bytes);
    if (!g) {
        return NULL;
    }
    *g = (guest){.guests = guests,
                 .fd = fd,
                 .address = peer,
                 .from_gateway = from_gateway,
                 .state = GUEST_READING,
                 .due_ms = uv_now(guests->loop) + guests->head_timeout_ms,
                 .room_bytes = room_bytes};
    return g;
}

void guests_turn_away(guests_t *guests, int fd, ip_address peer, request_refusal refusal) {
    refusals_turn_away(&guests->refusals, fd, refusal, &peer);
}

bool guests_take(guests_t *guests, int fd, ip_address peer) {
    make_room(guests);
    guest *g = new_guest(guests, fd, peer);
    if (!g) {
        close(fd);
        return false;
    }
    ring_append(&guests->reading, &g->link);
    guests->count++;
    guests->knock_refused = false;
    request_refusal refusal = g->from_gateway ? NOT_REFUSED : knock(g);
    bool stays = refusal != NOT_REFUSED ? refuse(g, refusal) : read_head(g);
    if (stays && !watch(g)) {
        dismiss(g);
    }
    if (g->state == GUEST_GONE && !g->watched) {
        free(g);
    }
    set_deadline(guests);
    return !guests->knock_refused;
}

size_t guests_count(const guests_t *guests) {
    return guests->count;
}

/* -- begin and end -- */

zp_error guests_new(guests_t **ret_guests, uv_loop_t *loop, const config_t *config, metrics_t *metrics,
                    const guest_hooks *hooks, void *context) {
    guests_t *guests = calloc(1, sizeof *guests);
    if (!guests) {
        return ZP_NO_MEMORY;
    }
    zp_error error = trusted_proxies_load(&guests->gateways, config);
    if (error != ZP_OK) {
        free(guests);
        return error;
    }
    ring_init(&guests->reading);
    ring_init(&guests->answered);
    guests->loop = loop;
    guests->metrics = metrics;
    guests->hooks = *hooks;
    guests->context = context;
    guests->head_max_bytes = (size_t)config_integer(config, SETTING_HANDSHAKE_MAX);
    guests->max_count = (size_t)config_integer(config, SETTING_HANDSHAKES_MAX);
    guests->head_timeout_ms = config_ms(config, SETTING_HANDSHAKE_TIMEOUT);
    refusals_init(&guests->refusals, loop, config, metrics);
    uv_timer_init(loop, &guests->deadline);
    guests->deadline.data = guests;
    *ret_guests = guests;
    return ZP_OK;
}

static void on_deadline_closed(uv_handle_t *deadline) {
    free(deadline->data);
}

void guests_destroy(guests_t **ref) {
    guests_t *guests = *ref;
    *ref = NULL;
    if (!guests) {
        return;
    }
    dismiss_due(guests, &guests->answered, UINT64_MAX);
    for (guest *g; (g = oldest_of(&guests->reading));) {
        refusals_turn_away(&guests->refusals, release(g), REFUSED_STOPPING, &g->address);
    }
    uv_close((uv_handle_t *)&guests->deadline, on_deadline_closed);
}
