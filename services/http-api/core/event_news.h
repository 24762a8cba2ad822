/* event_news - one change, made into text once for all the streams that hear it: in basic or full statuses,
 * with or without an id. Owns: the texts. Threads: none. */
#ifndef ZP_HTTP_API_EVENT_NEWS_H
#define ZP_HTTP_API_EVENT_NEWS_H

#include "common/presence/watch_view.h"
#include "services/http-api/core/event_text.h"

typedef struct event_news {
    const watch_change *change;
    uint64_t hash;       /* wanted_ids_hash of its user */
    bool settled;        /* everything before it has been told: it may carry an id */
    text_buffer made[4]; /* one for each way; empty: not asked for yet */
} event_news;

/* `change` is borrowed. */
event_news event_news_of(const watch_change *change, bool settled);
void event_news_free(event_news *news);

/* Empty where those statuses show no change. */
str_view event_news_text(event_news *news, bool full, bool with_id);

#endif
