#include "services/http-api/core/whole_number.h"

enum { DIGITS_MAX = 19 };

bool whole_number_parse(str_view text, uint64_t least, uint64_t most, uint64_t *ret_number) {
    uint64_t number = 0;
    if (text.len == 0 || text.len > DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (number < least || number > most) {
        return false;
    }
    *ret_number = number;
    return true;
}
