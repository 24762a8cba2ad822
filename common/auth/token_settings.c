#include "common/auth/token_settings.h"
#include "common/auth/secret_file.h"
#include "common/log/log.h"

static zp_error refuse(const char *setting, const char *reason) {
    log_error("auth.key_refused", "setting=%s reason=\"%s\"", setting, reason);
    return ZP_INVALID;
}

static zp_error make_key(token_key_t **ret_key, const config_t *config, const char *setting, str_view text) {
    const char *reason = NULL;
    zp_error error = token_key_new(ret_key, config_text(config, SETTING_JWT_ALGORITHM), text, &reason);
    if (error == ZP_INVALID) {
        return refuse(setting, reason);
    }
    if (error == ZP_OK && token_key_is_short(*ret_key)) {
        log_warn("auth.key_short",
                 "setting=%s reason=\"shorter than the hash of its algorithm, the key can be guessed\"",
                 setting);
    }
    return error;
}

static zp_error load_file(token_key_t **ret_key, const config_t *config) {
    static const char setting[] = "SECRET_KEY_FILE";
    secret_text text;
    const char *reason = NULL;
    zp_error error = secret_file_read(config_text(config, SETTING_SECRET_KEY_FILE), &text, &reason);
    if (error != ZP_OK) {
        return refuse(setting, reason);
    }
    error = make_key(ret_key, config, setting, str_view_make(text.bytes, text.len_bytes));
    secret_text_wipe(&text);
    return error;
}

zp_error token_settings_load_key(token_key_t **ret_key, const config_t *config, const char *wanted_by) {
    const char *secret = config_text(config, SETTING_SECRET_KEY);
    bool has_secret = secret[0] != '\0';
    bool has_file = config_text(config, SETTING_SECRET_KEY_FILE)[0] != '\0';
    if (has_secret == has_file) {
        return refuse(wanted_by, has_secret ? "SECRET_KEY and SECRET_KEY_FILE are both set: only one may be"
                                            : "SECRET_KEY or SECRET_KEY_FILE is needed");
    }
    return has_file ? load_file(ret_key, config)
                    : make_key(ret_key, config, "SECRET_KEY", str_view_of(secret));
}
