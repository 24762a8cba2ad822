/* user_text: any bytes as a user id. What is clean text is so to jansson and to the bus as well; and in a log
 * line, in JSON and in HTML it cannot break out, and can be read back whole. */
#include "proto/valid.h"
#include "proto/valid_fields.h"
#include "services/http-api/core/text_buffer.h"
#include "services/presence-core/core/arguments.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>

/* C0, DEL, and C1 as UTF-8 writes it. */
static bool has_controls(str_view text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool c1 = i > 0 && (unsigned char)text.ptr[i - 1] == 0xc2 && byte < 0xa0;
        if (byte < 0x20 || byte == 0x7f || c1) {
            return true;
        }
    }
    return false;
}

static bool is_utf8(str_view text) {
    if (text.len == 0) {
        return true;
    }
    json_t *json = json_stringn(text.ptr, text.len);
    json_decref(json);
    return json != NULL;
}

static void check_verdicts(str_view text) {
    bool clean = str_view_is_clean_text(text);
    assert(clean == (is_utf8(text) && !has_controls(text)));
    char *copy = str_view_dup(text);
    assert(copy);
    if (strlen(copy) == text.len) {
        assert(valid_user_id(copy) == (clean && text.len >= 1 && text.len <= VALID_USER_ID_MAX_BYTES));
    }
    free(copy);
}

/* -- in a log line -- */

static unsigned hex_of(char digit) {
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void check_log(str_view text) {
    size_t out_bytes = 4 * text.len + 1;
    char *escaped = malloc(out_bytes), start[16];
    assert(escaped && str_view_escape(text, escaped, out_bytes) == escaped);
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)escaped[at++];
        assert(byte > ' ' && byte < 0x7f && byte != '"' && byte != '\'');
        if (byte == '\\') {
            assert(escaped[at] == 'x');
            byte = (unsigned char)(hex_of(escaped[at + 1]) << 4 | hex_of(escaped[at + 2]));
            at += 3;
        }
        assert(byte == (unsigned char)text.ptr[i]);
    }
    assert(escaped[at] == '\0');
    /* Cut short, it is a beginning of the same, and no half of an escape. */
    str_view_escape(text, start, sizeof start);
    assert(strlen(start) < sizeof start && strncmp(start, escaped, strlen(start)) == 0);
    assert(strlen(start) == at || strlen(start) + 4 >= sizeof start);
    free(escaped);
}

/* -- in JSON -- */

static void assert_json_is(str_view json, str_view text) {
    json_t *read = json_loadb(json.ptr, json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert(json_is_string(read));
    assert(str_view_equal(str_view_make(json_string_value(read), json_string_length(read)), text));
    json_decref(read);
}

static void check_json(str_view text) {
    text_buffer buffer = {0};
    text_add_json(&buffer, text);
    assert(!buffer.failed);
    assert_json_is(str_view_make(buffer.bytes, buffer.len_bytes), text);
    text_free(&buffer);

    arguments_t arguments = {0};
    arguments_append_json(&arguments, text);
    arguments_end(&arguments);
    assert(arguments_ready(&arguments) == ZP_OK);
    assert_json_is(arguments_get(&arguments, 0), text);
    arguments_free(&arguments);
}

/* -- in HTML -- */

static char take_html(const char **at) {
    static const struct {
        const char *entity;
        char byte;
    } entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    if (**at != '&') {
        assert(!strchr("<>\"'", **at));
        return *(*at)++;
    }
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        size_t len = strlen(entities[i].entity);
        if (strncmp(*at, entities[i].entity, len) == 0) {
            *at += len;
            return entities[i].byte;
        }
    }
    assert(false);
    return '\0';
}

static void check_html(str_view text) {
    char *copy = str_view_dup(text);
    text_buffer buffer = {0};
    assert(copy);
    text_add_html(&buffer, copy);
    text_add_view(&buffer, str_view_make("", 1));
    const char *at = buffer.bytes;
    for (const char *expected = copy; *expected; expected++) {
        assert(take_html(&at) == *expected);
    }
    assert(*at == '\0');
    text_free(&buffer);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str_view text = str_view_make(data, size);
    check_verdicts(text);
    check_log(text);
    check_html(text);
    if (is_utf8(text)) {
        check_json(text);
    }
    return 0;
}
