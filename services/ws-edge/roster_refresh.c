#include "services/ws-edge/roster_refresh.h"

#include <stdlib.h>

enum {
    HOLD_MS = 100,      /* after a question that no core answered */
    FILL_MS = 100,      /* between two times that lists are filled, */
    FILL_STEPS = 20000, /* each for about a millisecond: a hundredth of a core in all */
};

struct roster_refresh {
    process_t *process;
    watch_lists_t *lists;
    core_link_t *core;
    roster_refresh_grown_fn *on_grown;
    void *context;
    uint64_t refresh_ms;
    uint64_t hold_until_ms; /* loop time */
    bool asking;
    uv_timer_t timer, fill_timer;
    int open_handles_count;
};

static uint64_t now_ms(const roster_refresh_t *refresh) {
    return uv_now(&refresh->process->loop);
}

static void ask(uv_timer_t *timer) {
    roster_refresh_t *refresh = timer->data;
    rosters_t *rosters = watch_lists_rosters(refresh->lists);
    const roster_t *due[ROSTERS_ASKED_MAX];
    size_t count = rosters_ask(rosters, now_ms(refresh), refresh->refresh_ms, due, ROSTERS_ASKED_MAX);
    if (count == 0) {
        roster_refresh_look(refresh);
        return;
    }
    refresh->asking = true;
    if (!core_link_ask_rosters(refresh->core, due, count)) {
        roster_refresh_answer(refresh, NULL);
    }
}

static void tell_grown(roster_refresh_t *refresh) {
    edge_client *grown = NULL;
    while ((grown = watch_lists_next_grown(refresh->lists)) != NULL) {
        refresh->on_grown(refresh->context, grown);
    }
}

static void fill(uv_timer_t *timer) {
    roster_refresh_t *refresh = timer->data;
    watch_lists_fill(refresh->lists, FILL_STEPS);
    tell_grown(refresh);
    if (!watch_lists_are_unfilled(refresh->lists)) {
        uv_timer_stop(timer);
    }
}

void roster_refresh_look(roster_refresh_t *refresh) {
    if (watch_lists_are_unfilled(refresh->lists) && !uv_is_active((uv_handle_t *)&refresh->fill_timer)) {
        uv_timer_start(&refresh->fill_timer, fill, FILL_MS, FILL_MS);
    }
    uint64_t due_ms = rosters_due_ms(watch_lists_rosters(refresh->lists));
    if (refresh->asking) {
        return; /* the answer looks */
    }
    if (due_ms == UINT64_MAX) {
        uv_timer_stop(&refresh->timer);
        return;
    }
    due_ms = due_ms < refresh->hold_until_ms ? refresh->hold_until_ms : due_ms;
    uv_timer_start(&refresh->timer, ask, due_ms > now_ms(refresh) ? due_ms - now_ms(refresh) : 0, 0);
}

static void set_rosters(roster_refresh_t *refresh, const Zp__RostersReply *reply) {
    roster_news news[ROSTERS_ASKED_MAX];
    size_t count = reply->n_rosters < ROSTERS_ASKED_MAX ? reply->n_rosters : ROSTERS_ASKED_MAX;
    for (size_t i = 0; i < count; i++) {
        const Zp__Roster *roster = reply->rosters[i];
        bool is_group = roster->kind == ZP__ROSTER__KIND__KIND_GROUP;
        news[i] = (roster_news){.kind = is_group ? ROSTER_GROUP : ROSTER_CONTACTS,
                                .id = str_view_of(roster->id),
                                .version = roster->version,
                                .user_ids = roster->user_ids,
                                .users_count = roster->n_user_ids};
    }
    watch_lists_set_rosters(refresh->lists, news, count);
}

void roster_refresh_answer(roster_refresh_t *refresh, const Zp__RostersReply *reply) {
    refresh->asking = false;
    if (reply) {
        set_rosters(refresh, reply);
    } else {
        refresh->hold_until_ms = now_ms(refresh) + HOLD_MS;
    }
    rosters_answered(watch_lists_rosters(refresh->lists), reply && !reply->more);
    tell_grown(refresh);
    roster_refresh_look(refresh);
}

zp_error roster_refresh_new(roster_refresh_t **ret_refresh, process_t *process, watch_lists_t *lists,
                            core_link_t *core, roster_refresh_grown_fn *on_grown, void *context) {
    roster_refresh_t *refresh = calloc(1, sizeof *refresh);
    if (!refresh || uv_timer_init(&process->loop, &refresh->timer) != 0 ||
        uv_timer_init(&process->loop, &refresh->fill_timer) != 0) {
        free(refresh);
        return ZP_NO_MEMORY;
    }
    refresh->process = process;
    refresh->lists = lists;
    refresh->core = core;
    refresh->on_grown = on_grown;
    refresh->context = context;
    refresh->refresh_ms = config_ms(process->config, SETTING_GROUP_REFRESH_MS);
    refresh->timer.data = refresh->fill_timer.data = refresh;
    refresh->open_handles_count = 2;
    *ret_refresh = refresh;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    roster_refresh_t *refresh = timer->data;
    if (--refresh->open_handles_count == 0) {
        free(refresh);
    }
}

void roster_refresh_destroy(roster_refresh_t **refresh) {
    if (*refresh) {
        uv_close((uv_handle_t *)&(*refresh)->fill_timer, on_timer_closed);
        uv_close((uv_handle_t *)&(*refresh)->timer, on_timer_closed);
        *refresh = NULL;
    }
}
