/* client - one WebSocket client: connects, shakes hands, answers PINGs, counts what it hears, is sent away
 * and moves. Glossary: a client is a user, and the n-th client is the n-th line of the users file. A *mover*
 * is a client that was told 35 with reconnectAfterMs and will connect to the next target. Owns: its
 * descriptor, and the bytes of a frame that is not whole yet. Borrows: the fleet. Threads: none. Units: ns of
 * CLOCK_MONOTONIC. Errors: counted, with a reason; a client that fails is closed. */
#ifndef ZP_BENCH_CLIENT_H
#define ZP_BENCH_CLIENT_H

#include "tests/bench/load/counters.h"

#include <netinet/in.h>

enum { TARGETS_MAX = 16, PATH_BYTES = 64, MOVER_SLOTS = 8192, FRAME_MAX_BYTES = 262144, NOBODY = -1 };

typedef enum client_state {
    CLIENT_CLOSED,
    CLIENT_CONNECTING, /* until the connection stands, or is refused */
    CLIENT_GREETING,   /* the request is sent */
    CLIENT_JOINING,    /* Socket.IO's own handshake, inside the WebSocket */
    CLIENT_OPEN,
    CLIENT_CLOSING, /* a close frame is sent: until the server closes */
    CLIENT_MOVING,  /* closed, and due to connect again */
} client_state;

typedef enum client_wire { WIRE_PRESENCE, WIRE_SOCKETIO } client_wire;

/* What a range of clients has in common. */
typedef struct client_kind {
    char path[PATH_BYTES];
    client_wire wire;
    bool never_reads;
} client_kind;

enum { KINDS_MAX = 64 };

typedef struct client {
    const char *token; /* views into the users file, ended by NUL */
    uint8_t *part;     /* of a frame that is not whole; NULL: none */
    uint32_t part_bytes;
    int fd;
    int next_mover;        /* in its slot; NOBODY: the last */
    int64_t move_after_ms; /* -1: it was not sent away */
    uint64_t connecting_since_ns;
    uint64_t changed_at_ns; /* 0: what it last changed to was seen, or not looked for */
    uint8_t state, kind, target;
    uint8_t status; /* what it last changed to: seen_status */
} client;

typedef struct fleet {
    client *clients;
    size_t clients_count;
    uint64_t first_number; /* the digits at the end of the first client's user id */
    struct sockaddr_in targets[TARGETS_MAX];
    unsigned targets_count;
    uint32_t source; /* the first source address, host order; 0: the kernel's choice */
    unsigned sources_count;
    client_kind kinds[KINDS_MAX];
    unsigned kinds_count;
    size_t in_state[CLIENT_MOVING + 1];
    bool moves, moves_at_once; /* sent away: connect again, after the time that was told or at once */
    bool flooding;             /* whoever is seen to have changed changes again */
    int movers[MOVER_SLOTS];   /* by the ms at which they are due, modulo MOVER_SLOTS */
    uint64_t movers_until_ms;  /* all slots up to this ms have been looked at */
    counters counters;
    uint64_t random;
    int epoll;
} fleet;

uint64_t monotonic_ns(void);

/* Counted as failed where it comes to nothing, now or later. */
void client_connect(fleet *f, client *c);

/* What epoll says of it. */
void client_event(fleet *f, client *c, uint32_t events);

/* Sends a 5 (or the event "status"), and looks for it in the 31s that any client of this fleet gets. */
void client_change(fleet *f, client *c, seen_status status);

/* Sends a binary message of at most CLIENT_SAYS_MAX_BYTES. */
enum { CLIENT_SAYS_MAX_BYTES = 16384 };
void client_say(fleet *f, client *c, const uint8_t *message, size_t message_bytes);

/* online -> busy -> online -> … */
void client_change_to_next(fleet *f, client *c);

/* A close frame; the server then closes. Of one that is not open: its descriptor is closed. */
void client_close(fleet *f, client *c);

/* Its descriptor is closed without a word. */
void client_drop(fleet *f, client *c);

/* Connects those movers who are due. */
void client_move_due(fleet *f, uint64_t now_ns);

#endif
