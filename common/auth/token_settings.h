/* token_settings - the key of tokens as the settings have it: SECRET_KEY or SECRET_KEY_FILE, JWT_ALGORITHM.
 * Owns: nothing. Threads: the loop's, at start. */
#ifndef ZP_AUTH_TOKEN_SETTINGS_H
#define ZP_AUTH_TOKEN_SETTINGS_H

#include "common/auth/token_key.h"
#include "common/config/config.h"

/* `wanted_by`: the setting that asks for tokens, for the log. ZP_INVALID: the key cannot be used (one line in
 * the log says why; neither the key nor the path of its file, which may be the key by mistake). */
ZP_MUST_CHECK zp_error token_settings_load_key(token_key_t **ret_key, const config_t *config,
                                               const char *wanted_by);

#endif
