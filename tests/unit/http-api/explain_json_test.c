/* explain_json: the answer to "why is this user shown as they are?", to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/http-api/core/explain_json.h"

static void assert_text(text_buffer *out, const char *expected) {
    size_t len_bytes = 0;
    char *text = text_take(out, &len_bytes);
    assert_non_null(text);
    assert_int_equal(len_bytes, strlen(expected));
    assert_memory_equal(text, expected, len_bytes);
    free(text);
}

static void a_stranger_is_offline_and_has_no_past(void **state) {
    (void)state;
    text_buffer out = {0};
    explain_json_begin(&out, &(explained_user){.user_id = "no\"body", .epoch = 1765535445123});
    explain_json_begin_transitions(&out);
    explain_json_end(&out, 0, true);
    assert_text(&out, "{\"userId\":\"no\\\"body\",\"status\":\"offline\",\"lastSeen\":null,\"since\":null,"
                      "\"epoch\":1765535445123,\"seq\":0,\"connections\":[],\"transitions\":[],"
                      "\"log\":{\"complete\":true,\"reachesBackTo\":null}}\n");
}

static void connections_and_transitions_are_lists(void **state) {
    (void)state;
    text_buffer out = {0};
    const explained_connection open = {"e/1", "ws-edge-1",  "4f", "phone", EXPLAINED_LEASED, STATUS_INVISIBLE,
                                       0,     1765535445123};
    const explained_connection closed = {"e/2", "", "", "", EXPLAINED_LINGERS, STATUS_BUSY, 1500, 0};
    const explained_transition lost = {
        9, 1765535445123, 1765535445000, STATUS_ONLINE, STATUS_OFFLINE, "edge-lost", ""};
    const explained_transition unknown = {7,  1765535445000, 0, STATUS_OFFLINE, STATUS_ONLINE, "new-reason",
                                          "e"};
    explain_json_begin(&out, &(explained_user){"123", STATUS_BUSY, 1765535445123, 1765535445000, 9, 5});
    explain_json_add_connection(&out, &open);
    explain_json_add_connection(&out, &closed);
    explain_json_begin_transitions(&out);
    explain_json_add_transition(&out, &lost);
    explain_json_add_transition(&out, &unknown);
    explain_json_end(&out, 1765535445000, false);
    assert_text(&out,
                "{\"userId\":\"123\",\"status\":\"busy\",\"lastSeen\":\"2025-12-12T10:30:45.123Z\","
                "\"since\":\"2025-12-12T10:30:45.000Z\",\"epoch\":5,\"seq\":9,\"connections\":["
                "{\"status\":\"invisible\",\"device\":\"phone\",\"edge\":\"ws-edge-1\","
                "\"openedAt\":\"2025-12-12T10:30:45.123Z\",\"state\":\"leased\","
                "\"meaning\":\"an open socket at an edge that lives\",\"endsInMs\":null,\"source\":\"e/1\","
                "\"connection\":\"4f\"},"
                "{\"status\":\"busy\",\"device\":null,\"edge\":null,\"openedAt\":null,\"state\":\"lingers\","
                "\"meaning\":\"closed, and shown a little longer (OFFLINE_DEBOUNCE_MS)\",\"endsInMs\":1500,"
                "\"source\":\"e/2\",\"connection\":null}],\"transitions\":["
                "{\"seq\":9,\"at\":\"2025-12-12T10:30:45.123Z\",\"from\":\"online\",\"to\":\"offline\","
                "\"reason\":\"edge-lost\",\"meaning\":\"the edge was lost, and the user did not appear "
                "elsewhere within "
                "RECONNECT_GRACE_MS\",\"edge\":null,\"lastSeen\":\"2025-12-12T10:30:45.000Z\"},"
                "{\"seq\":7,\"at\":\"2025-12-12T10:30:45.000Z\",\"from\":\"offline\",\"to\":\"online\","
                "\"reason\":\"new-reason\",\"meaning\":null,\"edge\":\"e\",\"lastSeen\":null}],"
                "\"log\":{\"complete\":false,\"reachesBackTo\":\"2025-12-12T10:30:45.000Z\"}}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_is_offline_and_has_no_past),
        cmocka_unit_test(connections_and_transitions_are_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
