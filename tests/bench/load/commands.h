/* commands - the lines by which a driver steers a generator. Each is answered by one line of JSON, when it is
 * done: {"ok", "error", "seconds", "now_ns", "cpu_s", "open", counters…}.
 *
 * Setting up:
 * - users FILE first_number=: a line per client, its token; its user id ends with first_number plus the
 * line's number, from 0.
 * - targets A:P,A:P source= sources=: clients connect to them in turn, from so many addresses.
 * - moves how=told|at_once|never: what clients do when the server sends them away.
 *
 * Of a range of clients, first= count=:
 * - open per_second= window= path= wire=socketio never_reads=1 target=
 * - close per_second= window=
 * - drop
 * - change per_second= seconds=: their statuses, in turn.
 * - say file= per_second=: each sends what is in the file, as one binary message.
 * - flood: from here on whoever is seen to have changed changes again, until "calm".
 *
 * Looking:
 * - wait for=COUNTER count= or wait seconds=
 * - report
 * - clear: all counters are 0 again.
 *
 * Every command takes timeout= (60 s): then it is answered with ok false and error "timed out".
 * Owns: the texts of the users file, the message. Borrows: the fleet. Threads: none. */
#ifndef ZP_BENCH_COMMANDS_H
#define ZP_BENCH_COMMANDS_H

#include "tests/bench/load/job.h"

typedef struct commands {
    fleet *fleet;
    job job;
    char *users;   /* what the tokens are views into */
    char *message; /* what the last `say` said */
} commands;

/* Takes one line, without its end; it is changed. What takes time becomes the job. */
void commands_take(commands *self, char *line);

/* Goes on with the job; answers when it is done. Returns when to call again at the latest. */
uint64_t commands_step(commands *self);

#endif
