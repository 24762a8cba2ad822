#include "services/ws-edge/snapshots.h"

#include "common/base/clock.h"
#include "common/base/ring.h"
#include "common/log/log.h"
#include "common/wire/client_frame.h"
#include "proto/valid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_MS = 100, /* between two looks at who may ask again, or has settled */
    FRAME_MAX_BYTES = 32768,
    STATES_COUNT = 4,
    PAGE_SHARES_MAX = 15, /* so that what comes behind them does not wait for long: 2 ms, with pages of 100 */
    PAGE_SHARES_LOOK = 64, /* at how many of those who wait, as each answer is looked at so */
};

typedef enum snapshot_state {
    SNAPSHOT_WAITING,
    SNAPSHOT_ASKED,
    SNAPSHOT_DRAINING,
    SNAPSHOT_SETTLING
} snapshot_state;

struct snapshot {
    ring link; /* in the list of its state */
    edge_client *client;
    snapshot_state state;
    uint64_t request_id;   /* ASKED */
    uint64_t question;     /* the newest of all snapshots when it came to its state: ASKED, its own */
    uint32_t leavings;     /* of its list, then */
    log_position position; /* at which the newest page was read */
    uint32_t view_round;   /* of the view that the client's changes come from; 0: none known yet */
    bool ahead;            /* a page was ahead of that view */
    bool begun, complete;  /* a frame has been sent; the last has */
    char after[USER_ID_MAX_BYTES + 1];
};

struct snapshots {
    process_t *process;
    audience_t *audience;
    core_link_t *core;
    const fanout_link_t *fanout;
    ring lists[STATES_COUNT];
    size_t count, asked_count, asked_max;
    uint64_t questions; /* asked so far */
    uint32_t page_users;
    size_t frame_bytes;
    uint64_t hold_until_ms; /* after a page that no core gave: monotonic */
    uv_timer_t timer;
    snapshot_user users[VALID_ONLINE_USERS_MAX]; /* of the page at hand */
    char frame[FRAME_MAX_BYTES];
};

static struct snapshot *first_in(const snapshots_t *snapshots, snapshot_state state) {
    const ring *list = &snapshots->lists[state];
    return ring_is_empty(list) ? NULL : RING_OWNER(list->next, struct snapshot, link);
}

/* The one place where a snapshot changes its state. */
static void set_state(snapshots_t *snapshots, struct snapshot *snapshot, snapshot_state state) {
    if (snapshot->state == state && ring_is_in_list(&snapshot->link)) {
        return; /* keeps its place */
    }
    snapshots->asked_count -= snapshot->state == SNAPSHOT_ASKED;
    snapshots->asked_count += state == SNAPSHOT_ASKED;
    ring_remove(&snapshot->link);
    ring_append(&snapshots->lists[state], &snapshot->link);
    snapshot->state = state;
    const watch_list_t *list = snapshot->client->watches;
    snapshots->questions += state == SNAPSHOT_ASKED;
    snapshot->question = snapshots->questions;
    snapshot->leavings = list ? watch_list_leavings(list) : 0;
}

/* -- asking -- */

static uint64_t now_ms(const snapshots_t *snapshots) {
    return uv_now(&snapshots->process->loop);
}

/* Users in the next page of a list: the first who have not been named. */
static size_t list_page(const snapshots_t *snapshots, const watch_list_t *list) {
    size_t left = watch_list_users_count(list) - watch_list_told_count(list);
    return left < snapshots->page_users ? left : snapshots->page_users;
}

static bool is_complete(const struct snapshot *snapshot) {
    const watch_list_t *list = snapshot->client->watches;
    return list ? snapshot->begun && watch_list_told_count(list) == watch_list_users_count(list)
                : snapshot->complete;
}

static bool ask_list(snapshots_t *snapshots, struct snapshot *snapshot) {
    char *ids[VALID_ONLINE_USERS_MAX];
    const edge_client *client = snapshot->client;
    size_t place = watch_list_told_count(client->watches);
    size_t count = list_page(snapshots, client->watches);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (char *)watch_list_user(client->watches, place + i);
    }
    return core_link_ask_statuses(snapshots->core, str_view_of(client->user->id), ids, count,
                                  &snapshot->request_id);
}

