/* metrics_merge: families of several processes stand together, each with one head, and nonsense stays
 * outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/http-api/core/metrics_merge.h"
#include <string.h>

static char *merged;
static size_t left_out;

static const char *merge(const char *first, const char *second) {
    metrics_merge_t *made = metrics_merge_new();
    assert_non_null(made);
    left_out = metrics_merge_add(made, str_view_of(first));
    left_out += second ? metrics_merge_add(made, str_view_of(second)) : 0;
    text_buffer out = {0};
    metrics_merge_write(made, &out);
    text_add_view(&out, str_view_make("", 1));
    size_t len = 0;
    free(merged);
    merged = text_take(&out, &len);
    metrics_merge_destroy(&made);
    assert_null(made);
    assert_non_null(merged);
    return merged;
}

static int free_merged(void **state) {
    (void)state;
    free(merged);
    merged = NULL;
    return 0;
}

static void families_of_two_processes_stand_together(void **state) {
    (void)state;
    assert_string_equal(
        merge("# HELP a_total help of a\n# TYPE a_total counter\na_total{process=\"x\"} 1\n"
              "# HELP b help of b\n# TYPE b gauge\nb{process=\"x\",k=\"1\"} 2\nb{process=\"x\",k=\"2\"} 3\n",
              "# HELP b other words\n# TYPE b gauge\nb{process=\"y\"} -4.5e+3\n"
              "# HELP a_total help of a\n# TYPE a_total counter\na_total{process=\"y\"} 5\n"),
        "# HELP a_total help of a\n# TYPE a_total counter\na_total{process=\"x\"} 1\n"
        "a_total{process=\"y\"} 5\n# HELP b help of b\n# TYPE b gauge\nb{process=\"x\",k=\"1\"} 2\n"
        "b{process=\"x\",k=\"2\"} 3\nb{process=\"y\"} -4.5e+3\n");
    assert_int_equal(left_out, 0);
}

static void what_the_format_allows_is_kept(void **state) {
    (void)state;
    static const char text[] =
        "# TYPE a gauge\na 1\na{} 2\na{x=\"\\\"}\\\\ {\",y=\"=,\",} +Inf\na{x=\"é\"} NaN\n"
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\n";
    assert_string_equal(merge(text, NULL), text);
    assert_int_equal(left_out, 0);
    assert_string_equal(merge("# just a comment\n\n# TYPE a gauge\na 1", NULL), "# TYPE a gauge\na 1\n");
}

static void lines_that_are_no_samples_of_their_family_are_left_out(void **state) {
    (void)state;
    static const char *const wrong[] = {"b 1",
                                        "a",
                                        "a ",
                                        "a x",
                                        "a 1 2 3",
                                        "a{ 1",
                                        "a{x} 1",
                                        "a{x=\"1} 1",
                                        "a{x=\"1\"}1",
                                        "a{=\"\"} 1",
                                        "a{x=\"1\\\"} 1",
                                        "a_bucket 1",
                                        "<html>",
                                        "a{x=\"1\"y=\"2\"} 1",
                                        "a\t1",
                                        "a 1\r"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[128] = "# TYPE a gauge\na 1\n";
        strcat(text, wrong[i]);
        strcat(text, "\na 2\n");
        assert_string_equal(merge(text, NULL), "# TYPE a gauge\na 1\na 2\n");
        assert_int_equal(left_out, 1);
    }
}

static void a_family_has_one_type(void **state) {
    (void)state;
    assert_string_equal(merge("# TYPE a gauge\na 1\n", "# TYPE a counter\na 2\n"), "# TYPE a gauge\na 1\n");
    assert_int_equal(left_out, 2);
    assert_string_equal(merge("a 1\n", "# TYPE a quark\na 2\n"), "");
    assert_int_equal(left_out, 3);
}

static void a_head_without_samples_is_not_shown(void **state) {
    (void)state;
    assert_string_equal(merge("# HELP a x\n# TYPE a gauge\n# TYPE b gauge\nb 1\n", NULL),
                        "# TYPE b gauge\nb 1\n");
}

static void families_are_bounded(void **state) {
    (void)state;
    static char text[MERGED_FAMILIES_MAX * 40 + 100];
    size_t used = 0;
    for (int i = 0; i <= MERGED_FAMILIES_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "# TYPE f%d gauge\nf%d 1\n", i, i);
    }
    merge(text, NULL);
    assert_int_equal(left_out, 2);
    assert_null(strstr(merged, "f2000 "));
    assert_non_null(strstr(merged, "f1999 1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_of_two_processes_stand_together),
        cmocka_unit_test(what_the_format_allows_is_kept),
        cmocka_unit_test(lines_that_are_no_samples_of_their_family_are_left_out),
        cmocka_unit_test(a_family_has_one_type),
        cmocka_unit_test(a_head_without_samples_is_not_shown),
        cmocka_unit_test_teardown(families_are_bounded, free_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
