#include "common/bus/endpoint_list.h"
#include "common/bus/endpoint_bag.h"
#include "common/bus/endpoint_item.h"
#include "common/log/log.h"
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX_BYTES = 65536, ESCAPED_BYTES = 512 };

/* A dns+tcp item, and what its last lookup that succeeded gave. */
typedef struct name {
    struct name *next;
    endpoint_list_t *list;
    char *host, *port;
    endpoint_bag found;
    uv_getaddrinfo_t lookup;
    bool looking_up;
    bool wanted; /* still named by an item */
    bool failing;
} name_t;

/* A file: item, and what its last reading that succeeded gave. */
typedef struct file {
    struct file *next;
    char *path;
    char *content;
    bool failing;
} file_t;

struct endpoint_list {
    bus_context bus;
    char *text;
    endpoint_change_fn *on_change;
    void *context;
    size_t endpoints_max;
    bool full;
    uv_timer_t timer;
    bool timer_open;
    size_t lookups_count;
    name_t *names;
    file_t *files;
    endpoint_bag present;
};

static void log_malformed(const char *where, str_view item) {
    char escaped[ESCAPED_BYTES];
    log_error("endpoints.malformed",
              "in=\"%s\" item=\"%s\" accepted=\"tcp://host:port, dns+tcp://name:port, file:path\"", where,
              str_view_escape(item, escaped, sizeof escaped));
}

/* -- names -- */

static void free_name(name_t *name) {
    endpoint_bag_free(&name->found);
    free(name->host);
    free(name->port);
    free(name);
}

static void free_list_when_unused(endpoint_list_t *list) {
    if (list->timer_open || list->lookups_count > 0) {
        return;
    }
    while (list->names) {
        name_t *name = list->names;
        list->names = name->next;
        free_name(name);
    }
    while (list->files) {
        file_t *file = list->files;
        list->files = file->next;
        free(file->path);
        free(file->content);
        free(file);
    }
    endpoint_bag_free(&list->present);
    free(list->text);
    free(list);
}

static void publish(endpoint_list_t *list);

static bool closing(const endpoint_list_t *list) {
    return !list->timer_open || uv_is_closing((const uv_handle_t *)&list->timer);
}

static void take_addresses(name_t *name, const struct addrinfo *addresses) {
    endpoint_bag found = {0};
    zp_error error = ZP_OK;
    for (const struct addrinfo *at = addresses; at && !error; at = at->ai_next) {
        char host[NI_MAXHOST], endpoint[ENDPOINT_TEXT_BYTES + NI_MAXHOST];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0) {
            continue;
        }
        (void)snprintf(endpoint, sizeof endpoint, at->ai_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s",
                       host, name->port);
        error = endpoint_bag_add(&found, endpoint, name->list->endpoints_max);
    }
    if (found.count > 0 && error != ZP_NO_MEMORY) {
        endpoint_bag before = name->found;
        name->found = found;
        found = before;
    }
    endpoint_bag_free(&found);
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses) {
    name_t *name = lookup->data;
    endpoint_list_t *list = name->list;
    name->looking_up = false;
    list->lookups_count--;
    if (closing(list)) {
        uv_freeaddrinfo(addresses);
        free_list_when_unused(list);
        return;
    }
    if (status < 0 && !name->failing) {
        log_warn("endpoints.lookup_failed", "name=%s kept=%zu reason=\"%s\"", name->host, name->found.count,
                 uv_strerror(status));
    }
    name->failing = status < 0;
    if (status == 0) {
        take_addresses(name, addresses);
    }
    uv_freeaddrinfo(addresses);
    publish(list);
}

