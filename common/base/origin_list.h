/* origin_list - which web pages are meant by a setting: origins (RFC 6454) separated by commas; an item "*"
 * is everybody, to whoever asks for it. Owns: nothing. Threads: any. */
#ifndef ZP_BASE_ORIGIN_LIST_H
#define ZP_BASE_ORIGIN_LIST_H

#include "common/base/str_view.h"
#include <stdbool.h>

/* "*" is one of its items. */
bool origin_list_has_all(const char *list);

/* Whether `origin`, as a browser sent it, is an item: compared byte by byte, as browsers do. */
bool origin_list_has(const char *list, str_view origin);

/* Whether each item may be what a browser sends: scheme://host or scheme://host:port, and nothing behind it;
 * "null", "file://", or "*". An empty list is one too. */
bool origin_list_is_valid(const char *list);

#endif
