#include "common/config/text_form.h"
#include "common/base/origin_list.h"
#include "common/bus/endpoint_item.h"
#include "common/http/listen_socket.h"
#include <string.h>

/* As endpoint_list_new has it. */
static bool is_endpoint_list(const char *text) {
    str_view rest = str_view_of(text), item_text;
    size_t count = 0;
    while (endpoint_item_next(&rest, &item_text)) {
        endpoint_item item;
        if (endpoint_item_parse(&item, item_text) != ZP_OK) {
            return false;
        }
        count++;
    }
    return count > 0;
}

/* An empty text names nobody; an empty item is a slip of whoever wrote it. */
static bool is_name_list(const char *text) {
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        if (str_view_trim(str_view_make(text, len)).len == 0) {
            return false;
        }
        text += len;
        text += *text == ',';
    }
    return true;
}

static bool has_form(text_form form, const char *text) {
    switch (form) {
    case TEXT_ANY:
        return true;
    case TEXT_LISTEN:
        return listen_socket_is_address(text);
    case TEXT_ENDPOINT:
        return endpoint_is_to_bind(str_view_of(text));
    case TEXT_ENDPOINTS:
        return is_endpoint_list(text);
    case TEXT_ORIGINS:
        return origin_list_is_valid(text);
    case TEXT_NAMES:
        return is_name_list(text);
    }
    return false;
}

bool text_form_accepts(text_form form, const char *text) {
    return str_view_is_clean_text(str_view_of(text)) && has_form(form, text);
}

static const struct {
    const char *words, *column;
} SPELLED[] = {
#define X(form, words, column) {words, column},
    TEXT_FORMS(X)
#undef X
};

const char *text_form_words(text_form form) {
    return SPELLED[form].words;
}

const char *text_form_column(text_form form) {
    return SPELLED[form].column;
}
