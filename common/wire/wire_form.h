/* wire_form - the forms in which a client can read updates: two layouts, two sets of statuses
 * (proto/WIRE.md). */
#ifndef ZP_WIRE_WIRE_FORM_H
#define ZP_WIRE_WIRE_FORM_H

#include <stdbool.h>

typedef enum wire_form {
    WIRE_MAP_BASIC = 0,   /* the guide: maps, online and offline only */
    WIRE_MAP_FULL = 1,    /* maps, four statuses */
    WIRE_ARRAY_BASIC = 2, /* deployed SDKs: arrays, online and offline only */
    WIRE_ARRAY_FULL = 3,
    WIRE_FORMS_COUNT = 4,
} wire_form;

#define WIRE_FORM_BIT(form) (1u << (form))

static inline wire_form wire_form_of(bool is_array, bool is_full) {
    return is_array ? (is_full ? WIRE_ARRAY_FULL : WIRE_ARRAY_BASIC)
                    : (is_full ? WIRE_MAP_FULL : WIRE_MAP_BASIC);
}

static inline bool wire_form_is_array(wire_form form) {
    return form == WIRE_ARRAY_BASIC || form == WIRE_ARRAY_FULL;
}

/* It shows all four statuses. */
static inline bool wire_form_is_full(wire_form form) {
    return form == WIRE_MAP_FULL || form == WIRE_ARRAY_FULL;
}

#endif
