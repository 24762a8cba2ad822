/* hash - 64-bit hash of bytes, stable over processes and versions: rendezvous hashing rests on it.
 * Not keyed: use it to spread, not to defend (hash tables over client input use uthash). */
#ifndef ZP_BASE_HASH_H
#define ZP_BASE_HASH_H

#include "common/base/str_view.h"
#include <stdint.h>

uint64_t hash_bytes(str_view bytes, uint64_t seed);

#endif
