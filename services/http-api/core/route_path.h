/* route_path - whether a request's path is that of a route. A pattern is a path some of whose segments are
 * `*`: any segment that is not empty. Compared as the client wrote it, so that an encoded slash does not end
 * a segment; what
 * `*` stood for is decoded by whoever takes it. Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_ROUTE_PATH_H
#define ZP_HTTP_API_ROUTE_PATH_H

#include "common/base/str_view.h"

enum { ROUTE_SEGMENTS_MAX = 2 }; /* `*` in one pattern */

/* Fills `segments` with what each `*` stands for, in order; untouched where it does not match. */
bool route_path_matches(const char *pattern, const char *path, str_view segments[ROUTE_SEGMENTS_MAX]);

#endif
