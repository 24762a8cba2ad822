#include "services/http-api/openapi.h"
#include "services/http-api/openapi_text.h"

void openapi_handle(http_request_t *request) {
    text_buffer body = {0};
    text_add_view(&body, str_view_make(openapi_text, openapi_text_bytes));
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}
