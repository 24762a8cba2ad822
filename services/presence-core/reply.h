/* reply - reads the answers of scripts: arrays of texts, integers and arrays. What Redis answers is checked
 * like everything from outside. Owns: nothing. */
#ifndef ZP_PRESENCE_CORE_REPLY_H
#define ZP_PRESENCE_CORE_REPLY_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/presence/status.h"
#include <hiredis/hiredis.h>
#include <stdint.h>

/* Whether `reply` is an array of at least `count`. */
bool reply_has(const redisReply *reply, size_t count);

/* The text of a string reply; empty for anything else (nil too). */
str_view reply_text(const redisReply *reply);

/* A whole number, as integer or as text, that the bus can carry (proto/valid.h); 0 for anything else: its
 * receivers would refuse the whole message for it. */
uint64_t reply_number(const redisReply *reply);

/* The shown status of a letter; offline for anything else: nil is a user who never was. */
presence_status reply_status(const redisReply *reply);

#endif
