/* bus_keys - the keys of CURVE from the folder BUS_KEYS: this process's own, those of whom it connects to,
 * and whose key it is that somebody shows. The folder holds certificates as czmq writes them (ZPL):
 *     <kind>_secret   both keys of that kind; a process reads its own only, and takes none that others may
 * read <kind>          the public key of that kind <kind>.<word>   a further public key of that kind: the
 * next one, while keys are being changed Read at start, when all that this kind needs must be there, and
 * again where somebody asks 100 ms or more later. Owns: the keys. Time: loop ms, passed in. Threads: the
 * loop's. */
#ifndef ZP_BUS_BUS_KEYS_H
#define ZP_BUS_BUS_KEYS_H

#include "common/base/error.h"
#include "common/config/config.h"

enum { BUS_KEY_BYTES = 32 };

typedef struct bus_keys bus_keys_t;

/* ZP_INVALID: something is missing, malformed, or may be read by others; one line in the log says what, and
 * what to do. */
ZP_MUST_CHECK zp_error bus_keys_new(bus_keys_t **ret_keys, const config_t *config);
void bus_keys_destroy(bus_keys_t **keys); /* safe with NULL inside */

/* Both BUS_KEY_BYTES long. */
const uint8_t *bus_keys_own_public(const bus_keys_t *keys);
const uint8_t *bus_keys_own_secret(const bus_keys_t *keys);

/* The public key of `host`, BUS_KEY_BYTES long, good until the next call; NULL: its certificate is gone. */
const uint8_t *bus_keys_of(bus_keys_t *keys, process_kind host, uint64_t now_ms);

/* Whose key that is, of those that this kind talks with; 0: nobody's. */
process_kind bus_keys_owner(bus_keys_t *keys, const uint8_t key[BUS_KEY_BYTES], uint64_t now_ms);

#endif
