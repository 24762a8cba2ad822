#include "common/subscriber/heard_users.h"

#include "common/base/clock.h"
#include "common/log/log.h"

static void on_difference(void *context, const watch_change *change) {
    heard_users *self = context;
    self->hooks->tell(self->context, change, NULL);
}

zp_error heard_users_init(heard_users *self, const fanout_link_hooks *hooks, void *context) {
    *self = (heard_users){.hooks = hooks, .context = context, .view = watch_view_new(on_difference, self)};
    return self->view ? ZP_OK : ZP_NO_MEMORY;
}

void heard_users_free(heard_users *self) {
    watch_view_destroy(&self->view);
}

void heard_users_begin(heard_users *self) {
    self->viewing = self->viewed = false;
}

/* -- of everybody -- */

static void say_settled(heard_users *self) {
    if (self->hooks->settled) {
        self->hooks->settled(self->context);
    }
}

void heard_users_view(heard_users *self, const Zp__View *piece) {
    if (piece->first) {
        watch_view_begin(self->view);
        self->viewing = true;
    }
    if (!self->viewing) {
        return; /* its beginning was lost: the next beat shows a gap */
    }
    log_position position = {piece->position->epoch, piece->position->seq};
    for (size_t i = 0; i < piece->n_users; i++) {
        const Zp__UserState *user = piece->users[i];
        log_position of_user = {position.epoch, user->seq};
        if (watch_view_state(self->view, str_view_of(user->user_id), (presence_status)user->status, of_user,
                             user->since_ms) != ZP_OK) {
            log_error("fanout.view_lost", "reason=\"out of memory\"");
        }
    }
    if (piece->last) {
        watch_view_end(self->view, position, clock_unix_ms());
        self->viewing = false;
        self->viewed = true;
        say_settled(self);
    }
}

void heard_users_updates(heard_users *self, const Zp__Updates *updates) {
    for (size_t i = 0; i < updates->n_updates; i++) {
        const Zp__Update *update = updates->updates[i];
        log_position position = {updates->epoch, update->seq};
        watch_change change;
        if (watch_view_apply(self->view, str_view_of(update->user_id), (presence_status)update->to, position,
                             update->at_ms, &change)) {
            self->hooks->tell(self->context, &change, (int)change.from == (int)update->from ? update : NULL);
        }
    }
}

void heard_users_reached(heard_users *self, log_position position) {
    /* Before a View of this interest has come, the view is of an older one. */
    if (self->viewed && watch_view_reached(self->view, position)) {
        say_settled(self);
    }
}

/* -- by user -- */

static void tell_watchers(heard_users *self, const char *user_id, int status, log_position position,
                          uint64_t at_ms) {
    watch_change change = {
        .user_id = str_view_of(user_id), .to = (presence_status)status, .position = position, .at_ms = at_ms};
    self->hooks->by_name->tell(self->context, &change);
}

void heard_users_watched(heard_users *self, const Zp__Watched *watched) {
    log_position position = {watched->position->epoch, watched->position->seq};
    for (size_t i = 0; i < watched->n_users; i++) {
        const Zp__UserState *user = watched->users[i];
        log_position of_user = {position.epoch, user->seq};
        tell_watchers(self, user->user_id, (int)user->status, of_user, user->since_ms);
    }
    for (size_t i = 0; i < watched->n_offline; i++) {
        tell_watchers(self, watched->offline[i], STATUS_OFFLINE, position, clock_unix_ms());
    }
}

void heard_users_watched_updates(heard_users *self, const Zp__Updates *updates) {
    for (size_t i = 0; i < updates->n_updates; i++) {
        const Zp__Update *update = updates->updates[i];
        log_position position = {updates->epoch, update->seq};
        tell_watchers(self, update->user_id, (int)update->to, position, update->at_ms);
    }
}
