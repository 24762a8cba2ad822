#include "tests/bench/load/job.h"

static const double ns_of_second = 1e9;

/* How many of them should have begun by now. */
static size_t due_count(const job *j, uint64_t now_ns) {
    if (j->per_second <= 0) {
        return j->count;
    }
    double due = (double)(now_ns - j->began_ns) / ns_of_second * j->per_second + 1;
    return due < (double)j->count ? (size_t)due : j->count;
}

static void wake_for_next(const job *j, uint64_t *ret_wake_ns) {
    if (j->per_second > 0 && j->done < j->count) {
        uint64_t next_ns = j->began_ns + (uint64_t)((double)j->done / j->per_second * ns_of_second);
        if (next_ns < *ret_wake_ns) {
            *ret_wake_ns = next_ns;
        }
    }
}

static size_t under_way(const job *j, const fleet *f) {
    if (j->kind == JOB_OPEN) {
        return f->in_state[CLIENT_CONNECTING] + f->in_state[CLIENT_GREETING] + f->in_state[CLIENT_JOINING];
    }
    return f->in_state[CLIENT_CLOSING];
}

static bool step_range(job *j, fleet *f, uint64_t now_ns) {
    size_t due = due_count(j, now_ns);
    while (j->done < due && under_way(j, f) < j->window) {
        client *c = &f->clients[j->first + j->done++];
        if (j->kind == JOB_OPEN) {
            client_connect(f, c);
        } else {
            client_close(f, c);
        }
    }
    return j->done == j->count && under_way(j, f) == 0;
}

static bool step_change(job *j, fleet *f, uint64_t now_ns) {
    uint64_t elapsed_ns = now_ns - j->began_ns;
    if (elapsed_ns >= j->for_ns) {
        return true;
    }
    uint64_t due = (uint64_t)((double)elapsed_ns / ns_of_second * j->per_second) + 1;
    for (; j->done < due; j->done++) {
        client *c = &f->clients[j->first + j->done % j->count];
        if (c->state == CLIENT_OPEN) {
            client_change_to_next(f, c);
        }
    }
    return false;
}

static bool step_say(job *j, fleet *f, uint64_t now_ns) {
    for (size_t due = due_count(j, now_ns); j->done < due; j->done++) {
        client *c = &f->clients[j->first + j->done];
        if (c->state == CLIENT_OPEN) {
            client_say(f, c, j->message, j->message_bytes);
        }
    }
    return j->done == j->count;
}

static bool step_at_once(const job *j, fleet *f) {
    for (size_t i = 0; i < j->count; i++) {
        client *c = &f->clients[j->first + i];
        if (j->kind == JOB_DROP) {
            client_drop(f, c);
        } else if (c->state == CLIENT_OPEN) {
            client_change_to_next(f, c);
        }
    }
    return true;
}

job_progress job_step(job *j, fleet *f, uint64_t now_ns, uint64_t *ret_wake_ns) {
    bool done = false;
    *ret_wake_ns = j->deadline_ns;
    switch (j->kind) {
    case JOB_NONE:
        *ret_wake_ns = UINT64_MAX;
        return JOB_GOES_ON;
    case JOB_OPEN:
    case JOB_CLOSE:
        done = step_range(j, f, now_ns);
        wake_for_next(j, ret_wake_ns);
        break;
    case JOB_CHANGE:
        done = step_change(j, f, now_ns);
        *ret_wake_ns = j->began_ns + (uint64_t)((double)j->done / j->per_second * ns_of_second);
        break;
    case JOB_SAY:
        done = step_say(j, f, now_ns);
        wake_for_next(j, ret_wake_ns);
        break;
    case JOB_DROP:
    case JOB_FLOOD:
        done = step_at_once(j, f);
        break;
    case JOB_WAIT:
        done = j->counter ? *j->counter >= j->counter_wanted : now_ns - j->began_ns >= j->for_ns;
        if (!j->counter) {
            *ret_wake_ns = j->began_ns + j->for_ns;
        }
        break;
    }
    if (done) {
        return JOB_DONE;
    }
    return now_ns >= j->deadline_ns ? JOB_TIMED_OUT : JOB_GOES_ON;
}
