#include "services/http-api/http_auth.h"
#include "common/auth/api_keys.h"
#include "common/auth/secret_file.h"
#include "common/auth/token_settings.h"
#include "common/base/clock.h"
#include "common/base/origin_list.h"
#include "common/log/log.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum auth_mode { AUTH_OFF, AUTH_JWT, AUTH_KEY } auth_mode;

struct http_auth {
    auth_mode modes[AREAS_COUNT];
    const char *ops_roles;
    token_key_t *token_key; /* NULL: no area wants tokens */
    uint64_t leeway_ms;
    api_keys keys;
};

static auth_mode mode_of(const char *text) {
    return strcmp(text, "jwt") == 0 ? AUTH_JWT : strcmp(text, "apikey") == 0 ? AUTH_KEY : AUTH_OFF;
}

static bool wants(const http_auth_t *auth, auth_mode mode) {
    return auth->modes[AREA_READ] == mode || auth->modes[AREA_WRITE] == mode || auth->modes[AREA_OPS] == mode;
}

/* -- the keys, at start -- */

enum { ASKING_MAX_BYTES = 64 };

/* The settings that ask for `mode`, separated by commas, as a line of the log names them. */
static void write_asking(char ret_text[static ASKING_MAX_BYTES], const http_auth_t *auth, auth_mode mode) {
    static const struct {
        route_area area;
        const char *setting;
    } all[] = {{AREA_READ, "HTTP_AUTH_READ"}, {AREA_WRITE, "HTTP_AUTH_WRITE"}, {AREA_OPS, "HTTP_AUTH_OPS"}};
    size_t length = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (auth->modes[all[i].area] == mode) {
            int written = snprintf(ret_text + length, ASKING_MAX_BYTES - length, "%s%s",
                                   length > 0 ? "," : "", all[i].setting);
            assert(written > 0 && (size_t)written < ASKING_MAX_BYTES - length);
            length += (size_t)written;
        }
    }
}

static zp_error refuse_entry(const char *setting, const char *reason, size_t number) {
    log_error("auth.api_keys_refused", "setting=%s entry=%zu reason=\"%s\"", setting, number, reason);
    return ZP_INVALID;
}

static zp_error refuse_keys(const char *setting, const char *reason) {
    log_error("auth.api_keys_refused", "setting=%s reason=\"%s\"", setting, reason);
    return ZP_INVALID;
}

static zp_error add_keys(api_keys *keys, const char *setting, str_view text, char separator) {
    const char *reason = NULL;
    size_t number = 0;
    return api_keys_parse(keys, text, separator, &reason, &number) == ZP_OK
               ? ZP_OK
               : refuse_entry(setting, reason, number);
}

static zp_error add_keys_of_file(api_keys *keys, const char *path) {
    static const char setting[] = "API_KEYS_FILE";
    secret_text text;
    const char *reason = NULL;
    if (secret_file_read(path, &text, &reason) != ZP_OK) {
        return refuse_keys(setting, reason);
    }
    zp_error error = add_keys(keys, setting, str_view_make(text.bytes, text.len_bytes), '\n');
    secret_text_wipe(&text);
    return error;
}

static zp_error load_keys(http_auth_t *auth, const config_t *config) {
    api_keys *keys = &auth->keys;
    const char *path = config_text(config, SETTING_API_KEYS_FILE);
    zp_error error = add_keys(keys, "API_KEYS", str_view_of(config_text(config, SETTING_API_KEYS)), ',');
    if (error == ZP_OK && path[0] != '\0') {
        error = add_keys_of_file(keys, path);
    }
    if (error == ZP_OK && keys->count == 0) {
        char asking[ASKING_MAX_BYTES];
        write_asking(asking, auth, AUTH_KEY);
        return refuse_keys(asking, "apikey, and there is no key: set API_KEYS or API_KEYS_FILE");
    }
    for (size_t i = 0; i < keys->count && error == ZP_OK; i++) {
        if (keys->list[i].is_short) {
            log_warn("auth.api_key_short", "name=%s reason=\"fewer than 16 bytes can be guessed\"",
                     keys->list[i].name);
        }
    }
    return error;
}

zp_error http_auth_new(http_auth_t **ret_auth, const config_t *config) {
    http_auth_t *auth = calloc(1, sizeof *auth);
    if (!auth) {
        return ZP_NO_MEMORY;
    }
    auth->modes[AREA_READ] = mode_of(config_text(config, SETTING_HTTP_AUTH_READ));
    auth->modes[AREA_WRITE] = mode_of(config_text(config, SETTING_HTTP_AUTH_WRITE));
    auth->modes[AREA_OPS] = mode_of(config_text(config, SETTING_HTTP_AUTH_OPS));
    auth->ops_roles = config_text(config, SETTING_OPS_ROLES);
    auth->leeway_ms = config_ms(config, SETTING_JWT_LEEWAY);
    zp_error error = ZP_OK;
    if (wants(auth, AUTH_JWT)) {
        char asking[ASKING_MAX_BYTES];
        write_asking(asking, auth, AUTH_JWT);
        error = token_settings_load_key(&auth->token_key, config, asking);
    }
    if (error == ZP_OK && wants(auth, AUTH_KEY)) {
        error = load_keys(auth, config);
    }
    if (error != ZP_OK) {
        http_auth_destroy(&auth);
        return error;
    }
    *ret_auth = auth;
    return ZP_OK;
}

