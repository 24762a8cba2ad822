/* heard_users - what a fanout says of users, as those who hear of them here are told it. Owns: the listeners'
 * view. Borrows: the hooks. Threads: the loop's. */
#ifndef ZP_SUBSCRIBER_HEARD_USERS_H
#define ZP_SUBSCRIBER_HEARD_USERS_H

#include "common/subscriber/fanout_link.h"

typedef struct heard_users {
    const fanout_link_hooks *hooks;
    void *context;
    watch_view_t *view;
    bool viewing; /* a View has begun and not ended, of this interest */
    bool viewed;  /* one has ended */
} heard_users;

/* `hooks` are not copied. */
ZP_MUST_CHECK zp_error heard_users_init(heard_users *self, const fanout_link_hooks *hooks, void *context);
void heard_users_free(heard_users *self);

/* What comes from now on answers a new interest. */
void heard_users_begin(heard_users *self);

/* -- of everybody, for the listeners -- */

void heard_users_view(heard_users *self, const Zp__View *piece);
void heard_users_updates(heard_users *self, const Zp__Updates *updates);
/* All that the fanout has told has come, up to `position`. */
void heard_users_reached(heard_users *self, log_position position);

/* -- by user, for the watchers -- */

void heard_users_watched(heard_users *self, const Zp__Watched *watched);
void heard_users_watched_updates(heard_users *self, const Zp__Updates *updates);

#endif
