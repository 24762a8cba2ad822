/* rendezvous - highest-random-weight hashing: each key belongs to the candidate with the highest weight, so a
 * candidate that comes or goes moves only its own keys. Pure. */
#ifndef ZP_BUS_RENDEZVOUS_H
#define ZP_BUS_RENDEZVOUS_H

#include "common/base/str_view.h"
#include <stdint.h>

uint64_t rendezvous_weight(str_view key, str_view candidate);

#endif
