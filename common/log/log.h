/* log - one structured line per event, on stderr:
 *     2025-12-12T10:30:45.123Z INFO ws-edge-1 edge.joined incarnation=4f.. replaces=-
 * `event` is a stable id; `format` gives key=value pairs or, for the lines that the guide tells people to
 * look for, its words. Never a token; ids that came from outside go through str_view_escape. The one global
 * of the house: a process has one log. */
#ifndef ZP_LOG_LOG_H
#define ZP_LOG_LOG_H

#include "common/config/config.h"
#include <stdbool.h>

typedef enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR } log_level;

/* Level from LOG_LEVEL, lowered to debug where DEBUG matches vp:* (a comma-separated list of vp:<prefix>*).
 */
void log_init(const config_t *config);

/* To guard work that only a log line needs. */
bool log_enabled(log_level level);

void log_write(log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(event, ...)                                                                                \
    (log_enabled(LOG_LEVEL_DEBUG) ? log_write(LOG_LEVEL_DEBUG, event, __VA_ARGS__) : (void)0)
#define log_info(event, ...) log_write(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_write(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
