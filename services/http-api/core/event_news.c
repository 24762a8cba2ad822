#include "services/http-api/core/event_news.h"
#include "services/http-api/core/wanted_ids.h"

event_news event_news_of(const watch_change *change, bool settled) {
    return (event_news){.change = change, .hash = wanted_ids_hash(change->user_id), .settled = settled};
}

void event_news_free(event_news *news) {
    for (size_t i = 0; i < sizeof news->made / sizeof *news->made; i++) {
        text_free(&news->made[i]);
    }
}

str_view event_news_text(event_news *news, bool full, bool with_id) {
    const watch_change *change = news->change;
    presence_status from = full ? change->from : status_basic(change->from);
    presence_status to = full ? change->to : status_basic(change->to);
    text_buffer *text = &news->made[(full ? 2 : 0) + (with_id ? 1 : 0)];
    if (from == to) {
        return (str_view){0};
    }
    if (text->len_bytes == 0) {
        const event_presence presence = {change->user_id, to, &from, change->at_ms, change->position.seq};
        event_text_add_presence(text, with_id ? &change->position : NULL, &presence);
    }
    return text->failed ? (str_view){0} : str_view_make(text->bytes, text->len_bytes);
}
