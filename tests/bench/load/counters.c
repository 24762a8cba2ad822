#include "tests/bench/load/counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void counters_fail(counters *c, const char *reason) {
    unsigned i = 0;
    while (i < FAILURES_MAX - 1 && c->failures[i].count > 0 && strcmp(c->failures[i].reason, reason) != 0) {
        i++;
    }
    if (c->failures[i].count++ == 0) {
        snprintf(c->failures[i].reason, sizeof c->failures[i].reason, "%s", reason);
    }
}

const uint64_t *counters_find(const counters *c, const char *name) {
#define X(field)                                                                                             \
    if (strcmp(name, #field) == 0) {                                                                         \
        return &c->field;                                                                                    \
    }
    COUNTERS(X)
#undef X
    return strcmp(name, "seen") == 0 ? &c->seen.total : NULL;
}

static void print_histogram(const char *name, const histogram *h) {
    printf(",\"%s\":{\"count\":%" PRIu64 ",\"p50_ns\":%" PRIu64 ",\"p90_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64
           ",\"max_ns\":%" PRIu64 "}",
           name, h->total, histogram_quantile(h, 0.5), histogram_quantile(h, 0.9),
           histogram_quantile(h, 0.99), h->max_ns);
}

void counters_print(const counters *c) {
    const char *comma = "";
#define X(field)                                                                                             \
    printf("%s\"%s\":%" PRIu64, comma, #field, c->field);                                                    \
    comma = ",";
    COUNTERS(X)
#undef X
    printf(",\"statuses\":{");
    for (unsigned i = 0; i <= SEEN_STATUSES_COUNT; i++) {
        printf("%s\"%s\":%" PRIu64, i ? "," : "", i < SEEN_STATUSES_COUNT ? seen_status_names[i] : "other",
               c->statuses[i]);
    }
    printf("},\"failures\":{");
    for (unsigned i = 0; i < FAILURES_MAX && c->failures[i].count > 0; i++) {
        printf("%s\"%s\":%" PRIu64, i ? "," : "", c->failures[i].reason, c->failures[i].count);
    }
    printf("}");
    print_histogram("connecting", &c->connecting);
    print_histogram("seen", &c->seen);
}
