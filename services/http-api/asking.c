#include "services/http-api/asking.h"
#include "proto/valid_fields.h"

api_error asking_refusal_of(Zp__Outcome outcome, const char **ret_details) {
    switch (outcome) {
    case ZP__OUTCOME__OUTCOME_OK:
        return API_OK;
    case ZP__OUTCOME__OUTCOME_REBUILDING:
        return API_REBUILDING;
    case ZP__OUTCOME__OUTCOME_UNAVAILABLE:
    case ZP__OUTCOME__OUTCOME_UNKNOWN:
    case ZP__OUTCOME__OUTCOME_FENCED:
    case ZP__OUTCOME__OUTCOME_TRIMMED:
    case ZP__OUTCOME__OUTCOME_INVALID:
    case _ZP__OUTCOME_IS_INT_SIZE:
        break;
    }
    *ret_details = "presence-core cannot reach Redis";
    return API_UNAVAILABLE;
}

bool asking_read_flag(str_view text, bool *ret_flag) {
    *ret_flag = str_view_equal_ignoring_case(text, "true") || str_view_equal_ignoring_case(text, "1");
    return *ret_flag || text.len == 0 || str_view_equal_ignoring_case(text, "false") ||
           str_view_equal_ignoring_case(text, "0");
}

bool asking_is_user(str_view text) {
    return text.len > 0 && strlen(text.ptr) == text.len && valid_user_id(text.ptr);
}