static bool ask_everybody(snapshots_t *snapshots, struct snapshot *snapshot) {
    const edge_client *client = snapshot->client;
    return core_link_ask_online(snapshots->core, str_view_of(client->user->id), snapshot->after,
                                snapshots->page_users, wire_form_is_array((wire_form)client->box.form),
                                &snapshot->request_id);
}

/* Who waits asks, as far as the limit allows, the longest wait first. */
static void ask(snapshots_t *snapshots) {
    struct snapshot *snapshot = first_in(snapshots, SNAPSHOT_WAITING);
    while (snapshot && snapshots->asked_count < snapshots->asked_max &&
           now_ms(snapshots) >= snapshots->hold_until_ms) {
        bool asked =
            snapshot->client->watches ? ask_list(snapshots, snapshot) : ask_everybody(snapshots, snapshot);
        if (!asked) {
            snapshots->hold_until_ms = now_ms(snapshots) + LOOK_MS;
            return;
        }
        set_state(snapshots, snapshot, SNAPSHOT_ASKED);
        snapshot = first_in(snapshots, SNAPSHOT_WAITING);
    }
}

/* -- beginning and ending -- */

/* A page that was asked for counts until it is answered: who comes and goes, or changes his mind, asks the
 * cores for no more than others. */
static void end(snapshots_t *snapshots, struct snapshot *snapshot) {
    ring_remove(&snapshot->link);
    snapshot->client->snapshot = NULL;
    free(snapshot);
    if (--snapshots->count == 0) {
        uv_timer_stop(&snapshots->timer);
    }
}

static void begin_again(snapshots_t *snapshots, struct snapshot *snapshot) {
    metrics_add(snapshots->process->metrics, METRIC_EDGE_SNAPSHOTS_AGAIN, 1);
    snapshot->after[0] = '\0';
    snapshot->begun = snapshot->complete = snapshot->ahead = false;
    set_state(snapshots, snapshot, SNAPSHOT_WAITING);
}

/* A view whose changes come in no order (see is_in_doubt) may still lack what is older than its position. */
static bool is_behind(const watch_view_t *view, log_position position) {
    return watch_view_round(view) == 0 || !watch_view_is_settled(view) ||
           log_position_before(watch_view_position(view), position);
}

/* Whether the view was made anew while a page was ahead of it: of what happened in between, only the
 * differences to the old view were told, and a client that knows the page may need others. */
static bool has_lost_track(const snapshots_t *snapshots, struct snapshot *snapshot) {
    const watch_view_t *view = fanout_link_view(snapshots->fanout);
    uint32_t round = watch_view_round(view);
    bool lost = snapshot->client->watching && snapshot->ahead && snapshot->view_round != 0 &&
                snapshot->view_round != round;
    snapshot->view_round = round;
    snapshot->ahead = snapshot->ahead && is_behind(view, snapshot->position);
    return lost;
}

/* All has been sent, and drained. Ends the snapshot once every change behind its pages comes to the client.
 */
static void settle(snapshots_t *snapshots, struct snapshot *snapshot) {
    bool followed = !is_behind(fanout_link_view(snapshots->fanout), snapshot->position) &&
                    audience_has_told(snapshots->audience, snapshot->client);
    if (!snapshot->client->watching || followed) {
        end(snapshots, snapshot);
    }
}

void snapshots_drained(snapshots_t *snapshots, edge_client *client) {
    struct snapshot *snapshot = client->snapshot;
    if (snapshot->state == SNAPSHOT_WAITING || snapshot->state == SNAPSHOT_ASKED) {
        return;
    }
    if (has_lost_track(snapshots, snapshot)) {
        begin_again(snapshots, snapshot);
    } else if (is_complete(snapshot)) {
        set_state(snapshots, snapshot, SNAPSHOT_SETTLING);
        settle(snapshots, snapshot);
    } else {
        set_state(snapshots, snapshot, SNAPSHOT_WAITING);
    }
    ask(snapshots);
}

static void on_look(uv_timer_t *timer) {
    snapshots_t *snapshots = timer->data;
    const ring *list = &snapshots->lists[SNAPSHOT_SETTLING];
    const ring *next = NULL;
    for (const ring *at = list->next; at != list; at = next) {
        next = at->next; /* the one at hand may leave, no other does */
        snapshots_drained(snapshots, RING_OWNER(at, struct snapshot, link)->client);
    }
    ask(snapshots);
}

