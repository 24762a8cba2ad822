#include "common/http/trusted_proxies.h"

#include "common/log/log.h"

zp_error trusted_proxies_load(address_list *ret_proxies, const config_t *config) {
    const char *value = config_text(config, SETTING_TRUSTED_PROXIES);
    zp_error error = address_list_parse(value, ret_proxies);
    if (error != ZP_OK) {
        log_error("proxies.refused",
                  "setting=TRUSTED_PROXIES value=%s reason=\"up to %d addresses or networks, "
                  "as 127.0.0.1,10.0.0.0/8, are needed\"",
                  value, ADDRESS_LIST_MAX);
    }
    return error;
}
