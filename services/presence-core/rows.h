/* rows - users and processes as the scripts answer them, some columns to a row, made into what the bus
 * carries. A row that the bus would refuse is left out: somebody's hand was in Redis, and the receiver would
 * refuse the whole message for it. Owns: nothing but the JSON of a service_list; messages point into the
 * reply. Threads: any.
 */
#ifndef ZP_PRESENCE_CORE_ROWS_H
#define ZP_PRESENCE_CORE_ROWS_H

#include "proto/api_core.pb-c.h"
#include "services/presence-core/process_json.h"
#include <hiredis/hiredis.h>
#include <jansson.h>

enum {
    USER_COLUMNS = 5, /* user, status, last_seen, since, seq: as snapshot.lua answers them */
    DIRECTORY_COLUMNS =
        6,               /* user, display_name, status, last_seen, fresh, favourite: as directory.lua does */
    SERVICE_COLUMNS = 2, /* age_ms, process: as services.lua does */
    SERVICES_MAX = 1000, /* as beat.lua keeps it */
};

/* How many rows `columns` has; 0 where it is no array. */
size_t rows_count(const redisReply *columns, size_t columns_a_row);

/* Fills `states`, ascending by user id as a Snapshot wants them, and `pointers` to them; `most` of each.
 * Returns how many. */
size_t rows_read_users(const redisReply *columns, size_t most, Zp__UserState *states,
                       Zp__UserState **pointers);

/* Likewise of a directory, in the order of the rows. */
size_t rows_read_directory(const redisReply *columns, size_t most, Zp__DirectoryUser *users,
                           Zp__DirectoryUser **pointers);

/* A text that the bus can carry; "" where it is none. */
char *rows_text(redisReply *reply);

/* Processes: the messages, and the JSON that their texts live in. Zeroed: empty. */
typedef struct service_list {
    struct service_row {
        Zp__ServiceState state;
        Zp__ProcessInfo process;
        process_figures figures;
        json_t *json;
    } rows[SERVICES_MAX];
    Zp__ServiceState *pointers[SERVICES_MAX];
    size_t count;
} service_list;

void rows_read_services(const redisReply *columns, service_list *list);
void service_list_clear(service_list *list);

#endif