static void look_up(name_t *name) {
    if (name->looking_up) {
        return;
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    name->lookup.data = name;
    if (uv_getaddrinfo(name->list->bus.loop, &name->lookup, on_lookup, name->host, NULL, &hints) == 0) {
        name->looking_up = true;
        name->list->lookups_count++;
    }
}

/* NULL: out of memory. A name that is new is looked up at once. */
static name_t *want_name(endpoint_list_t *list, const endpoint_item *item) {
    for (name_t *name = list->names; name; name = name->next) {
        if (str_view_equal(str_view_of(name->host), item->host) &&
            str_view_equal(str_view_of(name->port), item->port)) {
            name->wanted = true;
            return name;
        }
    }
    name_t *name = calloc(1, sizeof *name);
    if (!name) {
        return NULL;
    }
    *name = (name_t){
        .list = list, .host = str_view_dup(item->host), .port = str_view_dup(item->port), .wanted = true};
    if (!name->host || !name->port) {
        free_name(name);
        return NULL;
    }
    name->next = list->names;
    list->names = name;
    look_up(name);
    return name;
}

static void forget_unwanted_names(endpoint_list_t *list) {
    for (name_t **at = &list->names; *at;) {
        name_t *name = *at;
        if (name->wanted || name->looking_up) {
            at = &name->next;
        } else {
            *at = name->next;
            free_name(name);
        }
    }
}

/* -- files -- */

/* A heap text, or NULL with *ret_reason set. */
static char *read_text(const char *path, const char **ret_reason) {
    FILE *stream = fopen(path, "re");
    if (!stream) {
        *ret_reason = strerror(errno);
        return NULL;
    }
    char *text = malloc(FILE_MAX_BYTES + 1);
    size_t len = text ? fread(text, 1, FILE_MAX_BYTES + 1, stream) : 0;
    *ret_reason = !text                  ? "out of memory"
                  : ferror(stream)       ? "it cannot be read"
                  : len > FILE_MAX_BYTES ? "it is larger than 64 KiB"
                                         : NULL;
    (void)fclose(stream);
    if (*ret_reason) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}

static void log_malformed_lines(const file_t *file) {
    str_view rest = str_view_of(file->content), text;
    endpoint_item item;
    while (endpoint_item_next(&rest, &text)) {
        if (endpoint_item_parse(&item, text) || item.kind == ENDPOINT_FILE) {
            log_malformed(file->path, text);
        }
    }
}

static void read_file(file_t *file) {
    const char *reason = NULL;
    char *content = read_text(file->path, &reason);
    if (!content) {
        if (!file->failing) {
            log_warn("endpoints.file_unreadable", "file=\"%s\" kept=%s reason=\"%s\"", file->path,
                     file->content ? "yes" : "nothing", reason);
        }
        file->failing = true;
        return;
    }
    file->failing = false;
    bool same = file->content && strcmp(file->content, content) == 0;
    free(file->content);
    file->content = content;
    if (!same) {
        log_malformed_lines(file);
    }
}

static zp_error add_file(endpoint_list_t *list, str_view path) {
    file_t *file = calloc(1, sizeof *file);
    char *copy = str_view_dup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        return ZP_NO_MEMORY;
    }
    file->path = copy;
    file->next = list->files;
    list->files = file;
    return ZP_OK;
}

static const char *file_content(const endpoint_list_t *list, str_view path) {
    for (const file_t *file = list->files; file; file = file->next) {
        if (str_view_equal(str_view_of(file->path), path)) {
            return file->content ? file->content : "";
        }
    }
    return "";
}

/* -- the list -- */

static zp_error add_item(endpoint_list_t *list, endpoint_bag *wanted, const endpoint_item *item) {
    zp_error error = ZP_OK;
    if (item->kind == ENDPOINT_TCP) {
        char endpoint[ENDPOINT_TEXT_BYTES];
        (void)snprintf(endpoint, sizeof endpoint, "tcp://%.*s:%.*s", (int)item->host.len, item->host.ptr,
                       (int)item->port.len, item->port.ptr);
        return endpoint_bag_add(wanted, endpoint, list->endpoints_max);
    }
    const name_t *name = want_name(list, item);
    if (!name) {
        return ZP_NO_MEMORY;
    }
    for (size_t i = 0; i < name->found.count && !error; i++) {
        error = endpoint_bag_add(wanted, name->found.texts[i], list->endpoints_max);
    }
    return error;
}

static zp_error add_items(endpoint_list_t *list, endpoint_bag *wanted, str_view rest, bool in_file) {
    zp_error error = ZP_OK;
    str_view text;
    while (!error && endpoint_item_next(&rest, &text)) {
        endpoint_item item;
        if (endpoint_item_parse(&item, text)) {
            continue; /* of a file, and logged when it was read */
        }
        if (item.kind != ENDPOINT_FILE) {
            error = add_item(list, wanted, &item);
        } else if (!in_file) {
            error = add_items(list, wanted, str_view_of(file_content(list, item.path)), true);
        }
    }
    return error;
}

