/* watch_lists_state - the structs of watch_lists.h, and the steps that both its halves take: watch_lists.c
 * (users, lists, changes) and watch_rosters.c (users who are on a list because of a roster). For these two
 * only. */
#ifndef ZP_WS_EDGE_WATCH_LISTS_STATE_H
#define ZP_WS_EDGE_WATCH_LISTS_STATE_H

#include "common/base/hash_table.h"
#include "common/base/ring.h"
#include "services/ws-edge/core/rosters.h"
#include "services/ws-edge/core/watch_rosters.h"

/* Somebody who is watched, or was and is not taken back yet: the newest that was heard of them, and by whom
 * they are watched. */
typedef struct watched {
    UT_hash_handle hh;
    ring watches;          /* watch.of_user */
    ring unsaid;           /* in watch_lists.unsaid, where `said` is not how it is */
    log_position position; /* epoch 0: nothing was heard since they are watched */
    uint64_t at_ms;
    presence_status status;
    bool said;                      /* that they are watched */
    const struct watch_list *noted; /* a list that they are on, see watch_list_note_users, */
    uint32_t noted_place;           /* and where */
    size_t id_len_bytes;
    char id[]; /* NUL-terminated */
} watched;

/* There are as many as clients times users on their lists: small things are small. */
typedef struct watch {
    ring of_user; /* in watched.watches */
    ring changed; /* in watch_list.changed */
    watched *user;
    watch_list_t *list;
    log_position told_at;   /* epoch 0: no snapshot has named the user */
    uint8_t told;           /* enum presence_status */
    bool named;             /* by the client itself */
    uint16_t rosters_count; /* of the list's, that have the user */
} watch;

struct watch_list {
    watch_lists_t *lists;
    void *owner;
    ring changed;                 /* watch.changed: what is to be told, the longest wait first */
    ring changed_link;            /* in watch_lists.changed */
    ring rosters;                 /* roster_watch.of_list */
    ring grown_link;              /* in watch_lists.grown */
    ring changing_link;           /* of those that hold a roster whose change is at hand */
    ring unfilled_link;           /* in watch_lists.unfilled */
    bool snapshot_due;            /* and none has begun since */
    bool left_out, left_out_said; /* somebody of a roster has no room */
    size_t count, told_count;     /* those whom a snapshot has named come first */
    uint32_t leavings;
    size_t room;
    size_t replaced_room; /* of the list in whose place it comes, until that has ended */
    watch *watches;
};

/* That a list holds a roster. */
typedef struct roster_watch {
    ring of_roster; /* in roster.holders */
    ring of_list;   /* in watch_list.rosters */
    roster_t *roster;
    watch_list_t *list;
} roster_watch;

struct watch_lists {
    watched *users; /* uthash by id */
    ring changed;   /* watch_list.changed_link */
    ring unsaid;    /* watched.unsaid, the longest wait first */
    ring grown;     /* watch_list.grown_link */
    ring unfilled;  /* watch_list.unfilled_link, the longest wait first */
    rosters_t rosters;
    size_t users_count; /* of those who are watched */
    size_t lists_count, watches_count;
    size_t room, watches_max; /* of all lists */
    size_t list_max;          /* of one */
};

/* From now on, until another list is noted, those who are on this one are found by watched.noted. Cost: the
 * length of the list. */
void watch_list_note_users(watch_list_t *list);

/* The list's users are noted. NULL: not on it. */
watch *watch_list_noted(watch_list_t *list, str_view user_id);
/* Likewise; puts the user on it where they are not. ZP_FULL: no room. */
ZP_MUST_CHECK zp_error watch_list_put(watch_list_t *list, str_view user_id, watch **ret_watch);

/* Makes room for so many more, as far as this list, and all of them, may have it. */
void watch_list_reserve(watch_list_t *list, size_t more);

/* Whom neither the client nor a roster names leaves the list. Cost: its length. */
void watch_list_sweep(watch_list_t *list);

/* Lets go of the rosters that the list holds, not of their users. */
void watch_list_end_rosters(watch_list_t *list);

#endif
