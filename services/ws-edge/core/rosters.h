/* rosters - lists of users on which others decide, as the cores have said them last: the members of a group,
 * the contacts of a user. Each is there while somebody holds it, and until it would be asked for next, as it
 * may be held again (ROSTERS_UNHELD_MAX at most). It is asked for at once when it is new, and then again and
 * again: cores tell nobody that one has changed, they are asked whether it has. Owns: the rosters, and copies
 * of their users. Threads: none. Time: monotonic ms, passed in. */
#ifndef ZP_WS_EDGE_ROSTERS_H
#define ZP_WS_EDGE_ROSTERS_H

#include "common/base/error.h"
#include "common/base/hash_table.h"
#include "common/base/ring.h"
#include "common/base/str_view.h"
#include <stdint.h>

enum {
    ROSTERS_ASKED_MAX = 100, /* in one question (proto: RostersQuery) */
    ROSTERS_UNHELD_MAX = 200,
};

typedef enum roster_kind { ROSTER_GROUP, ROSTER_CONTACTS } roster_kind;

typedef struct roster {
    UT_hash_handle hh;
    ring order;                   /* in rosters.order */
    ring holders;                 /* the holders' own links */
    uint64_t version;             /* 0: no core has said it yet */
    uint64_t due_ms;              /* when it is to be asked for */
    bool asked;                   /* it has been, and there is no answer yet, */
    bool answered;                /* or only to this one */
    bool unheld;                  /* and counted as such */
    struct roster_change *change; /* the one at hand; else NULL */
    roster_kind kind;
    char **users; /* ascending (bytes), each once */
    size_t users_count;
    char key[]; /* the kind's letter, then the id; NUL-terminated */
} roster_t;

typedef struct rosters {
    roster_t *all; /* uthash by key */
    ring order;    /* roster.order, by due_ms */
    size_t count, unheld_count;
} rosters_t;

void rosters_init(rosters_t *rosters);

void rosters_clear(rosters_t *rosters); /* nobody holds any */

/* The roster, a new one where there was none, to be held or released before anything else. NULL: out of
 * memory. */
roster_t *rosters_get(rosters_t *rosters, roster_kind kind, str_view id);
roster_t *rosters_find(const rosters_t *rosters, roster_kind kind, str_view id);
void rosters_hold(rosters_t *rosters, roster_t *roster, ring *holder);
/* A holder has gone, if one did: a roster that nobody holds may be freed. */
void rosters_release(rosters_t *rosters, roster_t *roster);

const char *roster_id(const roster_t *roster); /* NUL-terminated */

/* -- asking -- */

/* When the next one is due; UINT64_MAX: there is none. */
uint64_t rosters_due_ms(const rosters_t *rosters);
/* The first `most` of those that are due, which count as asked, and are due again refresh_ms later. Returns
 * how many. What was asked before must have been answered. They live until they are released. Whom nobody
 * holds any more is freed instead. */
size_t rosters_ask(rosters_t *rosters, uint64_t now_ms, uint64_t refresh_ms, const roster_t *ret_asked[],
                   size_t most);
/* What was asked has been answered. Not `all` of it: only up to the last one whose change has begun; those
 * behind it are due at once. */
void rosters_answered(rosters_t *rosters, bool all);

/* -- what has changed -- */

/* A roster becomes what a core says: between begin and end, who was not in it before, and who is no more. */
typedef struct roster_change {
    char **before;
    size_t before_count;
    const char **added;   /* point into the roster */
    const char **removed; /* point into `before` */
    size_t added_count, removed_count;
} roster_change;

/* ZP_NO_MEMORY: the roster stays as it was, and is asked for again. */
ZP_MUST_CHECK zp_error roster_change_begin(roster_t *roster, uint64_t version, char *const *user_ids,
                                           size_t count, roster_change *ret_change);
void roster_change_end(roster_change *change);

#endif