static void log_limit(endpoint_list_t *list, bool full) {
    if (full && !list->full) {
        log_error("endpoints.too_many", "list=\"%s\" taken=%zu", list->text, list->endpoints_max);
    }
    list->full = full;
}

/* Puts together what all items give now, and tells the differences. */
static void publish(endpoint_list_t *list) {
    for (name_t *name = list->names; name; name = name->next) {
        name->wanted = false;
    }
    endpoint_bag wanted = {0};
    zp_error error = add_items(list, &wanted, str_view_of(list->text), false);
    if (error == ZP_NO_MEMORY) {
        endpoint_bag_free(&wanted); /* what was present stays; the next refresh tries again */
        return;
    }
    log_limit(list, error == ZP_FULL);
    forget_unwanted_names(list);
    endpoint_bag before = list->present;
    list->present = wanted;
    for (size_t i = 0; i < before.count; i++) {
        if (!endpoint_bag_has(&list->present, before.texts[i])) {
            list->on_change(list->context, before.texts[i], false);
        }
    }
    for (size_t i = 0; i < list->present.count; i++) {
        if (!endpoint_bag_has(&before, list->present.texts[i])) {
            list->on_change(list->context, list->present.texts[i], true);
        }
    }
    endpoint_bag_free(&before);
}

static void on_refresh(uv_timer_t *timer) {
    endpoint_list_t *list = timer->data;
    for (file_t *file = list->files; file; file = file->next) {
        read_file(file);
    }
    for (name_t *name = list->names; name; name = name->next) {
        look_up(name);
    }
    publish(list);
}

static zp_error check_text(endpoint_list_t *list, bool *ret_static) {
    str_view rest = str_view_of(list->text), text;
    size_t count = 0;
    *ret_static = true;
    while (endpoint_item_next(&rest, &text)) {
        endpoint_item item;
        if (endpoint_item_parse(&item, text)) {
            log_malformed(list->text, text);
            return ZP_INVALID;
        }
        if (item.kind == ENDPOINT_FILE && add_file(list, item.path)) {
            return ZP_NO_MEMORY;
        }
        *ret_static = *ret_static && item.kind == ENDPOINT_TCP;
        count++;
    }
    if (count == 0) {
        log_malformed(list->text, (str_view){0});
        return ZP_INVALID;
    }
    return ZP_OK;
}

zp_error endpoint_list_new(endpoint_list_t **ret_list, const bus_context *bus, const char *text,
                           endpoint_change_fn *on_change, void *context) {
    endpoint_list_t *list = calloc(1, sizeof *list);
    char *copy = strdup(text);
    if (!list || !copy) {
        free(list);
        free(copy);
        return ZP_NO_MEMORY;
    }
    *list = (endpoint_list_t){.bus = *bus, .text = copy, .on_change = on_change, .context = context};
    list->endpoints_max = (size_t)config_integer(bus->config, SETTING_ENDPOINTS_MAX);
    bool is_static;
    zp_error error = check_text(list, &is_static);
    if (error) {
        free_list_when_unused(list);
        return error;
    }
    uv_timer_init(bus->loop, &list->timer);
    list->timer.data = list;
    list->timer_open = true;
    if (!is_static) {
        uint64_t refresh_ms = config_ms(bus->config, SETTING_ENDPOINT_REFRESH_MS);
        uv_timer_start(&list->timer, on_refresh, refresh_ms, refresh_ms);
    }
    *ret_list = list;
    on_refresh(&list->timer);
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    endpoint_list_t *list = timer->data;
    list->timer_open = false;
    free_list_when_unused(list);
}

void endpoint_list_destroy(endpoint_list_t **list_ref) {
    endpoint_list_t *list = *list_ref;
    if (!list) {
        return;
    }
    *list_ref = NULL;
    for (name_t *name = list->names; name; name = name->next) {
        if (name->looking_up) {
            (void)uv_cancel((uv_req_t *)&name->lookup); /* one that has begun ends by itself */
        }
    }
    uv_close((uv_handle_t *)&list->timer, on_timer_closed);
}
