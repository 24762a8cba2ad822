"""Invariant 12: what a run leaves behind in memory, descriptors, queues and Redis is bounded. The first calm seconds
are compared with the last ones, each the median of a few samples; what more clients and more users need is granted."""

from statistics import median

from ..violation import of_run

_SAMPLES, _SAMPLES_LEAST = 5, 2
_MIB = 1 << 20
# Of memory: allocators keep what a storm needed, and return it late.
_RSS_SHARE, _RSS_BYTES = 1.25, 16 * _MIB
# A client's socket, session and outbox; a user's keys; a row of presence:log, which is bounded by LOG_MAX.
_SOCKET_BYTES, _USER_BYTES, _USER_KEYS, _ROW_BYTES = 64 << 10, 2048, 3, 256
_FDS, _KEYS, _QUEUED = 32, 128, 100
# Counts of what is there, not of what waits.
_HOLDINGS = ("users", "sockets", "subscribers")


def check(run):
    for name, rows in run.journal.processes.items():
        yield from _check_process(run, name, rows)
    first, last = _ends(run, run.journal.redis)
    if first is None:
        return
    began, ended = first[-1][0], last[-1][0]
    users = _more(first, last, lambda t: _users_by(run, t))
    transitions = sum(began < row.t <= ended for row in run.log.rows)
    yield from _compare(run, "redis", "used_memory_bytes", first, last, 1, _RSS_SHARE,
                        _RSS_BYTES + users * _USER_BYTES + transitions * _ROW_BYTES)
    yield from _compare(run, "redis", "keys", first, last, 2, 1.0, _KEYS + users * _USER_KEYS)


def judged(run):
    """Of how many processes growth could be judged."""
    judged_count = sum(_ends(run, rows)[0] is not None for rows in run.journal.processes.values())
    return f"{judged_count} of {len(run.journal.processes)}"


def _check_process(run, name, rows):
    first, last = _ends(run, rows)
    if first is None:
        return
    sockets = _more(first, last, lambda t: _sockets(run, name, t))
    yield from _compare(run, name, "rss_bytes", first, last, 1, _RSS_SHARE, _RSS_BYTES + sockets * _SOCKET_BYTES)
    yield from _compare(run, name, "fds", first, last, 2, 1.0, _FDS + sockets)
    first, last = _ends(run, [row for row in rows if row[3]])
    for queue in sorted({queue for row in last or () for queue in row[3]}):
        before, after = _queue(first, queue), _queue(last, queue)
        granted = _users_by(run, last[-1][0]) * 4 if any(word in queue for word in _HOLDINGS) else 0
        if before is not None and after > before + _QUEUED + granted:
            yield of_run(run, "growth", last[-1][0], f"{name}: {queue} grew from {before:g} to {after:g}")


def _ends(run, rows):
    """The first and the last calm samples, or (None, None) where there are too few to tell them apart."""
    calm = [row for row in rows if run.calendar.all_disturbed.is_calm(row[0])]
    count = min(_SAMPLES, len(calm) // 2)
    return (calm[:count], calm[-count:]) if count >= _SAMPLES_LEAST else (None, None)


def _more(first, last, count_at):
    """How many more there are. At the moments of the samples: the first ones are taken while the users come."""
    before, after = (median(count_at(row[0]) for row in rows) for rows in (first, last))
    return max(0, after - before)


def _compare(run, name, what, first, last, column, share, granted):
    before, after = median(row[column] for row in first), median(row[column] for row in last)
    if after > before * share + granted:
        yield of_run(run, "growth", last[-1][0], f"{name}: {what} grew from {before:g} to {after:g}")


def _queue(rows, queue):
    values = [row[3][queue] for row in rows if queue in row[3]]
    return median(values) if values else None


def _sockets(run, edge, t):
    """Open at `edge` at t; of whatever is no edge, all that are open: each may stand for something there."""
    is_edge = edge in {connection.edge for connection in run.journal.connections.values()}
    return sum(1 for connection in run.journal.connections.values()
               if connection.opened is not None and connection.opened <= t and (not is_edge or connection.edge == edge)
               and not any(event and event[0] <= t for event in (connection.close, connection.closed)))


def _users_by(run, t):
    return sum(connections[0].connect <= t for connections in run.timelines.connections.values())
