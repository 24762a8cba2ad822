/* snapshots_fixture - snapshots with the real view and real watch lists; in the places of cores and sockets
 * stand five functions that note what they are asked. Users have one letter each. */
#ifndef ZP_TESTS_SNAPSHOTS_FIXTURE_H
#define ZP_TESTS_SNAPSHOTS_FIXTURE_H

#include "services/ws-edge/core/watch_rosters.h"
#include "services/ws-edge/snapshots.h"

enum { FRAMES_TEXT_BYTES = 4096, CLIENTS = 5 };

extern process_t process;
extern snapshots_t *snapshots;
extern watch_view_t *view;
extern edge_client *clients[CLIENTS]; /* they watch everybody, until watch_users */
extern watch_lists_t *lists;

/* How often cores were asked, and whether any can be. */
extern uint64_t asked_count;
extern bool nobody_answers;
/* What the last page was asked for: the user behind whom it begins; of a list, its users. */
const char *after(void);

/* The frames that the clients were sent: "[a=online b=busy]" for each; and whether they do not read. */
extern char frames[FRAMES_TEXT_BYTES];
extern bool holds_back;

int snapshots_begin_test(void **state);
int snapshots_end_test(void **state);

log_position at(uint64_t seq);

/* The view of everybody, made anew: these are online, since their numbers. */
void view_anew(uint64_t seq, const char *online);
/* A change reaches the view; the lists. */
void change(const char *id, presence_status to, uint64_t seq);
void tell(const char *id, presence_status to, uint64_t seq);

/* Answers the last request: `ids` has one letter for each user, whose last change was number `changed`. */
void page(uint64_t seq, const char *ids, uint64_t changed, bool last);
/* Answers the last request for a part of a list: a lower-case letter is online, an upper-case one offline. */
void list_page(const char *ids, uint64_t changed);

/* The client watches these. */
void watch_users(edge_client *client, const char *letters);
/* The outbox of that client is empty. */
void drained(size_t client);

#endif
