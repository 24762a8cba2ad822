/* dismissal - why a connection that keeps to the protocol has to go: its close code, the word for it in logs
 * and in the reasons of transitions, and what the client reads in the close frame. */
#ifndef ZP_WS_EDGE_DISMISSAL_H
#define ZP_WS_EDGE_DISMISSAL_H

#include "services/ws-edge/core/close_code.h"
#include <stdint.h>

/* X(id, close code, word, text) */
#define DISMISSALS(X)                                                                                        \
    X(NOT_DISMISSED, 0, "", "")                                                                              \
    X(DISMISSED_GARBAGE, CLOSE_INVALID_DATA, "garbage", "too many messages that cannot be read")             \
    X(DISMISSED_FLOOD, CLOSE_POLICY_VIOLATION, "flood", "too many messages")                                 \
    X(DISMISSED_TOKEN_EXPIRED, CLOSE_POLICY_VIOLATION, "token-expired", "the token has expired")             \
    X(DISMISSED_LOGIN_DUPLICATED, CLOSE_LOGIN_DUPLICATED, "login-duplicated",                                \
      "the user has logged in again")                                                                        \
    X(DISMISSED_DRAINING, CLOSE_GOING_AWAY, "draining", "this server is stopping")

typedef enum dismissal {
#define X(id, code, word, text) id,
    DISMISSALS(X)
#undef X
} dismissal;

#define X(id, code, word, text) [id] = (code),
static inline uint16_t dismissal_close_code(dismissal why) {
    static const uint16_t codes[] = {DISMISSALS(X)};
    return codes[why];
}
#undef X

#define X(id, code, word, text) [id] = (word),
static inline const char *dismissal_word(dismissal why) {
    static const char *const words[] = {DISMISSALS(X)};
    return words[why];
}
#undef X

#define X(id, code, word, text) [id] = (text),
static inline const char *dismissal_text(dismissal why) {
    static const char *const texts[] = {DISMISSALS(X)};
    return texts[why];
}
#undef X

#endif
