/* audience - the clients that hear updates, and how frames reach them. Who watches everybody reads one shared
 * log, to which each update is appended; who watches a list of users is told what has changed on it since it
 * last read (core/watch_lists.h). A flush asks the sockets to write: the first change after an idle moment
 * goes out in the same turn of the loop; under load everything of FLUSH_MS goes out in one write a socket.
 * Owns: the update log, the watch lists, the list of those who watch everybody. Borrows: clients' outboxes.
 * Threads: the loop's. */
#ifndef ZP_WS_EDGE_AUDIENCE_H
#define ZP_WS_EDGE_AUDIENCE_H

#include "common/base/error.h"
#include "common/runtime/process.h"
#include "services/ws-edge/core/dismissal.h"
#include "services/ws-edge/core/sessions.h"
#include "services/ws-edge/core/watch_lists.h"

typedef struct audience audience_t;

typedef struct audience_hooks {
    /* Some watch everybody now, or by name, who did not, or none does any more; or a new wire form is in use.
     */
    void (*interest_changed)(void *context);
    /* `client` is being closed, and watches nobody any more. */
    void (*given_up)(void *context, edge_client *client);
} audience_hooks;

ZP_MUST_CHECK zp_error audience_new(audience_t **ret_audience, process_t *process,
                                    const audience_hooks *hooks, void *context);
/* Every client must have been removed. */
void audience_destroy(audience_t **audience);

/* `client` hears of everybody from now on / of nobody any more. Repeating either is harmless. */
void audience_add(audience_t *audience, edge_client *client);
void audience_remove(audience_t *audience, edge_client *client);

/* A list of nobody, for `room` users, to be filled by watch_list_add and given to audience_watch, or ended.
 * ZP_FULL: WATCHES_MAX. */
ZP_MUST_CHECK zp_error audience_new_list(audience_t *audience, edge_client *client, size_t room,
                                         watch_list_t **ret_list);
/* `client` hears of the users on `take_list` from now on, and of nobody else: once a snapshot has named them.
 */
void audience_watch(audience_t *audience, edge_client *client, watch_list_t *take_list);

size_t audience_everybody_count(const audience_t *audience); /* clients that watch everybody */
/* The lists of the others, of those who watch by name. */
watch_lists_t *audience_lists(const audience_t *audience);
/* Bits of enum wire_form: every form that was used by one who watches everybody since the last time that
 * there was none. */
uint32_t audience_wire_forms(const audience_t *audience);

/* Tells those who watch the user on a list. */
void audience_tell_lists(audience_t *audience, const watch_change *change);
/* The view of changes was made anew, and is settled. */
void audience_settle_lists(audience_t *audience, const watch_view_t *view);

/* Tells those who watch everybody. `payloads`: MessagePack for each form, empty where it shows no change. */
void audience_tell(audience_t *audience, str_view user_id, presence_status from, presence_status to,
                   const str_view payloads[WIRE_FORMS_COUNT]);

/* An answer for one client alone. One that does not read its answers is closed with 1013. */
void audience_answer(audience_t *audience, edge_client *client, str_view payload);

/* What is told from now on, the client reads in `form`. */
void audience_change_form(audience_t *audience, edge_client *client, wire_form form);

/* Closes the client as soon as its answers are out. */
void audience_close_after_answers(audience_t *audience, edge_client *client, dismissal why);

/* Nothing waits to be written to the client. */
bool audience_has_told(const audience_t *audience, const edge_client *client);

/* The client's socket can be written to. */
void audience_write(audience_t *audience, edge_client *client);

#endif
