#include "services/http-api/online_users.h"
#include "common/base/clock.h"
#include "proto/valid_fields.h"
#include "services/http-api/asking.h"
#include "services/http-api/core/online_list.h"
#include "services/http-api/core_questions.h"
#include <stdio.h>
#include <stdlib.h>

enum { USERS_MOST = 1000 };

/* One request, from its first piece to its answer. */
typedef struct listing {
    http_request_t *request;
    core_link_t *cores;
    uint64_t deadline_ms; /* monotonic */
    bool contacts_only, include_offline;
    char viewer[VALID_USER_ID_MAX_BYTES + 1];
    Zp__DirectoryScope scope; /* of the piece that is asked for */
    char after[VALID_USER_ID_MAX_BYTES + 1];
    online_list_t *list;
} listing_t;

static void ask(listing_t *listing);

static void end(listing_t *listing) {
    online_list_destroy(&listing->list);
    free(listing);
}

static void refuse(listing_t *listing, api_error error, const char *details) {
    http_request_refuse(listing->request, error, details);
    end(listing);
}

static void answer(listing_t *listing) {
    text_buffer body = {0};
    online_list_json(listing->list, listing->contacts_only, &body);
    http_request_answer(listing->request, MHD_HTTP_OK, "application/json", &body);
    end(listing);
}

/* UNKNOWN: that was the last. */
static Zp__DirectoryScope scope_after(const listing_t *listing) {
    if (listing->scope == ZP__DIRECTORY_SCOPE__DIRECTORY_CONTACTS && !listing->contacts_only) {
        return ZP__DIRECTORY_SCOPE__DIRECTORY_ONLINE;
    }
    if (listing->scope == ZP__DIRECTORY_SCOPE__DIRECTORY_ONLINE && listing->include_offline) {
        return ZP__DIRECTORY_SCOPE__DIRECTORY_ACTIVE;
    }
    return ZP__DIRECTORY_SCOPE__DIRECTORY_UNKNOWN;
}

static zp_error add_users(listing_t *listing, const Zp__DirectoryReply *reply) {
    for (size_t i = 0; i < reply->n_users; i++) {
        const Zp__DirectoryUser *from = reply->users[i];
        const listed_user user = {
            .username = from->user_id,
            .display_name = from->display_name,
            .status = (presence_status)from->status,
            .last_seen_ms = from->last_seen_ms,
            .is_fresh = from->fresh,
            .is_favourite = from->favourite,
        };
        zp_error error = online_list_add(listing->list, &user);
        if (error != ZP_OK) {
            return error;
        }
    }
    return ZP_OK;
}

static void go_on(listing_t *listing, const Zp__DirectoryReply *reply) {
    if (reply->next[0]) {
        (void)snprintf(listing->after, sizeof listing->after, "%s", reply->next);
    } else {
        listing->after[0] = '\0';
        listing->scope = scope_after(listing);
    }
    if (listing->scope == ZP__DIRECTORY_SCOPE__DIRECTORY_UNKNOWN) {
        answer(listing);
    } else {
        ask(listing);
    }
}

static void on_answer(void *context, const Zp__CoreToApi *message) {
    listing_t *listing = context;
    const char *details = NULL;
    api_error refusal = asking_refusal(message ? &message->directory_reply->outcome : NULL, &details);
    if (refusal != API_OK) {
        refuse(listing, refusal, details);
        return;
    }
    zp_error error = add_users(listing, message->directory_reply);
    if (error == ZP_OK) {
        go_on(listing, message->directory_reply);
    } else if (error == ZP_FULL) {
        answer(listing);
    } else {
        refuse(listing, API_NO_MEMORY, NULL);
    }
}

static void ask(listing_t *listing) {
    Zp__DirectoryQuery query = ZP__DIRECTORY_QUERY__INIT;
    query.scope = listing->scope;
    query.viewer = listing->viewer;
    query.after = listing->after;
    query.most = VALID_DIRECTORY_MAX;
    if (clock_monotonic_ms() >= listing->deadline_ms) {
        refuse(listing, API_UNAVAILABLE, "it took too long");
    } else if (ask_directory(listing->cores, &query, on_answer, listing) != ZP_OK) {
        refuse(listing, API_UNAVAILABLE, "too many questions are under way");
    }
}

/* Fills what the query says. */
static api_error read_query(http_request_t *request, listing_t *listing, const char **ret_details) {
    str_view viewer, contacts_only, include_offline;
    if (!http_request_query(request, "exclude_user", &viewer) ||
        !http_request_query(request, "contacts_only", &contacts_only) ||
        !http_request_query(request, "include_offline", &include_offline)) {
        return API_MALFORMED_TARGET;
    }
    if (!asking_read_flag(contacts_only, &listing->contacts_only) ||
        !asking_read_flag(include_offline, &listing->include_offline)) {
        return API_INVALID_FLAG;
    }
    if (viewer.len > 0 && !asking_is_user(viewer)) {
        return API_INVALID_USER;
    }
    (void)snprintf(listing->viewer, sizeof listing->viewer, "%.*s", (int)viewer.len,
                   viewer.len > 0 ? viewer.ptr : "");
    if (listing->contacts_only && viewer.len == 0) {
        *ret_details = "contacts_only lists the contacts of exclude_user";
        return API_USERNAME_MISSING;
    }
    listing->scope =
        viewer.len > 0 ? ZP__DIRECTORY_SCOPE__DIRECTORY_CONTACTS : ZP__DIRECTORY_SCOPE__DIRECTORY_ONLINE;
    return API_OK;
}

void online_users_handle(const process_t *process, core_link_t *cores, http_request_t *request) {
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
        return;
    }
    listing_t asked = {.request = request, .cores = cores};
    const char *details = NULL;
    api_error refusal = read_query(request, &asked, &details);
    if (refusal != API_OK) {
        http_request_refuse(request, refusal, details);
        return;
    }
    listing_t *listing = malloc(sizeof *listing);
    asked.list = online_list_new(USERS_MOST, asked.viewer, asked.include_offline);
    if (!listing || !asked.list) {
        free(listing);
        online_list_destroy(&asked.list);
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return;
    }
    asked.deadline_ms = clock_monotonic_ms() + config_ms(process->config, SETTING_HTTP_DEADLINE_MS);
    *listing = asked;
    http_request_wait(request);
    ask(listing);
}
