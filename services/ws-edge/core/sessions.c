#include "services/ws-edge/core/sessions.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

edge_user *sessions_find(sessions_t *sessions, str_view user_id) {
    edge_user *user = NULL;
    HASH_FIND(hh, sessions->users, user_id.ptr, user_id.len, user);
    return user;
}

static edge_user *add_user(sessions_t *sessions, str_view user_id) {
    edge_user *user = calloc(1, offsetof(edge_user, id) + user_id.len + 1);
    if (!user) {
        return NULL;
    }
    memcpy(user->id, user_id.ptr, user_id.len);
    user->id_len_bytes = (uint8_t)user_id.len;
    HASH_ADD_KEYPTR(hh, sessions->users, user->id, user_id.len, user);
    if (!user->hh.tbl) {
        free(user);
        return NULL;
    }
    return user;
}

zp_error sessions_open(sessions_t *sessions, str_view user_id, str_view device, str_view role,
                       uint64_t unix_ms, edge_client **ret_client) {
    assert(user_id.len > 0 && user_id.len <= UINT8_MAX);
    edge_user *user = sessions_find(sessions, user_id);
    if (user && user->clients_count >= CONNECTIONS_PER_USER_MAX) {
        return ZP_FULL;
    }
    edge_client *client = calloc(1, offsetof(edge_client, device) + device.len + 1 + role.len + 1);
    if (client && !user) {
        user = add_user(sessions, user_id);
    }
    if (!client || !user) {
        free(client);
        return ZP_NO_MEMORY;
    }
    memcpy(client->device, device.ptr, device.len);
    if (role.len > 0) {
        memcpy(client->device + device.len + 1, role.ptr, role.len);
    }
    client->user = user;
    client->number = ++sessions->connections_made;
    client->opened_at_unix_ms = unix_ms;
    client->status = STATUS_ONLINE;
    client->next_of_user = user->clients;
    user->clients = client;
    user->clients_count++;
    sessions->clients_count++;
    *ret_client = client;
    return ZP_OK;
}

void sessions_leave(sessions_t *sessions, edge_client *client) {
    edge_user *user = client->user;
    if (!user) {
        return;
    }
    edge_client **at = &user->clients;
    while (*at != client) {
        at = &(*at)->next_of_user;
    }
    *at = client->next_of_user;
    user->clients_count--;
    sessions->clients_count--;
    client->user = NULL;
}

void sessions_free_client(edge_client **client) {
    if (*client) {
        outbox_clear(&(*client)->box);
        free(*client);
        *client = NULL;
    }
}

const char *edge_client_role(const edge_client *client) {
    return client->device + strlen(client->device) + 1;
}

const char *edge_user_role(const edge_user *user) {
    for (const edge_client *client = user->clients; client; client = client->next_of_user) {
        const char *role = edge_client_role(client);
        if (role[0] != '\0') {
            return role;
        }
    }
    return "";
}

bool edge_client_is_dashboard(const edge_client *client) {
    static const char *const roles[] = {"web", "dashboard", "admin"};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(edge_client_role(client), roles[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool edge_user_is_idle(const edge_user *user) {
    return user->clients_count == 0 && !user->statement && !user->lost && user->references == 0 &&
           !user->touched;
}

static void free_user(sessions_t *sessions, edge_user *user) {
    HASH_DEL(sessions->users, user);
    free(user->statement);
    free(user);
}

void sessions_forget_if_idle(sessions_t *sessions, edge_user *user) {
    if (edge_user_is_idle(user)) {
        free_user(sessions, user);
    }
}

void sessions_show_life(edge_client *client, uint64_t listened_ms, uint64_t now_ms) {
    client->last_life_ms = listened_ms;
    if (client->user) {
        client->user->last_life_ms = now_ms;
    }
}

size_t sessions_users_count(const sessions_t *sessions) {
    return HASH_COUNT(sessions->users);
}

void sessions_clear(sessions_t *sessions) {
    edge_user *user = NULL;
    edge_user *next = NULL;
    HASH_ITER(hh, sessions->users, user, next) {
        free_user(sessions, user);
    }
}
