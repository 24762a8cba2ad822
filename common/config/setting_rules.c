#include "common/config/setting_rules.h"
#include "common/config/settings_table.h"
#include <inttypes.h>
#include <stdio.h>

const setting_rule SETTING_RULES[] = {
#define AT_LEAST(larger, times, smaller, why) {SETTING_##larger, 1, {{times, SETTING_##smaller}}, why},
#define AT_LEAST_SUM(larger, times, smaller, also_times, also, why)                                          \
    {SETTING_##larger, 2, {{times, SETTING_##smaller}, {also_times, SETTING_##also}}, why},
#include "common/config/setting_rules.def"
#undef AT_LEAST
#undef AT_LEAST_SUM
};

const size_t SETTING_RULES_COUNT = sizeof SETTING_RULES / sizeof *SETTING_RULES;

unsigned setting_rule_users(const setting_rule *rule) {
    unsigned users = setting_row_of(rule->larger)->users;
    for (size_t i = 0; i < rule->terms_count; i++) {
        users &= setting_row_of(rule->terms[i].smaller)->users;
    }
    return users;
}

const char *setting_rule_bound(const setting_rule *rule, char out[SETTING_RULE_BYTES]) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < rule->terms_count && used < SETTING_RULE_BYTES; i++) {
        char times[32] = "";
        if (rule->terms[i].times != 1) {
            snprintf(times, sizeof times, "%" PRId64 " * ", rule->terms[i].times);
        }
        int len = snprintf(out + used, SETTING_RULE_BYTES - used, "%s%s%s", i > 0 ? " + " : "", times,
                           setting_row_of(rule->terms[i].smaller)->name);
        used += (size_t)len;
    }
    return out;
}

int64_t setting_rule_needed(const setting_rule *rule, setting_integer_fn *integer_of, const void *context) {
    int64_t needed = 0;
    for (size_t i = 0; i < rule->terms_count; i++) {
        needed += rule->terms[i].times * integer_of(context, rule->terms[i].smaller);
    }
    return needed;
}
