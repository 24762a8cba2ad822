/* error - the one list of what can go wrong inside; results that matter are ZP_MUST_CHECK. */
#ifndef ZP_BASE_ERROR_H
#define ZP_BASE_ERROR_H

#define ZP_MUST_CHECK __attribute__((warn_unused_result))

#define ZP_ERRORS(X)                                                                                         \
    X(ZP_OK, "ok")                                                                                           \
    X(ZP_INVALID, "not valid")                                                                               \
    X(ZP_TOO_LARGE, "too large")                                                                             \
    X(ZP_INCOMPLETE, "not complete yet")                                                                     \
    X(ZP_NOT_FOUND, "not found")                                                                             \
    X(ZP_FULL, "a limit is reached")                                                                         \
    X(ZP_UNAVAILABLE, "out of reach")                                                                        \
    X(ZP_NO_MEMORY, "out of memory")                                                                         \
    X(ZP_SYSTEM, "the system refused")

typedef enum zp_error {
#define X(id, text) id,
    ZP_ERRORS(X)
#undef X
} zp_error;

const char *zp_error_text(zp_error error);

#endif
