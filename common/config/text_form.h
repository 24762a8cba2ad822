/* text_form - what a TEXT setting has to look like, by the checks that who uses it goes by.
 * Owns: nothing. Threads: any. */
#ifndef ZP_CONFIG_TEXT_FORM_H
#define ZP_CONFIG_TEXT_FORM_H

#include "common/base/error.h"
#include <stdbool.h>

/* X(form, words behind "... is not valid:", for a column). All are without control characters. */
#define TEXT_FORMS(X)                                                                                        \
    X(ANY, "a text without control characters", "")                                                          \
    X(LISTEN, "host:port, as 127.0.0.1:7100 or [::1]:7100,", "host:port")                                    \
    X(ENDPOINT, "tcp://host:port", "tcp://host:port")                                                        \
    X(ENDPOINTS, "a list of tcp://host:port, dns+tcp://host:port or file:/path", "endpoint list")            \
    X(ORIGINS, "a list of origins, as https://a.example or http://b.example:8080, or *", "origins")          \
    X(NAMES, "a list of names without empty ones", "names")

typedef enum text_form {
#define X(form, words, column) TEXT_##form,
    TEXT_FORMS(X)
#undef X
} text_form;

ZP_MUST_CHECK bool text_form_accepts(text_form form, const char *text);
const char *text_form_words(text_form form);
const char *text_form_column(text_form form);

#endif
