"""The mutations: one mechanism each, taken out by one edit, under the faults that it is there for.

`old` stands in `path` exactly once. `faults` are the nemesis' (tests/nemesis --help)."""

from dataclasses import dataclass

_SCRIPTS = "services/presence-core/scripts/"
_EDGE = "services/ws-edge/"


@dataclass(frozen=True)
class Mutation:
    name: str
    what: str  # what it takes away
    path: str
    old: str
    new: str
    faults: str
    minutes: float = 0.6
    also: tuple = ()  # (path, old, new) of what guards the same, where one alone is made up for by the other


MUTATIONS = [
    Mutation("sweep", "nothing ends because its ends_at has passed", _SCRIPTS + "settle_lib.lua",
             "if source.ends_at > 0 and source.ends_at <= now then", "if false then", "kill-edge,remove-edge"),
    Mutation("lease", "an edge whose lease is over keeps its users", _SCRIPTS + "tick.lua",
             "local suspended = suspend_lost_edges()", "local suspended = 0", "kill-edge,remove-edge"),
    Mutation("fence", "an edge that lost its lease goes on as if it had one", _SCRIPTS + "lib.lua",
             "return lease_end ~= nil and lease_end > now", "return true", "freeze-edge", 1.6,
             ((_SCRIPTS + "statements.lua", "if not info or not leased(incarnation, now) then return { 0, current_seq() } end",
               "info = info or { floor = 0, edge = edge, successor = '-' }"),)),
    Mutation("grace", "users of a lost edge go offline with its lease", _SCRIPTS + "tick.lua",
             "math.max(lease_end, successor_end or lease_end) + grace_ms",
             "math.max(lease_end, successor_end or lease_end)", "kill-edge,drain-edge"),
    Mutation("take-over", "what a replaced incarnation said stays", _SCRIPTS + "statements.lua",
             "    elseif field == replaced_field then\n      remove_source(user, field)\n",
             "    elseif field == replaced_field then\n", "freeze-edge,redis-flushall", 1.0,
             ((_SCRIPTS + "announced.lua", "if info and (info.successor == incarnation or other == replaces) then",
               "if false then"),)),
    Mutation("statement-numbers", "an older statement changes newer state", _SCRIPTS + "statements.lua",
             "if number <= info.floor or (own and number <= own.number) then", "if false then",
             "point-dup-batch", 1.2),
    Mutation("beat-numbers", "a beat that waited in a core renews a dead edge's lease", _SCRIPTS + "beat.lua",
             "if number > tonumber(redis.call('HGET', BEATS, incarnation) or '-1') then", "if true then",
             "freeze-core,kill-edge,freeze-all-cores", 1.2),
    Mutation("clock-cap", "silence is counted while nobody listens", _SCRIPTS + "tick.lua",
             "math.min(ADVANCE_MOST_MS, clock_age(batch.real))", "clock_age(batch.real)",
             "redis-pause-long,freeze-all-watchers"),
    Mutation("epoch", "lost data goes unnoticed", _SCRIPTS + "epoch.lua",
             "if current == 0 or redis.call('GET', RUN_ID) ~= run_id then return true end",
             "if current == 0 then return true end\n  if current > 0 then return false end",
             "redis-restart-older,redis-restart"),
    Mutation("rebuilding", "bulk answers are given from data that is not complete", _SCRIPTS + "lib.lua",
             "return redis.call('EXISTS', REBUILD)", "return 0", "redis-flushall,redis-restart-empty"),
    Mutation("log", "transitions are not logged", _SCRIPTS + "settle_lib.lua",
             "redis.pcall('XADD', LOG, 'MAXLEN', '~', log_max, epoch .. '-' .. whole(batch.seq), unpack(entry))",
             "local _ = entry", "point-drop-pub,kill-fanout"),
    Mutation("mirror-restore", "a mirror that is missing stays missing", _SCRIPTS + "lib.lua",
             "if shown_status(user) == 'f' then return false end", "if true then return false end",
             "redis-del-mirrors", 0.6,
             ((_SCRIPTS + "touches.lua", "if own and own.letters ~= '-' and meta[1] and meta[1] ~= 'f' then", "if false then"),)),
    Mutation("resend", "what is not acknowledged is forgotten", _EDGE + "core_link_send.c",
             "!FAULT(NO_RESEND)", "false", "point-drop-ack,kill-core,redis-pause-short"),
    Mutation("re-announce", "a new incarnation announces nobody", _EDGE + "core_link.c",
             "if (!FAULT(NO_ANNOUNCE)) {", "if (link->lease.replaces[0] == '\\0') {", "redis-flushall,freeze-edge"),
    Mutation("fenced-edge", "an edge does not hear that its lease is over", _EDGE + "core_link.c",
             "if (about_this_life && reply->outcome == ZP__OUTCOME__OUTCOME_FENCED) {", "if (about_this_life && !reply) {",
             "freeze-edge", 1.2,
             ((_EDGE + "core_link.c", "if (link->lease.state == LEASE_HELD) {\n            lose_lease(link, \"it is over\");",
               "if (link->lease.state == LEASE_HELD && !ack) {\n            lose_lease(link, \"it is over\");"),)),
    Mutation("liveness", "silent sockets are kept", _EDGE + "liveness.c",
             ">= liveness->ttl_ms && !FAULT(NO_LIVENESS)", ">= liveness->ttl_ms && false", "point-skip-close"),
    Mutation("leave-delay", "that a user left is said as fast as that one came", _EDGE + "core/statement_queue.c",
             "leaving && now_ms >= leaving->statement->leaves_at_ms && now_ms >= queue->leaving_held_until_ms;",
             "leaving && now_ms > 0;", "freeze-core,link-stall,redis-pause-short", 1.0),
    Mutation("voiding", "that a user left is believed however long it waited in a core", "services/presence-core/edge_requests.c",
             "!FAULT(NO_VOIDING) ? said_ms", "!said_ms ? said_ms", "freeze-all-cores", 3.0),
    Mutation("gap-repair", "a fanout skips what it missed", "services/fanout/core_link.c",
             "if (request.kind == FEED_ASK_REPLAY && FAULT(NO_GAP_REPAIR)) {",
             "if (request.kind == FEED_ASK_REPLAY) {", "point-drop-pub"),
    Mutation("resync", "a subscriber that missed updates does not ask", "common/subscriber/fanout_link.c",
             "if (number == link->number + 1) {", "if (true) {", "point-drop-updates"),
    Mutation("differences", "a watcher is told what it knows", "common/presence/watch_view.c",
             "    if (from != status) {\n        view->tell(view->context, &change);",
             "    if (status != STATUS_OFFLINE) {\n        view->tell(view->context, &change);",
             "kill-fanout,point-drop-updates"),
    Mutation("coalescing", "a slow client's updates are sent although they cancel out", _EDGE + "core/update_log.c",
             "seen_in(form, from) == seen_in(form, item->to)",
             "(seen_in(form, from) == seen_in(form, item->to) && out_bytes == 0)", "slow-observer"),
]