void snapshots_begin(snapshots_t *snapshots, edge_client *client) {
    assert(!client->snapshot);
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot) {
        log_error("edge.snapshot.lost", "reason=\"out of memory\"");
        return;
    }
    metrics_add(snapshots->process->metrics, METRIC_EDGE_SNAPSHOTS, 1);
    snapshot->client = client;
    client->snapshot = snapshot;
    (void)has_lost_track(snapshots, snapshot);
    set_state(snapshots, snapshot, SNAPSHOT_WAITING);
    if (snapshots->count++ == 0) {
        uv_timer_start(&snapshots->timer, on_look, LOOK_MS, LOOK_MS);
    }
    ask(snapshots);
}

void snapshots_end(snapshots_t *snapshots, edge_client *client) {
    end(snapshots, client->snapshot);
    ask(snapshots);
}

/* -- a page -- */

/* The users of a page as the client is to hear of them: what its changes have told already stands above what
 * the page says. Returns how many are left. */
static size_t choose_users(snapshots_t *snapshots, const struct snapshot *snapshot,
                           const Zp__OnlineReply *reply) {
    const watch_view_t *view = fanout_link_view(snapshots->fanout);
    size_t count = 0;
    for (size_t i = 0; i < reply->n_users; i++) {
        const Zp__UserState *state = reply->users[i]->state;
        str_view user_id = str_view_of(state->user_id);
        log_position position = {reply->position->epoch, state->seq};
        presence_status status = (presence_status)state->status;
        bool newer = snapshot->client->watching && watch_view_is_newer(view, user_id, position, &status);
        if (newer && status == STATUS_OFFLINE) {
            continue;
        }
        snapshots->users[count++] =
            (snapshot_user){user_id, str_view_of(reply->users[i]->device), state->last_seen_ms, status};
    }
    return count;
}

/* The frame at hand names `sent` users. The next page follows when it has gone out. */
static void send_page(snapshots_t *snapshots, struct snapshot *snapshot, size_t len, size_t sent) {
    edge_client *client = snapshot->client;
    set_state(snapshots, snapshot, SNAPSHOT_DRAINING);
    if (sent > 0 || (snapshot->complete && !snapshot->begun)) {
        snapshot->begun = true;
        metrics_add(snapshots->process->metrics, METRIC_EDGE_SNAPSHOT_FRAMES, 1);
        audience_answer(snapshots->audience, client, str_view_make(snapshots->frame, len));
    } else if (audience_has_told(snapshots->audience, client)) {
        snapshots_drained(snapshots, client);
    }
}

static void send_everybody(snapshots_t *snapshots, struct snapshot *snapshot, const Zp__OnlineReply *reply) {
    edge_client *client = snapshot->client;
    size_t count = choose_users(snapshots, snapshot, reply);
    size_t len = 0;
    size_t sent = client_frame_snapshot((wire_form)client->box.form, str_view_of(client->user->id),
                                        clock_unix_ms(), reply->total, snapshots->users, count,
                                        snapshots->frame, snapshots->frame_bytes, &len);
    snapshot->position = (log_position){reply->position->epoch, reply->position->seq};
    snapshot->complete = reply->last && sent == count;
    snapshot->ahead |= is_behind(fanout_link_view(snapshots->fanout), snapshot->position);
    /* What did not fit is asked for again. */
    const char *reached = sent < count         ? snapshots->users[sent - 1].user_id.ptr
                          : reply->n_users > 0 ? reply->users[reply->n_users - 1]->state->user_id
                                               : snapshot->after;
    if (reached != snapshot->after) {
        (void)snprintf(snapshot->after, sizeof snapshot->after, "%s", reached);
    }
    send_page(snapshots, snapshot, len, sent);
}

/* The users of a page of a list as the client is to hear of them: where the edge has heard something newer
 * since the page was read, that. */
