/* endpoint_item - reads one item of an endpoint list (endpoint_list.h). Pure: borrows the text. */
#ifndef ZP_BUS_ENDPOINT_ITEM_H
#define ZP_BUS_ENDPOINT_ITEM_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include <stdint.h>

typedef enum endpoint_item_kind { ENDPOINT_TCP, ENDPOINT_DNS, ENDPOINT_FILE } endpoint_item_kind;

typedef struct endpoint_item {
    endpoint_item_kind kind;
    str_view host; /* TCP, DNS: at most 253 bytes; an IPv6 address of TCP with its brackets */
    str_view port; /* decimal, 1 to 65535, no leading zeros */
    str_view path; /* FILE */
} endpoint_item;

/* "tcp://" + ":" + port around the longest host, and NUL. */
enum { ENDPOINT_HOST_MAX_BYTES = 253, ENDPOINT_TEXT_BYTES = 6 + ENDPOINT_HOST_MAX_BYTES + 1 + 5 + 1 };

/* ZP_INVALID: none of the forms; *ret_item untouched. `text` is without blanks around it. */
ZP_MUST_CHECK zp_error endpoint_item_parse(endpoint_item *ret_item, str_view text);

/* Cuts the next item, trimmed and not empty, off the front of *rest: items end with a comma or a line. False:
 * none is left. */
bool endpoint_item_next(str_view *rest, str_view *ret_text);

/* Whether a bus socket can be bound to it, by its form: tcp://host:port, where "*" is any host, and "*" or 0
 * any port. */
bool endpoint_is_to_bind(str_view text);

#endif
