/* endpoint_list - where peers are, kept current. Text, comma-separated items of:
 *     tcp://127.0.0.1:7300         as it is; the host is a name, an IPv4 address or an [IPv6 address]
 *     dns+tcp://presence-core:7300 every A and AAAA record of the name, looked up again every
 * ENDPOINT_REFRESH_MS file:/path                   such a list, one or more items a line, read again every
 * ENDPOINT_REFRESH_MS; no file: items inside; replace it by rename, so that it is never read half A name or
 * file that cannot be read now keeps what it gave before. An endpoint that several items give counts once;
 * what is beyond ENDPOINTS_MAX is left out. Owns: its timer and lookups. Threads: the loop's. */
#ifndef ZP_BUS_ENDPOINT_LIST_H
#define ZP_BUS_ENDPOINT_LIST_H

#include "common/bus/bus_socket.h"

typedef struct endpoint_list endpoint_list_t;

/* Called with an endpoint that has come (true) or gone (false); first from within endpoint_list_new. It may
 * not destroy the list. */
typedef void endpoint_change_fn(void *context, const char *endpoint, bool present);

/* ZP_INVALID: an item is malformed, or there is none (logged, naming it). In a file such an item is logged
 * and left out; a file that is not there yet is logged. */
ZP_MUST_CHECK zp_error endpoint_list_new(endpoint_list_t **ret_list, const bus_context *bus, const char *text,
                                         endpoint_change_fn *on_change, void *context);
/* Calls nothing back. Safe while a lookup is under way, and with NULL inside. */
void endpoint_list_destroy(endpoint_list_t **list);

#endif
