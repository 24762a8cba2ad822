/* trusted_proxies - the setting TRUSTED_PROXIES: whose word on who a client is is taken. Owns: nothing.
 * Threads: any. */
#ifndef ZP_HTTP_TRUSTED_PROXIES_H
#define ZP_HTTP_TRUSTED_PROXIES_H

#include "common/base/address_list.h"
#include "common/config/config.h"

/* ZP_INVALID: the setting is no list of addresses and networks (logged). */
ZP_MUST_CHECK zp_error trusted_proxies_load(address_list *ret_proxies, const config_t *config);

#endif
