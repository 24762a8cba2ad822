#include "services/presence-core/process_json.h"

static json_t *pack_figures(const Zp__ProcessInfo *process) {
    json_t *figures = json_object();
    for (size_t i = 0; figures && i < process->n_figures; i++) {
        const Zp__Figure *figure = process->figures[i];
        if (json_object_set_new(figures, figure->name, json_integer((json_int_t)figure->value)) != 0) {
            json_decref(figures);
            return NULL;
        }
    }
    return figures;
}

char *process_json_dup(const Zp__ProcessInfo *process) {
    json_t *figures = pack_figures(process);
    if (!figures) {
        return NULL;
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o}", "kind", process->kind, "name",
                             process->name, "version", process->version, "pid", (json_int_t)process->pid,
                             "startedAt", (json_int_t)process->started_at_ms, "address", process->address,
                             "admin", process->admin, "figures", figures);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static void read_figures(json_t *json, Zp__ProcessInfo *process, process_figures *figures) {
    const char *name = NULL;
    json_t *value = NULL;
    process->figures = figures->pointers;
    json_object_foreach(json, name, value) {
        if (process->n_figures == VALID_FIGURES_MAX) {
            return;
        }
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            continue;
        }
        Zp__Figure *figure = &figures->items[process->n_figures];
        zp__figure__init(figure);
        figure->name = (char *)name;
        figure->value = (uint64_t)json_integer_value(value);
        figures->pointers[process->n_figures++] = figure;
    }
}

json_t *process_json_read(str_view text, Zp__ProcessInfo *process, process_figures *figures) {
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    json_int_t pid = 0;
    json_int_t started_at_ms = 0;
    zp__process_info__init(process);
    if (!json || json_unpack(json, "{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "kind", &process->kind, "name",
                             &process->name, "version", &process->version, "pid", &pid, "startedAt",
                             &started_at_ms, "address", &process->address, "admin", &process->admin) != 0) {
        json_decref(json);
        return NULL;
    }
    process->pid = (uint32_t)pid;
    process->started_at_ms = (uint64_t)started_at_ms;
    read_figures(json_object_get(json, "figures"), process, figures);
    return json;
}
