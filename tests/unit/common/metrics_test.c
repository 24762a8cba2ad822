#include "common/base/clock.h"
#include "common/metrics/metrics.h"
#include "common/metrics/process_stats.h"
#include "common_fixture.h"
#include <stdio.h>
#include <stdlib.h>

static const process_kind kinds[] = {EDGE, CORE, WATCHER, API, FANOUT};

static char *text_of(process_kind kind) {
    metrics_t *metrics = metrics_new(kind);
    char *text = metrics_dup_text(metrics, "test-1");
    assert_non_null(text);
    metrics_destroy(&metrics);
    assert_null(metrics);
    return text;
}

static void counters_add_and_gauges_are_set(void **state) {
    (void)state;
    metrics_t *metrics = metrics_new(EDGE);
    metrics_add(metrics, METRIC_BUS_SENT, 2);
    metrics_add(metrics, METRIC_BUS_SENT, 3);
    metrics_set(metrics, METRIC_PEERS_LIVE, 7);
    metrics_set(metrics, METRIC_PEERS_LIVE, 4);
    assert_int_equal(metrics_get(metrics, METRIC_BUS_SENT), 5);
    assert_int_equal(metrics_get(metrics, METRIC_PEERS_LIVE), 4);
    assert_int_equal(metrics_get(metrics, METRIC_BUS_RECEIVED), 0);
    char *text = metrics_dup_text(metrics, "ws-edge-1");
    assert_contains(text, "\n# TYPE zpresence_bus_messages_sent_total counter\n"
                          "zpresence_bus_messages_sent_total{process=\"ws-edge-1\"} 5\n");
    assert_contains(text,
                    "\n# TYPE zpresence_peers_live gauge\nzpresence_peers_live{process=\"ws-edge-1\"} 4\n");
    free(text);
    metrics_destroy(&metrics);
}

/* The text format: HELP and TYPE once for each name, directly before all of its samples. */
static void assert_families(const char *text) {
    char seen[256][128];
    size_t seen_count = 0;
    const char *family = "";
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_non_null(strchr(line, '\n'));
        if (strncmp(line, "# HELP ", 7) == 0) {
            char name[128];
            assert_int_equal(sscanf(line, "# HELP %127s", name), 1);
            for (size_t i = 0; i < seen_count; i++) {
                assert_string_not_equal(name, seen[i]);
            }
            memcpy(seen[seen_count], name, sizeof name);
            family = seen[seen_count++];
            assert_in_range(seen_count, 1, 255);
            const char *next = strchr(line, '\n') + 1;
            char type[160];
            snprintf(type, sizeof type, "# TYPE %s ", family);
            assert_memory_equal(next, type, strlen(type));
        } else if (line[0] != '#') {
            assert_memory_equal(line, family, strlen(family));
            assert_memory_equal(line + strlen(family), "{process=\"test-1\"", 17);
        }
    }
}

static void families_stand_together_for_every_kind_of_process(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *text = text_of(kinds[i]);
        assert_families(text);
        free(text);
    }
}

static void rows_of_one_name_are_told_apart_by_their_labels(void **state) {
    (void)state;
    char *text = text_of(WATCHER);
    assert_contains(text, "\n# TYPE zpresence_watcher_hints_total counter\n"
                          "zpresence_watcher_hints_total{process=\"test-1\",result=\"sent\"} 0\n"
                          "zpresence_watcher_hints_total{process=\"test-1\",result=\"dropped\"} 0\n");
    free(text);
}

/* Two rows with the same name and labels would be one series with two values. */
static void no_series_appears_twice(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *text = text_of(kinds[i]);
        for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
            if (line[0] == '#') {
                continue;
            }
            char series[256];
            size_t len = strcspn(line, " ");
            assert_in_range(len, 1, sizeof series - 3);
            snprintf(series, sizeof series, "\n%.*s ", (int)len, line);
            const char *first = strstr(text, series);
            assert_non_null(first);
            assert_null(strstr(first + 1, series));
        }
        free(text);
    }
}

static void a_process_shows_its_own_metrics_only(void **state) {
    (void)state;
    char *text = text_of(WATCHER);
    assert_contains(text, "zpresence_watcher_hints_on");
    assert_lacks(text, "zpresence_edge_");
    free(text);
}

static void the_kernel_is_asked_about_the_process(void **state) {
    (void)state;
    char *text = text_of(CORE);
    static const char *const names[] = {"\nprocess_resident_memory_bytes{process=\"test-1\"} ",
                                        "\nprocess_start_time_seconds{process=\"test-1\"} ",
                                        "\nprocess_open_fds{process=\"test-1\"} ",
                                        "\nprocess_cpu_seconds_total{process=\"test-1\"} "};
    const double least[] = {100000, (double)(clock_unix_ms() / 1000 - 60), 3, 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *at = strstr(text, names[i]);
        assert_non_null(at);
        double value = strtod(at + strlen(names[i]), NULL);
        assert_true(value >= least[i] && value < 1e13);
    }
    assert_contains(text, "\nzpresence_build_info{process=\"test-1\",version=\"" ZPRESENCE_VERSION "\"} 1\n");
    free(text);
}

static void every_descriptor_is_counted_once(void **state) {
    (void)state;
    static const char name[] = "\nprocess_open_fds{process=\"test-1\"} ";
    char *text = text_of(CORE);
    long before = strtol(strstr(text, name) + sizeof name - 1, NULL, 10);
    free(text);
    assert_int_equal(process_stats_count_fds(), before);
    FILE *file = fopen("/dev/null", "r");
    assert_int_equal(process_stats_count_fds(), before + 1);
    text = text_of(CORE);
    long after = strtol(strstr(text, name) + sizeof name - 1, NULL, 10);
    free(text);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(after, before + 1);
}

static void a_name_with_quotes_is_escaped(void **state) {
    (void)state;
    metrics_t *metrics = metrics_new(CORE);
    char *text = metrics_dup_text(metrics, "a\"b\\c");
    assert_contains(text, "{process=\"a\\\"b\\\\c\"}");
    free(text);
    metrics_destroy(&metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_and_gauges_are_set),
        cmocka_unit_test(families_stand_together_for_every_kind_of_process),
        cmocka_unit_test(rows_of_one_name_are_told_apart_by_their_labels),
        cmocka_unit_test(no_series_appears_twice),
        cmocka_unit_test(a_process_shows_its_own_metrics_only),
        cmocka_unit_test(the_kernel_is_asked_about_the_process),
        cmocka_unit_test(every_descriptor_is_counted_once),
        cmocka_unit_test(a_name_with_quotes_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