static void send_list(snapshots_t *snapshots, struct snapshot *snapshot, const Zp__StatusReply *reply) {
    log_position positions[VALID_ONLINE_USERS_MAX];
    const edge_client *client = snapshot->client;
    size_t place = watch_list_told_count(client->watches);
    size_t online_count = 0;
    for (size_t i = 0; i < reply->n_users; i++) {
        const Zp__UserState *state = reply->users[i];
        presence_status status = (presence_status)state->status;
        positions[i] = (log_position){reply->epoch, state->seq};
        watch_list_newest(client->watches, place + i, &status, &positions[i]);
        snapshots->users[i] =
            (snapshot_user){str_view_of(state->user_id), str_view_of(""), state->last_seen_ms, status};
        online_count += status != STATUS_OFFLINE;
    }
    size_t len = 0;
    size_t sent = client_frame_snapshot((wire_form)client->box.form, str_view_of(client->user->id),
                                        clock_unix_ms(), online_count, snapshots->users, reply->n_users,
                                        snapshots->frame, snapshots->frame_bytes, &len);
    assert(sent <= reply->n_users);
    for (size_t i = 0; i < sent; i++) {
        watch_list_told(client->watches, place + i, snapshots->users[i].status, positions[i]);
    }
    snapshot->complete = watch_list_told_count(client->watches) == watch_list_users_count(client->watches);
    send_page(snapshots, snapshot, len, sent);
}

/* NULL: its client has left, or watches something else by now, and somebody else asks. (Where `given` is
 * false, after LOOK_MS at most: see wait_again.) */
static struct snapshot *take_answer(snapshots_t *snapshots, uint64_t request_id, bool given) {
    const ring *list = &snapshots->lists[SNAPSHOT_ASKED];
    for (ring *at = list->next; at != list; at = at->next) {
        struct snapshot *snapshot = RING_OWNER(at, struct snapshot, link);
        if (snapshot->request_id == request_id) {
            return snapshot;
        }
    }
    snapshots->asked_count--;
    if (given) {
        ask(snapshots);
    }
    return NULL;
}

/* No core gave the page, or it can be made no use of now. Not asked again from within: whoever says so may be
 * in the middle of giving back all that was asked of a core. */
static void wait_again(snapshots_t *snapshots, struct snapshot *snapshot) {
    metrics_add(snapshots->process->metrics, METRIC_EDGE_SNAPSHOT_PAGES_AGAIN, 1);
    snapshots->hold_until_ms = now_ms(snapshots) + LOOK_MS;
    set_state(snapshots, snapshot, SNAPSHOT_WAITING);
}

/* A view whose changes come in no order reaches further than it knows: whoever is not in it may have left, or
 * may be told of in the next moment. */
static bool is_in_doubt(const snapshots_t *snapshots, const struct snapshot *snapshot,
                        const Zp__OnlineReply *reply) {
    const watch_view_t *view = fanout_link_view(snapshots->fanout);
    if (!snapshot->client->watching || watch_view_is_settled(view)) {
        return false;
    }
    for (size_t i = 0; i < reply->n_users; i++) {
        const Zp__UserState *state = reply->users[i]->state;
        presence_status status = STATUS_ONLINE;
        log_position position = {reply->position->epoch, state->seq};
        if (watch_view_is_newer(view, str_view_of(state->user_id), position, &status) &&
            status == STATUS_OFFLINE) {
            return true;
        }
    }
    return false;
}

void snapshots_page(snapshots_t *snapshots, uint64_t request_id, const Zp__OnlineReply *reply) {
    struct snapshot *snapshot = take_answer(snapshots, request_id, reply != NULL);
    if (!snapshot) {
        return;
    }
    if (!reply || is_in_doubt(snapshots, snapshot, reply)) {
        wait_again(snapshots, snapshot);
        return;
    }
    if (has_lost_track(snapshots, snapshot)) {
        begin_again(snapshots, snapshot);
    } else if (outbox_has_answers(&snapshot->client->box)) {
        /* Other answers came first: asked again behind them. */
        set_state(snapshots, snapshot, SNAPSHOT_DRAINING);
    } else {
        send_everybody(snapshots, snapshot, reply);
    }
    ask(snapshots);
}

/* Whether these are who come next on the list, and have been on it ever since the snapshot came to its state:
 * what was heard of somebody who left meanwhile, and came back, may be forgotten. */
