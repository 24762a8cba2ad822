#include "tests/unit/http-api/sse_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sse_user *find(sse_client *client, const char *user, bool make) {
    for (size_t i = 0; i < client->users_count; i++) {
        if (strcmp(client->users[i].id, user) == 0) {
            return &client->users[i];
        }
    }
    if (!make) {
        return NULL;
    }
    assert_true(client->users_count < SSE_USERS_MAX);
    struct sse_user *added = &client->users[client->users_count++];
    (void)snprintf(added->id, sizeof added->id, "%s", user);
    (void)snprintf(added->status, sizeof added->status, "offline");
    return added;
}

const char *sse_client_status(const sse_client *client, const char *user) {
    const struct sse_user *found = find((sse_client *)client, user, false);
    return found ? found->status : "offline";
}

/* The text of a member, "" where there is none. */
static const char *member(const sse_client *client, const char *key, char out[SSE_TEXT_BYTES]) {
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, "\"%s\":\"", key);
    const char *at = strstr(client->data, wanted);
    out[0] = '\0';
    if (at) {
        at += strlen(wanted);
        (void)snprintf(out, SSE_TEXT_BYTES, "%.*s", (int)strcspn(at, "\""), at);
    }
    return out;
}

static void take_presence(sse_client *client) {
    char user[SSE_TEXT_BYTES], status[SSE_TEXT_BYTES], from[SSE_TEXT_BYTES];
    struct sse_user *known = find(client, member(client, "userId", user), true);
    member(client, "status", status);
    if (member(client, "from", from)[0] != '\0') {
        assert_string_equal(known->status, from);
        assert_string_not_equal(from, status);
        client->changes++;
    } else {
        assert_true(client->stating);
        client->states++;
    }
    (void)snprintf(known->status, sizeof known->status, "%s", status);
}

static void dispatch(sse_client *client) {
    (void)snprintf(client->last_event_id, sizeof client->last_event_id, "%s", client->id);
    if (client->data[0] != '\0') {
        if (strcmp(client->event, "reset") == 0) {
            client->users_count = 0;
            client->stating = true;
            client->resets++;
            assert_string_equal(client->last_event_id, "");
        } else if (strcmp(client->event, "ready") == 0) {
            client->stating = false;
            client->readies++;
        } else {
            assert_string_equal(client->event, "presence");
            take_presence(client);
        }
        if (client->stating) {
            assert_string_equal(client->last_event_id, "");
        }
    }
    client->event[0] = client->data[0] = '\0';
}

static void take_line(sse_client *client) {
    const char *line = client->line;
    if (line[0] == '\0') {
        dispatch(client);
    } else if (line[0] == ':') {
        client->comments++;
    } else if (strncmp(line, "id:", 3) == 0) {
        (void)snprintf(client->id, sizeof client->id, "%s", line[3] == ' ' ? line + 4 : line + 3);
    } else if (strncmp(line, "event: ", 7) == 0) {
        (void)snprintf(client->event, sizeof client->event, "%s", line + 7);
    } else if (strncmp(line, "data: ", 6) == 0) {
        (void)snprintf(client->data, sizeof client->data, "%s", line + 6);
    } else {
        assert_int_equal(strncmp(line, "retry: ", 7), 0);
    }
}

void sse_client_feed(sse_client *client, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n') {
            client->line[client->line_bytes] = '\0';
            take_line(client);
            client->line_bytes = 0;
        } else {
            assert_true(client->line_bytes + 1 < sizeof client->line);
            client->line[client->line_bytes++] = bytes[i];
        }
    }
}

void sse_client_cut(sse_client *client) {
    client->line_bytes = 0;
    client->event[0] = client->data[0] = '\0';
    client->stating = false;
    (void)snprintf(client->id, sizeof client->id, "%s", client->last_event_id);
}
