#include "services/ws-edge/core/request_head.h"

#include "common/wire/client_frame.h"
#include "services/ws-edge/core/request_query.h"

#include <assert.h>
#include <stdio.h>

/* The head of an answer is the same for all but what the status asks for: RFC 7231 6.5.5 and 6.5.15, RFC
 * 7235 3.1, RFC 6455 4.4. Retry-After comes behind it (RFC 6585 4, RFC 7231 6.6.4). */
#define EXTRA_400 "Connection: close\r\n"
#define EXTRA_401 "Connection: close\r\nWWW-Authenticate: Bearer\r\n"
#define EXTRA_403 EXTRA_400
#define EXTRA_405 "Connection: close\r\nAllow: GET\r\n"
#define EXTRA_426 "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
#define EXTRA_429 EXTRA_400
#define EXTRA_431 EXTRA_400
#define EXTRA_503 EXTRA_400
#define REASON_400 "Bad Request"
#define REASON_401 "Unauthorized"
#define REASON_403 "Forbidden"
#define REASON_405 "Method Not Allowed"
#define REASON_426 "Upgrade Required"
#define REASON_429 "Too Many Requests"
#define REASON_431 "Request Header Fields Too Large"
#define REASON_503 "Service Unavailable"

#define HEAD(status)                                                                                         \
    "HTTP/1.1 " #status " " REASON_##status "\r\nContent-Type: application/json\r\n" EXTRA_##status
#define BODY(code, text) "{\"error\":\"" text "\",\"code\":\"" code "\"}\n"

static const struct {
    int status;
    const char *head, *body, *code;
} answers[REFUSALS_COUNT] = {[NOT_REFUSED] = {.head = "", .body = "", .code = ""},
#define X(id, status, code, text) [id] = {status, HEAD(status), BODY(code, text), code},
                             REFUSALS(X)
#undef X
};

enum { STATUS_TOO_MANY = 429, STATUS_TOO_LARGE = 431, STATUS_UNAVAILABLE = 503 };

size_t request_refusal_answer(request_refusal refusal, unsigned retry_after_s,
                              char out[REFUSAL_ANSWER_BYTES]) {
    assert(refusal > NOT_REFUSED && refusal < REFUSALS_COUNT);
    char retry[sizeof "Retry-After: 4294967295\r\n"] = "";
    int status = answers[refusal].status;
    if (status == STATUS_TOO_MANY || status == STATUS_UNAVAILABLE) {
        /* After a second any limit of so many a second has room again; from a 503 not all come back at once.
         */
        snprintf(retry, sizeof retry, "Retry-After: %u\r\n", status == STATUS_TOO_MANY ? 1 : retry_after_s);
    }
    int len = snprintf(out, REFUSAL_ANSWER_BYTES, "%s%s\r\n%s", answers[refusal].head, retry,
                       answers[refusal].body);
    assert(len > 0 && len < REFUSAL_ANSWER_BYTES);
    return (size_t)len;
}

const char *request_refusal_code(request_refusal refusal) {
    assert(refusal < REFUSALS_COUNT);
    return answers[refusal].code;
}

bool request_refusal_is_limit(request_refusal refusal) {
    int status = answers[refusal].status;
    return status == STATUS_TOO_MANY || status == STATUS_TOO_LARGE || status == STATUS_UNAVAILABLE ||
           refusal == REFUSED_PROXY || refusal == REFUSED_PROXY_HEADER;
}

