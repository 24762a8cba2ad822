/* api - the parts of a running http-api, as its routes see them (routes.c). main.c makes and ends them. */
#ifndef ZP_HTTP_API_API_H
#define ZP_HTTP_API_API_H

#include "services/http-api/announcer.h"
#include "services/http-api/core_link.h"
#include "services/http-api/event_streams.h"
#include "services/http-api/heartbeat_link.h"
#include "services/http-api/http_server.h"
#include "services/http-api/metrics_all.h"
#include "services/http-api/system_watch.h"

typedef struct api {
    process_t process;
    core_link_t *cores;
    heard_sources_t *heard;
    heartbeat_messages_t *messages;
    heartbeat_link_t *heartbeats;
    announcer_t *announcer;
    system_watch_t *watch;
    metrics_all_t *metrics_all;
    event_streams_t *streams;
    http_server_t *server;
} api_t;

/* Every endpoint; their context is the api. */
extern const http_route api_routes[];
extern const size_t api_routes_count;

#endif
