#include "common/log/log.h"
#include "common/base/clock.h"
#include "common/base/str_view.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* One write(2) a line, so that lines of several processes on one pipe do not mix (PIPE_BUF). */
enum { LINE_BYTES = 4096 };

static struct {
    log_level least;
    char process_name[65];
} the_log = {LOG_LEVEL_INFO, "-"};

static const char *level_name(log_level level) {
    switch (level) {
    case LOG_LEVEL_DEBUG:
        return "DEBUG";
    case LOG_LEVEL_INFO:
        return "INFO";
    case LOG_LEVEL_WARN:
        return "WARN";
    case LOG_LEVEL_ERROR:
        return "ERROR";
    }
    return "UNKNOWN";
}

static log_level level_from_name(const char *name) {
    switch (name[0]) {
    case 'd':
        return LOG_LEVEL_DEBUG;
    case 'w':
        return LOG_LEVEL_WARN;
    case 'e':
        return LOG_LEVEL_ERROR;
    default:
        return LOG_LEVEL_INFO;
    }
}

/* DEBUG as npm's debug package reads it, as far as one log needs it: a list of patterns, ours begin with
 * "vp:". */
static bool debug_names_us(const char *patterns) {
    for (const char *at = patterns; *at != '\0';) {
        size_t len = strcspn(at, ", ");
        str_view pattern = str_view_make(at, len);
        if (str_view_equal(pattern, str_view_of("*")) || (len > 3 && memcmp(at, "vp:", 3) == 0)) {
            return true;
        }
        at += len;
        at += strspn(at, ", ");
    }
    return false;
}

void log_init(const config_t *config) {
    snprintf(the_log.process_name, sizeof the_log.process_name, "%s", config_process_name(config));
    the_log.least = level_from_name(config_text(config, SETTING_LOG_LEVEL));
    if (debug_names_us(config_text(config, SETTING_DEBUG))) {
        the_log.least = LOG_LEVEL_DEBUG;
    }
}

bool log_enabled(log_level level) {
    return level >= the_log.least;
}

static void write_line(const char *line, size_t len_bytes) {
    while (len_bytes > 0) {
        ssize_t written = write(STDERR_FILENO, line, len_bytes);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return; /* nobody reads the log: that is no reason to stop serving */
        }
        line += written;
        len_bytes -= (size_t)written;
    }
}

void log_write(log_level level, const char *event, const char *format, ...) {
    if (!log_enabled(level)) {
        return;
    }
    int saved_errno = errno;
    char line[LINE_BYTES];
    char now[CLOCK_ISO8601_BYTES];
    int head = snprintf(line, sizeof line, "%s %s %s %s ", clock_iso8601(clock_unix_ms(), now),
                        level_name(level), the_log.process_name, event);
    size_t used = head < 0 ? 0 : (size_t)head;
    if (used > sizeof line - 2) {
        used = sizeof line - 2;
    }
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + used, sizeof line - 1 - used, format, arguments);
    va_end(arguments);
    if (body > 0) {
        size_t room = sizeof line - 2 - used;
        used += (size_t)body < room ? (size_t)body : room;
    } else {
        used--; /* the space after the event */
    }
    /* Callers escape what came from outside; this keeps one event one line if one forgets, or a library does
     * not. */
    for (size_t i = 0; i < used; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[used++] = '\n';
    write_line(line, used);
    errno = saved_errno;
}
