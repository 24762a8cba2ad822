/* redis_care - whether Redis is set up as presence needs it: no eviction (an evicted presence key is a lie),
 * an append-only file (accounts, contacts and last seen live nowhere else). Asked by INFO when Redis comes up
 * and every 10 s; what Redis does not tell is not known, and nothing is said of it. Sets two gauges; warns
 * once for each change. Owns: its timer. Borrows: the script caller, which must outlive it. Threads: the
 * loop's. */
#ifndef ZP_PRESENCE_CORE_REDIS_CARE_H
#define ZP_PRESENCE_CORE_REDIS_CARE_H

#include "services/presence-core/script_caller.h"

typedef struct redis_care redis_care_t;

ZP_MUST_CHECK zp_error redis_care_new(redis_care_t **ret_care, const bus_context *bus,
                                      script_caller_t *scripts);
/* After the script caller has answered everything. */
void redis_care_destroy(redis_care_t **care);

#endif
