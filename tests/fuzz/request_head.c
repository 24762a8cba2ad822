/* request_head: any bytes as the head of a request. Found the same however it arrives; what is accepted is
 * views into it that can stand where they will stand; and said again in one plain way, it means the same. */
#include "services/ws-edge/core/request_head.h"
#include "common/wire/client_frame.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>

static zp_error find_in_pieces(str_view bytes, size_t piece_bytes, size_t *ret_len_bytes) {
    zp_error found = ZP_INCOMPLETE;
    for (size_t seen = 0; seen < bytes.len && found == ZP_INCOMPLETE;) {
        size_t arrived = bytes.len - seen < piece_bytes ? bytes.len : seen + piece_bytes;
        found = request_head_find_end(str_view_make(bytes.ptr, arrived), seen, ret_len_bytes);
        seen = arrived;
    }
    return found;
}

/* What goes into the answer, or to libwebsockets, as part of a line. */
static void assert_visible(str_view text) {
    for (size_t i = 0; i < text.len; i++) {
        assert(text.ptr[i] > ' ' && text.ptr[i] <= '~');
    }
}

static void check_views(const request_head *head, str_view whole) {
    assert(head->path.len > 0 && head->path.ptr[0] == '/');
    assert(head->key.len == WEBSOCKET_KEY_BYTES);
    assert(head->token.len > 0);
    str_view echo = request_head_echo(head);
    assert(head->forwarded.count <= FORWARDED_LINES_MAX);
    for (size_t i = 0; i < head->forwarded.count; i++) {
        assert(fuzz_is_within(head->forwarded.values[i], whole));
    }
    const str_view views[] = {head->path, head->key, head->origin, head->token, head->device, echo};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        assert(fuzz_is_within(views[i], whole));
    }
    assert_visible(head->path);
    assert_visible(head->key);
    assert_visible(echo);
    assert((echo.len == 0) == (head->offered_count == 0) && !memchr(echo.ptr ? echo.ptr : "", ',', echo.len));
    if (head->offered_count > 1) {
        assert(str_view_equal(echo, head->offered[1]));
    }
}

static void check_identity(const request_head *head) {
    if (request_head_check_identity(head) == NOT_REFUSED) {
        assert(head->token.len <= USER_ID_MAX_BYTES && str_view_is_clean_text(head->token));
        assert(head->device.len <= DEVICE_MAX_BYTES && str_view_is_clean_text(head->device));
    }
}

/* -- said again -- */

static void add_escaped(FILE *out, const char *key, str_view value) {
    fprintf(out, "%s=", key);
    for (size_t i = 0; i < value.len; i++) {
        fprintf(out, "%%%02x", (unsigned char)value.ptr[i]);
    }
    fputc('&', out);
}

static void add_header(FILE *out, const char *name, str_view value) {
    fprintf(out, "%s: ", name);
    fwrite(value.ptr, 1, value.len, out);
    fputs("\r\n", out);
}

static void add_offered(FILE *out, const request_head *head) {
    for (size_t i = 0; i < head->offered_count; i++) {
        add_header(out, "Sec-WebSocket-Protocol", i < 2 ? head->offered[i] : str_view_of("another"));
    }
}

/* A token of header `token` goes back there, and an offered one is offered again; any other that came with a
 * header can be a header again; the rest came escaped in the query. */
static void write_again(FILE *out, const request_head *head) {
    bool offered_token = head->offered_count > 0 && str_view_equal(head->token, head->offered[0]);
    bool bearer = !head->native_token && !offered_token && head->offered_count > 0;
    fputs("GET ", out);
    fwrite(head->path.ptr, 1, head->path.len, out);
    fputc('?', out);
    if (!head->native_token && !offered_token && !bearer) {
        add_escaped(out, "token", head->token);
    }
    if (head->offered_count < 2) {
        add_escaped(out, "deviceId", head->device);
    }
    fprintf(out, "%s%s%s HTTP/1.1\r\n", head->wire_array ? "wire=array&" : "",
            head->statuses_full ? "statuses=full&" : "", head->snapshot ? "snapshot=1" : "");
    fputs("Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", out);
    add_header(out, "Sec-WebSocket-Key", head->key);
    if (head->origin.ptr) {
        add_header(out, "Origin", head->origin);
    }
    if (head->native_token) {
        add_header(out, "token", head->token);
    } else if (bearer) {
        fputs("Authorization: Bearer ", out);
        fwrite(head->token.ptr, 1, head->token.len, out);
        fputs("\r\n", out);
    }
    if (head->offered_count >= 2 && !str_view_equal(head->device, head->offered[1])) {
        add_header(out, "device_id", head->device);
    }
    add_offered(out, head);
    fputs("\r\n", out);
}

static void check_said_again(const request_head *head) {
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *out = open_memstream(&text, &text_bytes);
    assert(out);
    write_again(out, head);
    fclose(out);
    request_head again;
    size_t len_bytes = 0;
    assert(request_head_find_end(str_view_make(text, text_bytes), 0, &len_bytes) == ZP_OK);
    assert(len_bytes == text_bytes);
    assert(request_head_parse(text, len_bytes, &again) == NOT_REFUSED);
    assert(str_view_equal(again.path, head->path) && str_view_equal(again.key, head->key));
    assert(str_view_equal(again.token, head->token) && str_view_equal(again.device, head->device));
    assert(again.native_token == head->native_token && again.wire_array == head->wire_array);
    assert(again.statuses_full == head->statuses_full && again.snapshot == head->snapshot);
    assert(again.offered_count == head->offered_count);
    assert(str_view_equal(again.origin, head->origin) && !again.origin.ptr == !head->origin.ptr);
    assert(str_view_equal(request_head_echo(&again), request_head_echo(head)));
    assert(request_head_check_identity(&again) == request_head_check_identity(head));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str_view bytes = str_view_make(data, size);
    size_t len_bytes = 0, in_pieces_bytes = 0;
    zp_error found = request_head_find_end(bytes, 0, &len_bytes);
    assert(find_in_pieces(bytes, 1, &in_pieces_bytes) == found && in_pieces_bytes == len_bytes);
    assert(find_in_pieces(bytes, 13, &in_pieces_bytes) == found && in_pieces_bytes == len_bytes);
    if (found != ZP_OK) {
        return 0;
    }
    char *copy = fuzz_copy(data, len_bytes);
    request_head head;
    request_refusal refusal = request_head_parse(copy, len_bytes, &head);
    if (refusal == NOT_REFUSED) {
        check_views(&head, str_view_make(copy, len_bytes));
        check_identity(&head);
        check_said_again(&head);
    } else {
        char answer[REFUSAL_ANSWER_BYTES];
        assert(refusal < REFUSALS_COUNT && request_refusal_answer(refusal, 1, answer) > 0);
    }
    free(copy);
    return 0;
}
