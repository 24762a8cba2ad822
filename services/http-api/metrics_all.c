#include "services/http-api/metrics_all.h"
#include "common/base/clock.h"
#include "services/http-api/core/metrics_merge.h"
#include "services/http-api/scrape.h"
#include <stdio.h>
#include <stdlib.h>

struct metrics_all {
    const process_t *process;
    system_watch_t *watch;
    scrape_t *scrape;
    http_request_t **waiting; /* as many as there may be connections */
    size_t waiting_count;
};

/* As the text format wants label values. */
static void add_label_value(text_buffer *out, const char *value) {
    for (const char *at = value; *at; at++) {
        if (*at == '"' || *at == '\\') {
            text_add(out, "\\");
        }
        text_add_view(out, str_view_make(at, 1));
    }
}

static void add_sample(text_buffer *out, const char *name, const char *process_name, double value) {
    text_add_format(out, "%s{process=\"", name);
    add_label_value(out, process_name);
    text_add_format(out, "\"} %g\n", value);
}

/* What this process itself says of the others. Under its own name it needs no asking. */
static void add_scrapes(text_buffer *out, const char *own_name, const scrape_target *targets, size_t count) {
    text_add(out,
             "# HELP zpresence_scrape_up 1 where a process gave its metrics, 0 where it could not be asked\n"
             "# TYPE zpresence_scrape_up gauge\n");
    add_sample(out, "zpresence_scrape_up", own_name, 1);
    for (size_t i = 0; i < count; i++) {
        add_sample(out, "zpresence_scrape_up", targets[i].name, targets[i].up ? 1 : 0);
    }
    text_add(out, "# HELP zpresence_scrape_duration_seconds how long it took to ask a process\n"
                  "# TYPE zpresence_scrape_duration_seconds gauge\n");
    for (size_t i = 0; i < count; i++) {
        add_sample(out, "zpresence_scrape_duration_seconds", targets[i].name,
                   (double)targets[i].took_ms / 1000);
    }
}

/* False: out of memory. */
static bool merge_all(const metrics_all_t *all, const scrape_target *targets, size_t count,
                      text_buffer *out) {
    const char *own_name = config_process_name(all->process->config);
    metrics_merge_t *merge = metrics_merge_new();
    char *own = metrics_dup_text(all->process->metrics, own_name);
    text_buffer scrapes = {0};
    bool made = merge && own;
    if (made) {
        add_scrapes(&scrapes, own_name, targets, count);
        metrics_merge_add(merge, str_view_make(scrapes.bytes, scrapes.len_bytes));
        metrics_merge_add(merge, str_view_of(own));
        for (size_t i = 0; i < count; i++) {
            metrics_add(all->process->metrics, METRIC_HTTP_SCRAPES_FAILED, targets[i].up ? 0 : 1);
            metrics_merge_add(merge, targets[i].text);
        }
        metrics_merge_write(merge, out);
        made = !scrapes.failed;
    }
    text_free(&scrapes);
    free(own);
    metrics_merge_destroy(&merge);
    return made;
}

static void on_done(void *context, const scrape_target *targets, size_t targets_count) {
    metrics_all_t *all = context;
    text_buffer text = {0};
    bool made = merge_all(all, targets, targets_count, &text);
    size_t count = all->waiting_count;
    all->waiting_count = 0;
    for (size_t i = 0; i < count; i++) {
        text_buffer copy = {0};
        text_add_view(&copy, str_view_make(text.bytes, text.len_bytes));
        if (made && !text.failed && !copy.failed) {
            http_request_answer(all->waiting[i], MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                                &copy);
        } else {
            text_free(&copy);
            http_request_refuse(all->waiting[i], API_NO_MEMORY, NULL);
        }
    }
    text_free(&text);
}

/* Every process but this one. NULL: out of memory. */
static scrape_target *targets_of(const metrics_all_t *all, const system_view *view, size_t *ret_count) {
    const char *own_name = config_process_name(all->process->config);
    scrape_target *targets = calloc(view->rows_count + 1, sizeof *targets);
    size_t count = 0;
    for (size_t i = 0; targets && i < view->rows_count; i++) {
        const service_row *row = &view->rows[i];
        if (strcmp(row->name, own_name) != 0) {
            (void)snprintf(targets[count].name, sizeof targets[count].name, "%s", row->name);
            (void)snprintf(targets[count].address, sizeof targets[count].address, "%s", row->admin);
            count++;
        }
    }
    *ret_count = count;
    return targets;
}

static zp_error start(metrics_all_t *all) {
    system_view view;
    size_t count = 0;
    system_watch_view(all->watch, &view);
    scrape_target *targets = targets_of(all, &view, &count);
    return targets ? scrape_run(all->scrape, targets, count, "/metrics", on_done, all) : ZP_NO_MEMORY;
}

void metrics_all_handle(metrics_all_t *all, http_request_t *request) {
    if (!scrape_is_running(all->scrape) && start(all) != ZP_OK) {
        http_request_refuse(request, API_NO_MEMORY, NULL);
    } else {
        http_request_wait(request);
        all->waiting[all->waiting_count++] = request;
    }
}

zp_error metrics_all_new(metrics_all_t **ret_all, const process_t *process, system_watch_t *watch) {
    metrics_all_t *all = calloc(1, sizeof *all);
    http_request_t **waiting = calloc((size_t)config_integer(process->config, SETTING_HTTP_CONNECTIONS_MAX),
                                      sizeof(http_request_t *));
    if (!all || !waiting) {
        free(all);
        free(waiting);
        return ZP_NO_MEMORY;
    }
    all->waiting = waiting;
    all->process = process;
    all->watch = watch;
    zp_error error =
        scrape_new(&all->scrape, process->bus.loop, config_ms(process->config, SETTING_HTTP_DEADLINE_MS));
    if (error != ZP_OK) {
        free(all->waiting);
        free(all);
        return error;
    }
    *ret_all = all;
    return ZP_OK;
}

void metrics_all_destroy(metrics_all_t **self) {
    metrics_all_t *all = *self;
    if (!all) {
        return;
    }
    *self = NULL;
    scrape_destroy(&all->scrape);
    for (size_t i = 0; i < all->waiting_count; i++) {
        http_request_refuse(all->waiting[i], API_UNAVAILABLE, "this http-api is stopping");
    }
    free(all->waiting);
    free(all);
}
