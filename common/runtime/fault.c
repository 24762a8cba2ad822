#include "common/runtime/fault.h"

#ifdef ZPRESENCE_FAULTS

#include "common/log/log.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* How often each point still misbehaves; below 0: for ever. */
static long times_left[FAULT_POINTS_COUNT];
static unsigned long hits[FAULT_POINTS_COUNT];

static const char *const names[FAULT_POINTS_COUNT] = {
#define X(id, name) name,
    FAULT_POINTS(X)
#undef X
};

bool fault_arm(str_view name, long times) {
    for (int i = 0; i < FAULT_POINTS_COUNT; i++) {
        if (str_view_equal(name, str_view_of(names[i]))) {
            times_left[i] = times;
            log_warn("fault.armed", "name=%s times=%ld", names[i], times);
            return true;
        }
    }
    return false;
}

static bool arm_item(str_view item) {
    const char *colon = memchr(item.ptr, ':', item.len);
    char *end = NULL;
    errno = 0;
    long times = colon ? strtol(colon + 1, &end, 10) : 0;
    return colon && errno == 0 && end != colon + 1 && end == item.ptr + item.len &&
           fault_arm(str_view_make(item.ptr, (size_t)(colon - item.ptr)), times);
}

bool fault_init(void) {
    const char *at = getenv("FAULTS");
    while (at && *at != '\0') {
        str_view item = str_view_make(at, strcspn(at, ","));
        if (!arm_item(item)) {
            char shown[128];
            log_error("fault.unknown", "item=%s needed=name:times",
                      str_view_escape(item, shown, sizeof shown));
            return false;
        }
        at += item.len;
        at += *at == ',';
    }
    return true;
}

bool fault_hit(fault_point point) {
    assert(point >= 0 && point < FAULT_POINTS_COUNT);
    if (times_left[point] == 0) {
        return false;
    }
    if (times_left[point] > 0) {
        times_left[point]--;
    }
    hits[point]++;
    log_debug("fault.hit", "name=%s", names[point]);
    return true;
}

char *fault_dup_report(void) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return NULL;
    }
    for (int i = 0; i < FAULT_POINTS_COUNT; i++) {
        fprintf(out, "%s\"%s\": {\"times\": %ld, \"hits\": %lu}", i == 0 ? "{" : ", ", names[i],
                times_left[i], hits[i]);
    }
    fputs("}\n", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

#endif