bool http_auth_is_usable(const config_t *config) {
    http_auth_t *auth = NULL;
    bool usable = http_auth_new(&auth, config) == ZP_OK;
    http_auth_destroy(&auth);
    return usable;
}

void http_auth_destroy(http_auth_t **auth) {
    if (*auth) {
        token_key_destroy(&(*auth)->token_key);
        api_keys_wipe(&(*auth)->keys);
        free(*auth);
        *auth = NULL;
    }
}

/* -- a request -- */

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* What stands behind "Bearer " (RFC 6750 section 2.1; RFC 9110 section 11.1: in any case). ptr NULL: nothing.
 */
static str_view bearer(struct MHD_Connection *connection) {
    static const char scheme[] = "Bearer";
    const char *value = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    size_t scheme_bytes = value ? strcspn(value, " \t") : 0;
    if (!value || !str_view_equal_ignoring_case(str_view_make(value, scheme_bytes), scheme)) {
        return (str_view){0};
    }
    str_view credentials = str_view_trim(str_view_of(value + scheme_bytes));
    return credentials.len > 0 ? credentials : (str_view){0};
}

static str_view token_of(struct MHD_Connection *connection, route_area area) {
    str_view token = bearer(connection);
    if (!token.ptr && area == AREA_READ) {
        token = str_view_of(MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token"));
    }
    return token;
}

static api_error error_of(token_verdict verdict) {
    switch (verdict) {
#define X(id, status, code, text)                                                                            \
    case id:                                                                                                 \
        return API_##id;
        TOKEN_REFUSALS(X, )
#undef X
    case TOKEN_OK:
        return API_OK;
    case TOKEN_USER_ID:
        return API_INVALID_USER;
    case TOKEN_NO_MEMORY:
    case TOKEN_VERDICTS_COUNT:
        break;
    }
    return API_NO_MEMORY;
}

static api_error check_token(const http_auth_t *auth, str_view token, route_area area,
                             http_identity *ret_identity) {
    token_claims claims;
    if (!token.ptr) {
        return API_NO_TOKEN;
    }
    api_error refusal =
        error_of(token_read(token, auth->token_key, auth->leeway_ms, clock_unix_ms(), &claims));
    if (refusal != API_OK) {
        return refusal;
    }
    bool is_ops = origin_list_has(auth->ops_roles, str_view_of(claims.role));
    if (area == AREA_OPS && !is_ops) {
        return API_FORBIDDEN;
    }
    memcpy(ret_identity->user_id, claims.user_id, sizeof claims.user_id);
    ret_identity->may_write_for_others = is_ops;
    ret_identity->expires_at_unix_ms = claims.expires_at_unix_ms;
    return API_OK;
}

static unsigned key_area(route_area area) {
    switch (area) {
    case AREA_READ:
        return API_KEY_READ;
    case AREA_WRITE:
        return API_KEY_WRITE;
    case AREA_OPS:
    case AREA_OPEN:
    case AREAS_COUNT:
        break;
    }
    return API_KEY_OPS;
}

static api_error check_key(const http_auth_t *auth, struct MHD_Connection *connection, route_area area,
                           http_identity *ret_identity) {
    const char *own_header = header(connection, "X-API-Key");
    str_view presented = own_header ? str_view_trim(str_view_of(own_header)) : bearer(connection);
    if (!presented.ptr) {
        return API_KEY_MISSING;
    }
    const api_key *key = api_keys_find(&auth->keys, presented);
    if (!key) {
        return API_KEY_WRONG;
    }
    ret_identity->may_write_for_others = true;
    return key->areas & key_area(area) ? API_OK : API_FORBIDDEN;
}

api_error http_auth_check(const http_auth_t *auth, struct MHD_Connection *connection, route_area area,
                          http_identity *ret_identity) {
    *ret_identity =
        (http_identity){.may_write_for_others = area == AREA_OPEN || auth->modes[area] == AUTH_OFF};
    switch (area == AREA_OPEN ? AUTH_OFF : auth->modes[area]) {
    case AUTH_OFF:
        return API_OK;
    case AUTH_JWT:
        return check_token(auth, token_of(connection, area), area, ret_identity);
    case AUTH_KEY:
        return check_key(auth, connection, area, ret_identity);
    }
    return API_FORBIDDEN;
}

const char *http_auth_challenge(api_error refusal) {
    /* RFC 6750 section 3: who brought nothing is told no error. */
    return refusal == API_NO_TOKEN || refusal == API_KEY_MISSING
               ? "Bearer realm=\"zpresence\""
               : "Bearer realm=\"zpresence\", error=\"invalid_token\"";
}
