/* front_page - GET /: what runs, and how it does, for people. One HTML document without scripts or outside
 * resources, that asks for itself again every few seconds. Text from the bus is escaped. */
#ifndef ZP_HTTP_API_FRONT_PAGE_H
#define ZP_HTTP_API_FRONT_PAGE_H

#include "services/http-api/core/system_view.h"
#include "services/http-api/core/text_buffer.h"

/* `with_services`: for a reader who may see what runs. `now_unix_ms` is shown as the time of the page. More
 * than FRONT_PAGE_ROWS_MAX processes: the rest is counted. */
enum { FRONT_PAGE_ROWS_MAX = 500 };
void front_page_add(text_buffer *out, const system_view *view, const system_health *health,
                    bool with_services, uint64_t now_unix_ms);

#endif
