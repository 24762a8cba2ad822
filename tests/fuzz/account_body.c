/* account_body: any bytes as the body of an endpoint of accounts; the first says which fields it reads. What
 * is read keeps its limits, reads the same again, and comes back as JSON. */
#include "services/http-api/core/account_body.h"
#include "services/http-api/core/account_json.h"
#include "services/http-api/core/json_fields.h"
#include "services/http-api/core/tv_json.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>

static const account_limits limits = {.display_name_max_bytes = 128, .metadata_max_bytes = 512};
static const char *const NAMES[] = {
#define X(id, name, least, most, must) name,
    ACCOUNT_TEXTS(X)
#undef X
};

static json_t *read_json(text_buffer *text) {
    size_t len_bytes = 0;
    char *bytes = text_take(text, &len_bytes);
    assert(bytes);
    json_t *json = json_loadb(bytes, len_bytes, JSON_ALLOW_NUL, NULL);
    assert(json_is_object(json));
    free(bytes);
    return json;
}

static void check_limits(const account_body *body, unsigned reads) {
    for (unsigned i = 0; i < ACCOUNT_TEXTS_COUNT; i++) {
        str_view text = str_view_of(body->texts[i]);
        assert(!text.ptr || (reads & ACCOUNT_READS(i)));
        assert(text.len <= 256 && str_view_is_clean_text(text));
    }
    assert(!body->metadata || (reads & ACCOUNT_READS_METADATA));
    assert(!body->metadata || strlen(body->metadata) <= limits.metadata_max_bytes);
    assert(body->favorite == FAVORITE_MISSING || (reads & ACCOUNT_READS_FAVORITE));
}

/* The same body written anew means the same. */
static void check_read_again(const account_body *body, unsigned reads) {
    text_buffer text = {0};
    tv_json_begin(&text);
    for (unsigned i = 0; i < ACCOUNT_TEXTS_COUNT; i++) {
        if (body->texts[i]) {
            json_add_text(&text, NAMES[i], str_view_of(body->texts[i]));
        }
    }
    if (body->metadata) {
        text_add(&text, ",\"metadata\":");
        text_add(&text, body->metadata);
    }
    tv_json_end(&text);
    account_body again;
    const char *details = NULL;
    assert(account_body_parse(str_view_make(text.bytes, text.len_bytes), reads, false, &limits, &again,
                              &details) == API_OK);
    for (unsigned i = 0; i < ACCOUNT_TEXTS_COUNT; i++) {
        assert(!body->texts[i] == !again.texts[i]);
        assert(!body->texts[i] || strcmp(body->texts[i], again.texts[i]) == 0);
    }
    assert(!body->metadata == !again.metadata);
    assert(!body->metadata || strcmp(body->metadata, again.metadata) == 0);
    account_body_free(&again);
    text_free(&text);
}

static void check_shown(const account_body *body) {
    const char *username = body->texts[TEXT_USERNAME] ? body->texts[TEXT_USERNAME] : "u";
    const char *display_name = body->texts[TEXT_DISPLAY_NAME] ? body->texts[TEXT_DISPLAY_NAME] : "";
    const account_view account = {.username = username,
                                  .display_name = display_name,
                                  .device_type = "",
                                  .metadata = body->metadata ? body->metadata : ""};
    text_buffer text = {0};
    account_json_add(&text, ACCOUNT_PROFILE, &account);
    json_t *json = read_json(&text);
    const char *shown = display_name[0] ? display_name : username;
    assert(strcmp(json_string_value(json_object_get(json, "username")), username) == 0);
    assert(strcmp(json_string_value(json_object_get(json, "display_name")), shown) == 0);
    char *metadata = json_dumps(json_object_get(json, "metadata"), JSON_COMPACT);
    assert(metadata && strcmp(metadata, body->metadata ? body->metadata : "{}") == 0);
    free(metadata);
    json_decref(json);
}

static void check_refusal(api_error error, const char *details) {
    text_buffer text = {0};
    assert(api_error_http_status(error) >= 400 && api_error_http_status(error) < 600);
    tv_json_add_refusal(&text, error, details);
    json_t *json = read_json(&text);
    assert(json_is_false(json_object_get(json, "success")) && json_is_string(json_object_get(json, "code")));
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    account_body body = {0};
    const char *details = NULL;
    if (size == 0) {
        return 0;
    }
    unsigned reads = data[0] & (ACCOUNT_READS(ACCOUNT_TEXTS_COUNT) - 1);
    reads |= ACCOUNT_READS_METADATA | ACCOUNT_READS_FAVORITE;
    api_error error = account_body_parse(str_view_make(data + 1, size - 1), reads, (data[0] & 0x80) != 0,
                                         &limits, &body, &details);
    if (error != API_OK) {
        assert(!body.json && !body.metadata);
        check_refusal(error, details);
        return 0;
    }
    check_limits(&body, reads);
    check_read_again(&body, reads);
    check_shown(&body);
    account_body_free(&body);
    return 0;
}
