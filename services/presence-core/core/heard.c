#include "services/presence-core/core/heard.h"

/* One look at each beat of an edge, once a second: a list is enough. */
void heard_note(heard_t *heard, str_view incarnation, uint64_t now_ms) {
    if (incarnation.len == 0 || incarnation.len >= INCARNATION_BYTES) {
        return;
    }
    size_t place = heard->count;
    size_t longest_silent = 0;
    for (size_t i = 0; i < heard->count; i++) {
        if (str_view_equal(str_view_of(heard->list[i].incarnation), incarnation)) {
            heard->list[i].at_ms = now_ms;
            return;
        }
        if (heard->list[i].at_ms < heard->list[longest_silent].at_ms) {
            longest_silent = i;
        }
    }
    if (place == HEARD_MAX) {
        place = longest_silent;
    } else {
        heard->count++;
    }
    memcpy(heard->list[place].incarnation, incarnation.ptr, incarnation.len);
    heard->list[place].incarnation[incarnation.len] = '\0';
    heard->list[place].at_ms = now_ms;
}

size_t heard_lately(heard_t *heard, uint64_t now_ms, uint64_t lease_ms) {
    size_t kept = 0;
    for (size_t i = 0; i < heard->count; i++) {
        if (now_ms - heard->list[i].at_ms <= lease_ms) {
            heard->list[kept++] = heard->list[i];
        }
    }
    heard->count = kept;
    return kept;
}
