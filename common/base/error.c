#include "common/base/error.h"

const char *zp_error_text(zp_error error) {
    switch (error) {
#define X(id, text)                                                                                          \
    case id:                                                                                                 \
        return text;
        ZP_ERRORS(X)
#undef X
    }
    return "unknown error";
}
