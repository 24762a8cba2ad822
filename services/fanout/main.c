/* fanout - who must hear of a transition: takes them from every core in order, each once, and tells each
 * subscriber those that somebody there listens to.
 *
 * Follow one transition: core_link.c (PUB) -> core/feed.c -> core/sequencer.c -> core/view.c ->
 * subscriber_link.c -> core/update_batch.c (the client frame) -> updates_message.c -> the subscriber. */
#include "common/runtime/process.h"
#include "services/fanout/core_link.h"
#include "services/fanout/subscriber_link.h"

typedef struct fanout {
    process_t process;
    core_link_t *cores;
    subscriber_link_t *subscribers;
} fanout_t;

static void on_change(void *context, const feed_change *change) {
    subscriber_link_tell(((fanout_t *)context)->subscribers, change);
}

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    const fanout_t *fanout = context;
    core_link_measure(fanout->cores);
    subscriber_link_measure(fanout->subscribers);
    const char *trouble = core_link_trouble(fanout->cores);
    if (!trouble) {
        return 0;
    }
    reasons[0] = trouble;
    return 1;
}

static void drain(void *context) {
    fanout_t *fanout = context;
    subscriber_link_flush(fanout->subscribers);
    process_drained(&fanout->process);
}

static bool wire(fanout_t *fanout) {
    if (core_link_new(&fanout->cores, &fanout->process, on_change, fanout) != ZP_OK ||
        subscriber_link_new(&fanout->subscribers, &fanout->process, core_link_feed(fanout->cores)) != ZP_OK) {
        return false;
    }
    fanout->process.address = subscriber_link_address(fanout->subscribers);
    return process_serve_admin(&fanout->process, readiness, fanout);
}

int main(int argc, char **argv) {
    fanout_t fanout = {0};
    int exit_code = 1;
    if (!process_start(&fanout.process, FANOUT, argc, argv, &exit_code)) {
        return exit_code;
    }
    if (wire(&fanout)) {
        process_run(&fanout.process, drain, &fanout);
        core_link_tell_end(fanout.cores);
    }
    subscriber_link_destroy(&fanout.subscribers);
    core_link_destroy(&fanout.cores);
    return process_stop(&fanout.process);
}
