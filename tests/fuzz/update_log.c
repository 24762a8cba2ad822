/* update_log: any order of updates and reads. However far a reader is behind, and however its reads are cut,
 * each user's visible statuses alternate for it, and end where the user's end. Input: one operation a byte.
 */
#include "services/ws-edge/core/update_log.h"
#include "common/wire/client_frame.h"
#include "services/ws-edge/core/server_frame.h"
#include "tests/fuzz/fuzz.h"

enum { USERS = 8, READERS = 4, STATUSES = 4, LOG_UPDATES = 16, KEEPS_UP = 1000000 };
enum { PAYLOAD_BYTES = 2 }; /* user, status */

typedef struct reader {
    wire_form form;
    size_t coalesce_above;
    uint64_t position;
    presence_status seen[USERS];
} reader;

typedef struct trial {
    update_log_t *log;
    presence_status now[USERS];
    reader readers[READERS];
} trial;

static presence_status seen_in(wire_form form, presence_status status) {
    return form == WIRE_MAP_FULL || form == WIRE_ARRAY_FULL ? status : status_basic(status);
}

static void update(trial *t, unsigned user, presence_status to) {
    char name = (char)('a' + user), payload_bytes[WIRE_FORMS_COUNT][PAYLOAD_BYTES];
    str_view payloads[WIRE_FORMS_COUNT] = {0};
    presence_status from = t->now[user];
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        if (seen_in((wire_form)form, from) != seen_in((wire_form)form, to)) {
            payload_bytes[form][0] = (char)user;
            payload_bytes[form][1] = (char)seen_in((wire_form)form, to);
            payloads[form] = str_view_make(payload_bytes[form], PAYLOAD_BYTES);
        }
    }
    assert(update_log_append(t->log, str_view_make(&name, 1), from, to, payloads) == ZP_OK);
    t->now[user] = to;
}

/* The log has lost what it had yet to read: its socket would be closed, and come again. */
static void begin_anew(const trial *t, reader *r) {
    r->position = update_log_end(t->log);
    for (unsigned user = 0; user < USERS; user++) {
        r->seen[user] = seen_in(r->form, t->now[user]);
    }
}

static size_t take_frames(reader *r, const char *out, size_t len_bytes) {
    enum { FRAME_BYTES = 2 + PAYLOAD_BYTES };
    assert(len_bytes % FRAME_BYTES == 0);
    for (size_t at = 0; at < len_bytes; at += FRAME_BYTES) {
        assert((uint8_t)out[at] == 0x82 && out[at + 1] == PAYLOAD_BYTES);
        unsigned user = (unsigned)out[at + 2];
        presence_status status = (presence_status)out[at + 3];
        assert(user < USERS && r->seen[user] != status);
        r->seen[user] = status;
    }
    return len_bytes / FRAME_BYTES;
}

static void read_some(trial *t, reader *r) {
    static char out[CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX];
    if (r->position < update_log_begin(t->log)) {
        begin_anew(t, r);
    }
    uint64_t before = r->position;
    size_t coalesced = 0;
    size_t len_bytes =
        update_log_read(t->log, &r->position, r->form, r->coalesce_above, out, sizeof out, &coalesced);
    assert(len_bytes <= sizeof out && r->position <= update_log_end(t->log));
    assert(r->position > before || before == update_log_end(t->log));
    size_t frames = take_frames(r, out, len_bytes);
    assert(frames + coalesced <= r->position - before);
    assert(coalesced == 0 || update_log_end(t->log) - before > r->coalesce_above);
}

/* Two highest bits: 0, 1 and 2 an update (user, status; a change always), 3 a read (reader). */
static void act(trial *t, uint8_t operation) {
    if (operation >= 0xc0) {
        read_some(t, &t->readers[operation % READERS]);
        return;
    }
    unsigned user = operation % USERS;
    unsigned step = 1 + (operation / USERS) % (STATUSES - 1);
    update(t, user, (presence_status)((t->now[user] + step) % STATUSES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t coalesce_above[READERS] = {0, KEEPS_UP, 3, 0};
    trial t = {.log = update_log_new(LOG_UPDATES)};
    assert(t.log);
    for (int i = 0; i < READERS; i++) {
        t.readers[i].form = (wire_form)i;
        t.readers[i].coalesce_above = coalesce_above[i];
    }
    for (size_t i = 0; i < size; i++) {
        act(&t, data[i]);
    }
    for (int i = 0; i < READERS; i++) {
        reader *r = &t.readers[i];
        while (r->position < update_log_end(t.log)) {
            read_some(&t, r);
        }
        for (unsigned user = 0; user < USERS; user++) {
            assert(r->seen[user] == seen_in(r->form, t.now[user]));
        }
    }
    update_log_destroy(&t.log);
    return 0;
}