zp_error request_head_find_end(str_view bytes, size_t seen_bytes, size_t *ret_len_bytes) {
    for (size_t i = seen_bytes; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        bool after_cr = i > 0 && bytes.ptr[i - 1] == '\r';
        if (after_cr != (c == '\n') || (c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
            return ZP_INVALID;
        }
        if (c == '\n' && i >= 3 && bytes.ptr[i - 2] == '\n') {
            *ret_len_bytes = i + 1;
            return ZP_OK;
        }
    }
    return ZP_INCOMPLETE;
}

/* RFC 7230 3.2.6 */
static bool is_token(str_view text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alphanumeric && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return text.len > 0;
}

/* The next element of a comma-separated list; empty ones are skipped (RFC 7230 7). False: there is none. */
static bool next_element(str_view *list, str_view *ret_element) {
    while (list->len > 0) {
        const char *comma = memchr(list->ptr, ',', list->len);
        size_t len = comma ? (size_t)(comma - list->ptr) : list->len;
        str_view element = str_view_trim(str_view_make(list->ptr, len));
        size_t skip = comma ? len + 1 : len;
        list->ptr += skip;
        list->len -= skip;
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

static bool has_element(str_view list, const char *wanted) {
    str_view element;
    while (next_element(&list, &element)) {
        if (str_view_equal_ignoring_case(element, wanted)) {
            return true;
        }
    }
    return false;
}

static bool is_key(str_view value) {
    if (value.len != WEBSOCKET_KEY_BYTES || memcmp(value.ptr + 22, "==", 2) != 0) {
        return false;
    }
    for (size_t i = 0; i < 22; i++) {
        char c = value.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
              c == '/')) {
            return false;
        }
    }
    return true;
}

/* What the header lines hold that matters here: views, ptr NULL where the header did not come. */
typedef struct request_lines {
    str_view host, origin, upgrade, version, key, token, voicepingtoken, authorization, device_id, deviceid,
        content_length, transfer_encoding;
    bool connection_upgrade;
    forwarded_lines forwarded;
    str_view offered[2];
    size_t offered_count;
} request_lines;

/* Names outside of RFC 7230's tokens are taken too: a user id or a device may hold '@' or '='. */
static request_refusal take_subprotocols(request_lines *lines, str_view value) {
    str_view name;
    while (next_element(&value, &name)) {
        for (size_t i = 0; i < name.len; i++) {
            if (name.ptr[i] < '!' || name.ptr[i] > '~') {
                return REFUSED_MALFORMED;
            }
        }
        if (lines->offered_count < 2) {
            lines->offered[lines->offered_count] = name;
        }
        lines->offered_count++;
    }
    return NOT_REFUSED;
}

static request_refusal take_header(request_lines *lines, str_view name, str_view value) {
    /* Those that may come once only: with two of them, who is behind us may go by the other one. */
    const struct {
        const char *name;
        str_view *value;
    } single[] = {{"host", &lines->host},
                  {"origin", &lines->origin},
                  {"upgrade", &lines->upgrade},
                  {"sec-websocket-version", &lines->version},
                  {"sec-websocket-key", &lines->key},
                  {"token", &lines->token},
                  {"voicepingtoken", &lines->voicepingtoken},
                  {"authorization", &lines->authorization},
                  {"device_id", &lines->device_id},
                  {"deviceid", &lines->deviceid},
                  {"content-length", &lines->content_length},
                  {"transfer-encoding", &lines->transfer_encoding}};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (str_view_equal_ignoring_case(name, single[i].name)) {
            if (single[i].value->ptr) {
                return REFUSED_DUPLICATE;
            }
            *single[i].value = value;
            return NOT_REFUSED;
        }
    }
    if (str_view_equal_ignoring_case(name, "connection")) {
        lines->connection_upgrade |= has_element(value, "upgrade");
    } else if (str_view_equal_ignoring_case(name, "sec-websocket-protocol")) {
        return take_subprotocols(lines, value);
    } else if (str_view_equal_ignoring_case(name, "x-forwarded-for")) {
        forwarded_lines_add(&lines->forwarded, value);
    }
    return NOT_REFUSED;
}

/* `rest` begins at a line; takes it off, without its CR LF. */
static str_view take_line(str_view *rest) {
    const char *end = memchr(rest->ptr, '\n', rest->len);
    assert(end && end > rest->ptr && end[-1] == '\r'); /* request_head_find_end saw to it */
    str_view line = str_view_make(rest->ptr, (size_t)(end - 1 - rest->ptr));
    rest->len -= line.len + 2;
    rest->ptr += line.len + 2;
    return line;
}

static request_refusal parse_headers(str_view rest, request_lines *lines) {
    for (str_view line = take_line(&rest); line.len > 0; line = take_line(&rest)) {
        const char *colon = memchr(line.ptr, ':', line.len);
        if (!colon) {
            return REFUSED_MALFORMED;
        }
        str_view name = str_view_make(line.ptr, (size_t)(colon - line.ptr));
        if (!is_token(name)) { /* a folded line too: it begins with a blank; and a blank before the colon */
            return REFUSED_MALFORMED;
        }
        str_view value = str_view_trim(str_view_make(colon + 1, line.len - name.len - 1));
        request_refusal refusal = take_header(lines, name, value);
        if (refusal != NOT_REFUSED) {
            return refusal;
        }
    }
    return NOT_REFUSED;
}

