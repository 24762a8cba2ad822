#include "common/base/hash.h"

/* FNV-1a over the bytes, then the finalizer of MurmurHash3: FNV alone leaves the high bits of short, similar
 * keys (user1, user2) close together, and rendezvous hashing compares exactly those. */
uint64_t hash_bytes(str_view bytes, uint64_t seed) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (size_t i = 0; i < bytes.len; i++) {
        hash ^= (unsigned char)bytes.ptr[i];
        hash *= UINT64_C(0x100000001b3);
    }
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    hash ^= hash >> 33;
    return hash;
}
