/* whole_number - a whole number of decimal digits, in a range: as queries carry it. Owns: nothing. Threads:
 * none. */
#ifndef ZP_HTTP_API_WHOLE_NUMBER_H
#define ZP_HTTP_API_WHOLE_NUMBER_H

#include "common/base/str_view.h"
#include <stdint.h>

/* False: empty, not digits alone, or out of range; *ret_number is untouched. */
bool whole_number_parse(str_view text, uint64_t least, uint64_t most, uint64_t *ret_number);

#endif
