/* valid_fixture - pieces of valid messages that tests of several arrows change one at a time. */
#ifndef ZP_TESTS_VALID_FIXTURE_H
#define ZP_TESTS_VALID_FIXTURE_H

#include "proto/valid.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INCARNATION "0123456789abcdef"
#define OTHER_INCARNATION "fedcba9876543210"
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LARGEST_NUMBER (UINT64_C(1) << 53)

extern Zp__Position position;
extern Zp__ProcessInfo process;
extern Zp__Beat beat;
extern char text_of_64[65], text_of_65[66], text_of_128[129], text_of_129[130];

/* A cmocka setup: all of the above valid again. */
int reset_shared(void **state);

#endif
