/* front_door - where clients come in: the listening socket, and who is let through it when. Those for whom
 * there is no room yet wait in the kernel's backlog: beyond HANDSHAKE_RATE a second, beyond HANDSHAKES_MAX
 * heads under way, and while the cores are behind (is_congested). Who has waited for HANDSHAKE_WAIT_MS is
 * told to come again (503). Owns: the listening socket, the guests. Borrows: the loop. Threads: the loop's.
 * Bounds: the kernel's backlog (4096 or net.core.somaxconn), beyond which TCP itself makes clients try again;
 * those of guests.h. Cost: O(1) per event.
 */
#ifndef ZP_WS_EDGE_FRONT_DOOR_H
#define ZP_WS_EDGE_FRONT_DOOR_H

#include "services/ws-edge/guests.h"

typedef struct front_door front_door_t;

typedef struct front_door_hooks {
    guest_hooks guests;
    /* Whether so much is under way already that nobody else should come in now. */
    bool (*is_congested)(void *context);
} front_door_hooks;

/* Listens on WS_LISTEN. ZP_SYSTEM: cannot; ZP_INVALID: TRUSTED_PROXIES cannot be used (logged with the
 * reason). */
ZP_MUST_CHECK zp_error front_door_new(front_door_t **ret_door, uv_loop_t *loop, const config_t *config,
                                      metrics_t *metrics, const front_door_hooks *hooks, void *context);
/* Stops listening; who waits or is here is told to come again. Memory goes as the loop turns. */
void front_door_destroy(front_door_t **door);

const char *front_door_address(const front_door_t *door); /* host:port */

#endif
