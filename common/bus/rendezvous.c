#include "common/bus/rendezvous.h"
#include "common/base/hash.h"

/* Two seeds, so that a key and a candidate of the same text do not cancel each other out. */
static const uint64_t KEY_SEED = 1, CANDIDATE_SEED = 2;

/* The finalizer of MurmurHash3: every bit of the input moves every bit of the output, so that weights of one
 * key at different candidates are independent. */
static uint64_t mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ (value >> 33);
}

uint64_t rendezvous_weight(str_view key, str_view candidate) {
    return mix(mix(hash_bytes(key, KEY_SEED)) ^ hash_bytes(candidate, CANDIDATE_SEED));
}
