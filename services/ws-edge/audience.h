/* audience - the clients that hear updates, and how frames reach them: each update is appended to one shared
 * log, and a flush asks every watcher's socket to write. The first change after an idle moment goes out in
 * the same turn of the loop; under load everything of FLUSH_MS goes out in one write a socket. Owns: the
 * update log, the list of watchers. Borrows: clients' outboxes. Threads: the loop's. */
#ifndef ZP_WS_EDGE_AUDIENCE_H
#define ZP_WS_EDGE_AUDIENCE_H

#include "common/base/error.h"
#include "common/runtime/process.h"
#include "services/ws-edge/core/sessions.h"

typedef struct audience audience_t;

ZP_MUST_CHECK zp_error audience_new(audience_t **ret_audience, process_t *process);
void audience_destroy(audience_t **audience);

/* `client` hears what is told from now on / no more. Repeating either is harmless. */
void audience_add(audience_t *audience, edge_client *client);
void audience_remove(audience_t *audience, edge_client *client);

size_t audience_count(const audience_t *audience);
/* Bits of enum wire_form: every form that a watcher has used since the audience was last empty. */
uint32_t audience_wire_forms(const audience_t *audience);

/* `payloads`: MessagePack for each form, empty where it shows no change. */
void audience_tell(audience_t *audience, str_view user_id, presence_status from, presence_status to,
                   const str_view payloads[WIRE_FORMS_COUNT]);

/* An answer for one client alone. One that does not read its answers is closed with 1013. */
void audience_answer(audience_t *audience, edge_client *client, str_view payload);

/* What is told from now on, the client reads in `form`. */
void audience_change_form(audience_t *audience, edge_client *client, wire_form form);

/* Closes the client as soon as its answers are out. */
void audience_close_after_answers(audience_t *audience, edge_client *client, uint16_t code);

/* Nothing waits to be written to the client. */
bool audience_has_told(const audience_t *audience, const edge_client *client);

/* The client's socket can be written to. */
void audience_write(audience_t *audience, edge_client *client);

#endif
