/* account_rows - what the account_* scripts answer, as the bus carries it. A row that the bus would refuse is
 * left out: somebody's hand was in Redis. Owns: the messages; they point into the reply that they were made
 * from. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_ACCOUNT_ROWS_H
#define ZP_PRESENCE_CORE_ACCOUNT_ROWS_H

#include "proto/valid.h"
#include <hiredis/hiredis.h>

enum {
    ACCOUNT_PARTS = 6,    /* seq, rebuilding, result, created, displaced, columns: account_lib.lua */
    ACCOUNT_COLUMNS = 13, /* likewise */
};

typedef struct account_list {
    Zp__Account items[VALID_ACCOUNTS_MAX];
    Zp__Account *pointers[VALID_ACCOUNTS_MAX];
} account_list;

/* Fills result, accounts and presence_known of `body`. `reply` has ACCOUNT_PARTS. False: its result is none.
 */
bool account_rows_read(account_list *list, const redisReply *reply, Zp__AccountReply *body);

#endif
