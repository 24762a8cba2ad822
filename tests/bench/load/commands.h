/* commands - the lines by which a driver steers a generator. Each is answered by one line of JSON, when it is
 * done:
 *   {"ok", "error", "seconds", "now_ns", "cpu_s", "open", counters…}
 *
 *   users FILE                          a line per client: the token; the user id's digits are those of
 * `first_number` plus the line's number, from 0. [first_number=N] targets A:P[,A:P…]                  clients
 * connect to them in turn. [source=A sources=N]: from these addresses open first= count= [per_second= window=
 * path= wire=socketio never_reads=1 target=N] close first= count=                 [per_second= window=] drop
 * first= count= change first= count= per_second= seconds= flood first= count=                 from here on
 * whoever is seen to have changed changes again calm                                no longer moves
 * how=told|at_once|never        what clients do when the server sends them away wait for=COUNTER count=N or:
 * wait seconds=S report clear                               all counters are 0 again
 *
 * Every command takes timeout=S (60): then it is answered with ok false and error "timed out".
 * Owns: the texts of the users file. Borrows: the fleet. Threads: none. */
#ifndef ZP_BENCH_COMMANDS_H
#define ZP_BENCH_COMMANDS_H

#include "tests/bench/load/job.h"

typedef struct commands {
    fleet *fleet;
    job job;
    char *users; /* what the tokens are views into */
} commands;

/* Takes one line, without its end; it is changed. What takes time becomes the job. */
void commands_take(commands *self, char *line);

/* Goes on with the job; answers when it is done. Returns when to call again at the latest. */
uint64_t commands_step(commands *self);

#endif
