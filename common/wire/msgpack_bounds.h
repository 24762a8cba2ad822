/* msgpack_bounds - where a MessagePack value ends, without believing what it claims. It goes before
 * msgpack-c's decoder, which reserves memory for as many elements as a header claims, before it has seen one.
 * Owns: nothing; allocates nothing. Units: bytes. Threads: none. Cost: one look at each value's header. */
#ifndef ZP_WIRE_MSGPACK_BOUNDS_H
#define ZP_WIRE_MSGPACK_BOUNDS_H

#include "common/base/error.h"
#include "common/base/str_view.h"

/* Arrays and maps inside each other. What clients say is at most four deep. */
enum { MSGPACK_DEPTH_MAX = 16 };

/* *ret_value is the one complete value at the start of `bytes`. ZP_INVALID: it is cut short, claims more than
 * there is, holds a byte that no value begins with, or is nested too deep. */
ZP_MUST_CHECK zp_error msgpack_bounds_first(str_view bytes, str_view *ret_value);

/* For the array or map at the start of `bytes`: how many values stand in it (two for each pair of a map), and
 * where the first of them begins. ZP_INVALID: neither an array nor a map. */
ZP_MUST_CHECK zp_error msgpack_bounds_enter(str_view bytes, bool *ret_is_map, size_t *ret_values_count,
                                            size_t *ret_first_offset);

#endif
