#include "services/presence-core/core/record.h"

#include <assert.h>

/* Takes the piece up to the next space; NULL: there is none, or it is empty. */
static char *take_piece(char **at) {
    char *piece = *at;
    char *space = strchr(piece, ' ');
    if (!space || space == piece) {
        return NULL;
    }
    *space = '\0';
    *at = space + 1;
    return piece;
}

static bool take_number(char **at, uint64_t *ret_number) {
    const char *piece = take_piece(at);
    if (!piece) {
        return false;
    }
    uint64_t number = 0;
    for (; *piece; piece++) {
        if (*piece < '0' || *piece > '9' || number > (UINT64_MAX - 9) / 10) {
            return false;
        }
        number = number * 10 + (uint64_t)(*piece - '0');
    }
    *ret_number = number;
    return true;
}

static bool take_status(char **at, presence_status *ret_status) {
    const char *piece = take_piece(at);
    return piece && piece[1] == '\0' && status_from_letter(piece[0], ret_status);
}

zp_error record_cut(char *text, size_t len_bytes, record_t *ret_record) {
    assert(text[len_bytes] == '\0');
    if (strlen(text) != len_bytes) {
        return ZP_INVALID;
    }
    record_t record;
    char *at = text;
    bool cut = take_number(&at, &record.seq) && take_status(&at, &record.from) &&
               take_status(&at, &record.to) && take_number(&at, &record.at_ms) &&
               take_number(&at, &record.last_seen_ms) && take_number(&at, &record.previous_seq);
    if (!cut) {
        return ZP_INVALID;
    }
    record.reason = take_piece(&at);
    record.edge = record.reason ? take_piece(&at) : NULL;
    record.user_id = at;
    if (!record.edge || *at == '\0') {
        return ZP_INVALID;
    }
    if (strcmp(record.edge, "-") == 0) {
        record.edge[0] = '\0';
    }
    *ret_record = record;
    return ZP_OK;
}
