/* accounts_fixture - the account_* scripts in the words of the tests; `answer` is what they answered. Header
 * only: each test program uses a part of it. */
#ifndef ZP_TESTS_ACCOUNTS_FIXTURE_H
#define ZP_TESTS_ACCOUNTS_FIXTURE_H

#include "tests/unit/presence-core/scripts_fixture.h"
#include <stdio.h>

enum { ACCOUNT_COLUMNS = 13, RESULT = 2, CREATED, DISPLACED, ROWS };
enum {
    USERNAME,
    DISPLAY_NAME,
    DEVICE_TYPE,
    METADATA,
    CREATED_AT,
    LAST_SEEN,
    TOTAL_SESSIONS,
    STATUS,
    SINCE,
    PRESENCE_LAST_SEEN,
    IS_ONLINE,
    IS_FAVORITE,
    ADDED_AT
};

/* A nonce that no other question of the program has. */
static inline const char *fresh_nonce(void) {
    static char nonce[17];
    static unsigned count;
    (void)snprintf(nonce, sizeof nonce, "%016x", ++count);
    return nonce;
}

static inline size_t rows_found(void) {
    return answer->element[ROWS]->elements / ACCOUNT_COLUMNS;
}

static inline const char *row_column(size_t row, size_t column) {
    return answer->element[ROWS]->element[row * ACCOUNT_COLUMNS + column]->str;
}

static inline const char *result_text(void) {
    return answer->element[RESULT]->str;
}

static inline const char *register_user(const char *user) {
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, user, fresh_nonce(), "1", "1000", NULL);
    return result_text();
}

static inline const char *read_user(const char *user) {
    run(SCRIPT_ACCOUNT_READ, HTTP_TTL_MS, FRESHNESS_MS, user, NULL);
    return result_text();
}

static inline const char *start_session(const char *user, const char *nonce, const char *token) {
    run(SCRIPT_ACCOUNT_SESSION, user, nonce, "1000", "3", "60000", token, "video_call", "room", NULL);
    return result_text();
}

static inline const char *end_session(const char *token) {
    run(SCRIPT_ACCOUNT_SESSION_END, token, NULL);
    return result_text();
}

static inline const char *change_contact(const char *nonce, const char *user, const char *change,
                                         const char *contact, const char *favorite) {
    run(SCRIPT_ACCOUNT_CONTACT, HTTP_TTL_MS, FRESHNESS_MS, user, nonce, change, contact, favorite, "3", NULL);
    return result_text();
}

static inline const char *read_contacts(const char *user, const char *contact) {
    run(SCRIPT_ACCOUNT_CONTACTS, HTTP_TTL_MS, FRESHNESS_MS, user, contact, NULL);
    return result_text();
}

#endif
