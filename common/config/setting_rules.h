/* setting_rules - setting_rules.def as rows: which settings only make sense together.
 * Owns: nothing, the rows are constant. Units: those of the settings. Threads: any. */
#ifndef ZP_CONFIG_SETTING_RULES_H
#define ZP_CONFIG_SETTING_RULES_H

#include "common/config/config.h"
#include <stddef.h>

enum { SETTING_RULE_TERMS_MAX = 2 };

typedef struct setting_rule {
    setting_id larger;
    size_t terms_count;
    struct {
        int64_t times;
        setting_id smaller;
    } terms[SETTING_RULE_TERMS_MAX];
    const char *why; /* what happens otherwise */
} setting_rule;

typedef int64_t setting_integer_fn(const void *context, setting_id id);

extern const setting_rule SETTING_RULES[];
extern const size_t SETTING_RULES_COUNT;

/* The kinds of process that read all of its settings, or-ed. */
unsigned setting_rule_users(const setting_rule *rule);

/* "2 * BEAT_INTERVAL_MS", "BEAT_INTERVAL_MS + 2 * CLOCK_TICK_MS". Returns `out`. */
enum { SETTING_RULE_BYTES = 160 };
const char *setting_rule_bound(const setting_rule *rule, char out[SETTING_RULE_BYTES]);

/* What rule->larger must be at least, by the values that `integer_of` gives. */
int64_t setting_rule_needed(const setting_rule *rule, setting_integer_fn *integer_of, const void *context);

#endif
