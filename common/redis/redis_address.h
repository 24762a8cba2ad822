/* redis_address - an address of Redis' name, looked up without blocking the loop. Owns: nothing; a lookup
 * lives in the caller's struct. Threads: the loop's. */
#ifndef ZP_REDIS_REDIS_ADDRESS_H
#define ZP_REDIS_REDIS_ADDRESS_H

#include "common/base/error.h"
#include <uv.h>

/* `address`: IPv4 or IPv6 in digits. NULL: there is none, and `why` says why not. Both live until this
 * returns. */
typedef void redis_address_fn(void *context, const char *address, const char *why);

typedef struct redis_address_lookup {
    uv_getaddrinfo_t request;
    unsigned attempts;
    redis_address_fn *on_address;
    void *context;
} redis_address_lookup;

/* Attempt after attempt gives the next of the name's addresses: "localhost" is ::1 and 127.0.0.1.
 * `on_address` is called once, later, and the lookup must live until then. ZP_SYSTEM: *ret_why says why, and
 * it is not called. */
ZP_MUST_CHECK zp_error redis_address_look_up(redis_address_lookup *lookup, uv_loop_t *loop, const char *host,
                                             unsigned attempts, redis_address_fn *on_address, void *context,
                                             const char **ret_why);

/* `on_address` is called all the same, sooner if it can be. */
void redis_address_cancel(redis_address_lookup *lookup);

#endif
