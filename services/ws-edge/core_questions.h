/* core_questions - what this edge asks the cores on behalf of its clients, and is answered by more than an
 * Ack: the core_link_ask_* of core_link.h. Asked of one core, once: whoever wants to know asks again where no
 * answer came. For core_link.c and core_link_send.c only. Threads: the loop's. */
#ifndef ZP_WS_EDGE_CORE_QUESTIONS_H
#define ZP_WS_EDGE_CORE_QUESTIONS_H

#include "services/ws-edge/core_link_send.h"

/* The body is an answer to a question. */
void core_questions_take_answer(core_link_t *link, const Zp__CoreToEdge *message);
/* No answer will come; the caller ends the request. */
void core_questions_fail(core_link_t *link, const core_request *request);

#endif