static request_refusal parse_request_line(str_view line, str_view *ret_target) {
    const char *first = memchr(line.ptr, ' ', line.len);
    if (!first) {
        return REFUSED_MALFORMED;
    }
    str_view method = str_view_make(line.ptr, (size_t)(first - line.ptr));
    str_view rest = str_view_make(first + 1, line.len - method.len - 1);
    const char *second = memchr(rest.ptr, ' ', rest.len);
    if (!second || !is_token(method)) {
        return REFUSED_MALFORMED;
    }
    str_view target = str_view_make(rest.ptr, (size_t)(second - rest.ptr));
    if (!str_view_equal(str_view_make(second + 1, rest.len - target.len - 1), str_view_of("HTTP/1.1"))) {
        return REFUSED_MALFORMED;
    }
    *ret_target = target;
    return str_view_equal(method, str_view_of("GET")) ? NOT_REFUSED : REFUSED_METHOD;
}

static request_refusal check_upgrade(const request_lines *lines) {
    if (!lines->host.ptr) {
        return REFUSED_MALFORMED; /* RFC 7230 5.4 */
    }
    if (lines->transfer_encoding.ptr ||
        (lines->content_length.ptr && !str_view_equal(lines->content_length, str_view_of("0")))) {
        return REFUSED_BODY;
    }
    if (!has_element(lines->upgrade, "websocket") || !lines->connection_upgrade) {
        return REFUSED_NO_UPGRADE;
    }
    if (!str_view_equal(lines->version, str_view_of("13"))) {
        return REFUSED_VERSION;
    }
    return is_key(lines->key) ? NOT_REFUSED : REFUSED_KEY;
}

static str_view bearer_of(str_view authorization) {
    static const char scheme[] = "Bearer ";
    size_t len = sizeof scheme - 1;
    if (authorization.len <= len ||
        !str_view_equal_ignoring_case(str_view_make(authorization.ptr, len), scheme)) {
        return (str_view){0};
    }
    return str_view_trim(str_view_make(authorization.ptr + len, authorization.len - len));
}

static str_view first_of(const str_view *candidates, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].len > 0) {
            return candidates[i];
        }
    }
    return (str_view){0};
}

request_refusal request_head_parse(char *bytes, size_t len_bytes, request_head *ret_head) {
    str_view rest = str_view_make(bytes, len_bytes);
    str_view target;
    request_lines lines = {0};
    request_query query = {0};
    str_view line = take_line(&rest);
    request_refusal refusal = parse_request_line(line, &target);
    if (refusal == NOT_REFUSED || refusal == REFUSED_METHOD) {
        /* What is malformed is called so, whatever its method. */
        request_refusal header_refusal = parse_headers(rest, &lines);
        refusal = header_refusal == REFUSED_MALFORMED || refusal == NOT_REFUSED ? header_refusal : refusal;
    }
    if (refusal == NOT_REFUSED) {
        refusal = request_query_parse(bytes + (target.ptr - bytes), target.len, &query) ? NOT_REFUSED
                                                                                        : REFUSED_TARGET;
    }
    if (refusal == NOT_REFUSED) {
        refusal = check_upgrade(&lines);
    }
    if (refusal != NOT_REFUSED) {
        return refusal;
    }
    const str_view tokens[] = {lines.token, lines.voicepingtoken, bearer_of(lines.authorization),
                               lines.offered[0], query.token};
    const str_view devices[] = {lines.device_id, lines.deviceid, lines.offered[1], query.device};
    request_head head = {
        .path = query.path,
        .key = lines.key,
        .origin = lines.origin,
        .token = first_of(tokens, sizeof tokens / sizeof tokens[0]),
        .device = first_of(devices, sizeof devices / sizeof devices[0]),
        .offered = {lines.offered[0], lines.offered[1]},
        .offered_count = lines.offered_count,
        .native_token = lines.token.len > 0 || lines.voicepingtoken.len > 0,
        .wire_array = query.wire_array,
        .statuses_full = query.statuses_full,
        .snapshot = query.snapshot,
        .forwarded = lines.forwarded,
    };
    if (head.token.len == 0) {
        return REFUSED_NO_TOKEN;
    }
    *ret_head = head;
    return NOT_REFUSED;
}

request_refusal request_head_check_user_id(str_view user_id) {
    return user_id_is_valid(user_id) ? NOT_REFUSED : REFUSED_USER_ID;
}

request_refusal request_head_check_device(str_view device) {
    bool right = device.len <= DEVICE_MAX_BYTES && str_view_is_clean_text(device);
    return right ? NOT_REFUSED : REFUSED_DEVICE;
}

request_refusal request_head_check_identity(const request_head *head) {
    request_refusal refusal = request_head_check_user_id(head->token);
    return refusal == NOT_REFUSED ? request_head_check_device(head->device) : refusal;
}

str_view request_head_echo(const request_head *head) {
    if (head->offered_count == 0) {
        return (str_view){0};
    }
    return head->offered[head->offered_count == 1 ? 0 : 1];
}
