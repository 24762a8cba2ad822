#include "common/presence/status.h"

bool status_is_known(int value) {
    switch ((presence_status)value) {
#define X(id, number, name, letter) case id:
        PRESENCE_STATUSES(X)
#undef X
        return true;
    }
    return false;
}

const char *status_name(presence_status status) {
    switch (status) {
#define X(id, value, name, letter)                                                                           \
    case id:                                                                                                 \
        return name;
        PRESENCE_STATUSES(X)
#undef X
    }
    return "unknown";
}

char status_letter(presence_status status) {
    switch (status) {
#define X(id, value, name, letter)                                                                           \
    case id:                                                                                                 \
        return letter;
        PRESENCE_STATUSES(X)
#undef X
    }
    return '?';
}

bool status_from_name(str_view name, presence_status *ret_status) {
#define X(id, value, text, letter)                                                                           \
    if (str_view_equal(name, str_view_of(text))) {                                                           \
        *ret_status = id;                                                                                    \
        return true;                                                                                         \
    }
    PRESENCE_STATUSES(X)
#undef X
    return false;
}

bool status_from_letter(char letter, presence_status *ret_status) {
    switch (letter) {
#define X(id, value, name, its_letter)                                                                       \
    case its_letter:                                                                                         \
        *ret_status = id;                                                                                    \
        return true;
        PRESENCE_STATUSES(X)
#undef X
    default:
        return false;
    }
}

presence_status status_basic(presence_status status) {
    switch (status) {
    case STATUS_ONLINE:
    case STATUS_AWAY:
    case STATUS_BUSY:
        return STATUS_ONLINE;
    case STATUS_OFFLINE:
    case STATUS_INVISIBLE:
        break;
    }
    return STATUS_OFFLINE;
}
