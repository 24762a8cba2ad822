/* asking - what the endpoints that ask a core have in common. Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_ASKING_H
#define ZP_HTTP_API_ASKING_H

#include "proto/valid.h"
#include "services/http-api/core/api_error.h"

/* Why an answer with this outcome is none; API_OK: it is one. */
api_error asking_refusal_of(Zp__Outcome outcome, const char **ret_details);

/* Likewise; NULL: no core answered in time. */
static inline api_error asking_refusal(const Zp__Outcome *outcome, const char **ret_details) {
    if (outcome) {
        return asking_refusal_of(*outcome, ret_details);
    }
    *ret_details = "no presence-core answered in time";
    return API_UNAVAILABLE;
}

/* A flag of a query: true, false, 1, 0, in any case; absent or empty is false. False: it is none of these. */
bool asking_read_flag(str_view text, bool *ret_flag);

/* Whether it is a user id. `text` is NUL-terminated behind its end. */
bool asking_is_user(str_view text);

#endif