static bool is_page_of(const snapshots_t *snapshots, const struct snapshot *snapshot,
                       const Zp__StatusReply *reply) {
    const watch_list_t *list = snapshot->client->watches;
    size_t place = watch_list_told_count(list);
    if (reply->n_users != list_page(snapshots, list) || snapshot->leavings != watch_list_leavings(list)) {
        return false;
    }
    for (size_t i = 0; i < reply->n_users; i++) {
        if (strcmp(reply->users[i]->user_id, watch_list_user(list, place + i)) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether what was read for `question` is no older than anything that the waiting one's client was told. */
static bool can_take(const snapshots_t *snapshots, const struct snapshot *waiting, uint64_t question,
                     const Zp__StatusReply *reply) {
    return waiting->question < question && waiting->client->watches &&
           is_page_of(snapshots, waiting, reply) && !outbox_has_answers(&waiting->client->box);
}

/* Many watch the same group, and come in the same moment: the page that one of them asked for is what the
 * others wait for too. */
static void share(snapshots_t *snapshots, uint64_t question, const Zp__StatusReply *reply) {
    struct snapshot *takers[PAGE_SHARES_MAX];
    size_t count = 0;
    const ring *list = &snapshots->lists[SNAPSHOT_WAITING];
    const ring *at = list->next;
    for (size_t i = 0; i < PAGE_SHARES_LOOK && at != list && count < PAGE_SHARES_MAX; i++, at = at->next) {
        struct snapshot *waiting = RING_OWNER(at, struct snapshot, link);
        if (can_take(snapshots, waiting, question, reply)) {
            takers[count++] = waiting;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (takers[i]->state == SNAPSHOT_WAITING) { /* still: who needed no frame let the next one ask */
            metrics_add(snapshots->process->metrics, METRIC_EDGE_SNAPSHOT_PAGES_SHARED, 1);
            send_list(snapshots, takers[i], reply);
        }
    }
}

void snapshots_statuses(snapshots_t *snapshots, uint64_t request_id, const Zp__StatusReply *reply) {
    struct snapshot *snapshot = take_answer(snapshots, request_id, reply != NULL);
    if (!snapshot) {
        return;
    }
    if (!reply) {
        wait_again(snapshots, snapshot);
        return;
    }
    if (!is_page_of(snapshots, snapshot, reply)) {
        set_state(snapshots, snapshot,
                  SNAPSHOT_WAITING); /* behind the others, who have nothing to do with it */
    } else if (outbox_has_answers(&snapshot->client->box)) {
        set_state(snapshots, snapshot, SNAPSHOT_DRAINING);
    } else {
        uint64_t question = snapshot->question;
        send_list(snapshots, snapshot, reply);
        share(snapshots, question, reply);
    }
    ask(snapshots);
}

size_t snapshots_count(const snapshots_t *snapshots) {
    return snapshots->count;
}

/* -- making and ending -- */

zp_error snapshots_new(snapshots_t **ret_snapshots, process_t *process, audience_t *audience,
                       core_link_t *core, const fanout_link_t *fanout) {
    snapshots_t *snapshots = calloc(1, sizeof *snapshots);
    if (!snapshots || uv_timer_init(&process->loop, &snapshots->timer) != 0) {
        free(snapshots);
        return ZP_NO_MEMORY;
    }
    snapshots->process = process;
    snapshots->audience = audience;
    snapshots->core = core;
    snapshots->fanout = fanout;
    snapshots->timer.data = snapshots;
    snapshots->asked_max = (size_t)config_integer(process->config, SETTING_SNAPSHOTS_MAX);
    snapshots->page_users = (uint32_t)config_integer(process->config, SETTING_SNAPSHOT_PAGE);
    /* A frame must leave room for other answers in the outbox. */
    size_t half_outbox = (size_t)config_integer(process->config, SETTING_OUTBOX_BYTES_MAX) / 2;
    snapshots->frame_bytes = half_outbox < FRAME_MAX_BYTES ? half_outbox : FRAME_MAX_BYTES;
    for (size_t i = 0; i < STATES_COUNT; i++) {
        ring_init(&snapshots->lists[i]);
    }
    *ret_snapshots = snapshots;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    free(timer->data);
}

void snapshots_destroy(snapshots_t **snapshots) {
    if (*snapshots) {
        assert((*snapshots)->count == 0);
        uv_close((uv_handle_t *)&(*snapshots)->timer, on_timer_closed);
        *snapshots = NULL;
    }
}
