/* list_fixture - watch lists of users of one letter each. */
#ifndef ZP_TESTS_LIST_FIXTURE_H
#define ZP_TESTS_LIST_FIXTURE_H

#include "services/ws-edge/core/watch_rosters.h"

/* A client's list, on which it names these users. */
watch_list_t *list_of(watch_lists_t *lists, const char *letters, void *owner);
/* The client names the user no longer. */
void remove_user(watch_list_t *list, const char *id);

#endif
