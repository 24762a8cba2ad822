#include "services/ws-edge/core/admission.h"

#include <string.h>

enum { BURSTS_PER_SECOND = 20 }; /* what a loop that is busy for 50 ms may make up for */

void admission_init(admission *self, uint32_t per_second, uint64_t wait_ms) {
    uint32_t burst = per_second / BURSTS_PER_SECOND;
    *self = (admission){.rate = rate_limit_of(per_second, burst > 0 ? burst : 1), .wait_ms = wait_ms};
}

bool admission_has_room(const admission *self, uint64_t now_ms) {
    rate_bucket bucket = self->bucket;
    return rate_limit_take(&self->rate, &bucket, 1, now_ms);
}

void admission_enter(admission *self, uint64_t now_ms) {
    (void)rate_limit_take(&self->rate, &self->bucket, 1, now_ms);
}

static void forget_marks(admission *self, size_t count) {
    self->marks_count -= count;
    memmove(self->marks, self->marks + count, self->marks_count * sizeof *self->marks);
}

void admission_take(admission *self) {
    self->taken_count++;
    if (self->marks_count > 0 && self->marks[0].come_count <= self->taken_count) {
        forget_marks(self, 1);
    }
}

/* Of two moments between which nobody came the first says all. Where all marks are in use, the first ones are
 * about who is late already. */
void admission_note_waiting(admission *self, size_t waiting_count, uint64_t now_ms) {
    uint64_t come_count = self->taken_count + waiting_count;
    size_t count = self->marks_count;
    if (waiting_count == 0) {
        self->marks_count = 0;
        return;
    }
    if (count > 0) {
        uint64_t since_ms = now_ms - self->marks[count - 1].at_ms;
        bool nobody_came = self->marks[count - 1].come_count >= come_count;
        if (nobody_came || count == ADMISSION_MARKS || since_ms < self->wait_ms / ADMISSION_MARKS_PER_WAIT) {
            return;
        }
    }
    self->marks[count].at_ms = now_ms;
    self->marks[count].come_count = come_count;
    self->marks_count++;
}

bool admission_next_is_late(const admission *self, uint64_t now_ms) {
    return self->marks_count > 0 && now_ms - self->marks[0].at_ms >= self->wait_ms;
}
