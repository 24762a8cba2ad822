/* client_address - where a request comes from: its peer, or, where that is a proxy of ours (TRUSTED_PROXIES),
 * who the proxy says it speaks for. X-Forwarded-For is read from its end, as far as proxies of ours wrote it:
 * what stands before that was written by the client, and may be anything. Owns: nothing. Threads: none. */
#ifndef ZP_LIMITS_CLIENT_ADDRESS_H
#define ZP_LIMITS_CLIENT_ADDRESS_H

#include "common/base/address_list.h"

enum { FORWARDED_LINES_MAX = 8 };

/* The values of X-Forwarded-For in the order in which they came, the last ones of them. */
typedef struct forwarded_lines {
    str_view values[FORWARDED_LINES_MAX];
    size_t count;
} forwarded_lines;

/* One more line came; beyond FORWARDED_LINES_MAX the first is forgotten. */
void forwarded_lines_add(forwarded_lines *lines, str_view value);

/* An entry that is no address ends the way back there. */
ip_address client_address_find(const address_list *proxies, ip_address peer, const forwarded_lines *lines);

#endif
