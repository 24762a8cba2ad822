#include "services/ws-edge/update_frames.h"

#include "common/wire/client_frame.h"

void update_frames_tell(audience_t *audience, const watch_change *change, const Zp__Update *given) {
    char made[WIRE_FORMS_COUNT][CLIENT_UPDATE_MAX_BYTES];
    str_view payloads[WIRE_FORMS_COUNT] = {0};
    uint32_t forms = audience_wire_forms(audience);
    audience_tell_lists(audience, change);
    for (size_t i = 0; given && i < given->n_frames; i++) {
        uint32_t form = given->frames[i]->wire_form;
        payloads[form] = str_view_make(given->frames[i]->payload.data, given->frames[i]->payload.len);
    }
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        /* Made here: for a form that came into use just now, and for differences that no single transition
         * shows. */
        if ((forms & WIRE_FORM_BIT(form)) && payloads[form].len == 0 &&
            client_frame_update((wire_form)form, change->user_id, change->from, change->to, change->at_ms,
                                made[form], &payloads[form].len)) {
            payloads[form].ptr = made[form];
        }
    }
    audience_tell(audience, change->user_id, change->from, change->to, payloads);
}
