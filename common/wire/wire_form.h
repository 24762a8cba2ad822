/* wire_form - the forms in which a client can read updates: two layouts, two sets of statuses
 * (proto/WIRE.md). */
#ifndef ZP_WIRE_WIRE_FORM_H
#define ZP_WIRE_WIRE_FORM_H

typedef enum wire_form {
    WIRE_MAP_BASIC = 0,   /* the guide: maps, online and offline only */
    WIRE_MAP_FULL = 1,    /* maps, four statuses */
    WIRE_ARRAY_BASIC = 2, /* deployed SDKs: arrays, online and offline only */
    WIRE_ARRAY_FULL = 3,
    WIRE_FORMS_COUNT = 4,
} wire_form;

#define WIRE_FORM_BIT(form) (1u << (form))

#endif
