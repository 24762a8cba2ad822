/* redis_info - what a core reads from the text of INFO. Pure. Threads: none. */
#ifndef ZP_PRESENCE_CORE_REDIS_INFO_H
#define ZP_PRESENCE_CORE_REDIS_INFO_H

#include "common/base/str_view.h"

/* The value of `field` ("run_id") in INFO's lines of field:value; empty where there is none. */
str_view redis_info_value(str_view info, const char *field);

#endif
