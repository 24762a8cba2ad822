"""Many clients on several edges, and clients that move from one edge to another."""

import dataclasses
import statistics
import time

from .bench import CannotMeasure, all_of, settle, settled_memory_kb
from .rows_cost import US, ping_window
from .subject import http

NS_OF_MS = 1e6
AFTER_GRACE_S = 2
BACK_WITHIN_S = 60
BULK_MAX_IDS = 1000


def scale(bench, make):
    """The same PINGs a second for each edge, few sockets on one edge and many on several: so that what is compared is
    how many there are, and not how well they share a batch."""
    sizes = bench.sizes
    few_interval_ms = round(sizes.large_interval_ms * sizes.large_small * sizes.large_edges / sizes.large_sockets)
    few = _scale_once(bench, make, 1, sizes.large_small, few_interval_ms)
    many = _scale_once(bench, make, sizes.large_edges, sizes.large_sockets, sizes.large_interval_ms)
    span = f"{sizes.large_sockets:,} sockets over {sizes.large_edges} edges, against {sizes.large_small:,} on one"
    socket = bench.line("scale", "zpresence", f"ws-edge: memory per socket, {span}", "x", target=1.2, digits=2)
    socket.values = [many.kb / few.kb]
    socket.notes = [f"{many.kb:.2f} KB against {few.kb:.2f}, from an empty edge; all processes and Redis: {many.all_kb:.2f} KB a "
                    f"user; opened at {many.opened_per_second:,.0f}/s"]
    ping = bench.line("scale", "zpresence", f"whole-system CPU per PING, {span}", "x", target=1.2, digits=2)
    ping.values = [cost / statistics.median(few.costs) for cost in many.costs]
    ping.notes = [f"{statistics.median(many.costs):.1f} us against {statistics.median(few.costs):.1f} without what the idle system "
                  f"takes, {statistics.median(many.gross):.1f} against {statistics.median(few.gross):.1f} with it; "
                  f"{many.rate:,.0f} PINGs/s against {few.rate:,.0f}{_disturbance(many.statements + few.statements)}"]
    for window, pings in many.windows:
        ping.add_window(window, pings / US, "us per PING")


@dataclasses.dataclass
class _Scale:
    kb: float
    all_kb: float
    opened_per_second: float
    rate: float = 0
    statements: float = 0  # sent while only PINGs went
    costs: list = dataclasses.field(default_factory=list)  # us per PING, without what the idle system takes
    gross: list = dataclasses.field(default_factory=list)
    windows: list = dataclasses.field(default_factory=list)


def _scale_once(bench, make, edges, sockets, interval_ms):
    sizes = bench.sizes
    with make(edges=edges, PING_INTERVAL=interval_ms) as subject:
        floor = bench.floor(subject)
        empty = settled_memory_kb(subject, sizes.still_s)
        with bench.fleet(subject, users=sockets, processes=edges) as fleet:
            began = time.monotonic()
            fleet.open_users(sockets, window=64 * edges)
            took = time.monotonic() - began
            full = settled_memory_kb(subject, sizes.still_s)
            result = _Scale(sum(full[name] - empty[name] for name in subject.front) / sockets,
                            sum(full[name] - empty[name] for name in full) / sockets, sockets / took)
            fleet.pause(interval_ms / 1000)
            result.statements = -_announced(subject)
            for _ in bench.rounds():
                window, pings = ping_window(fleet, subject, sizes.large_s)
                result.windows.append((window, pings))
                result.rate = pings / window.seconds
                result.gross.append(window.cpu_s(subject.pids) / pings * US)
                result.costs.append(result.gross[-1] - floor / result.rate * US)
            result.statements += _announced(subject)
    return result


def _announced(subject):
    """Statements sent by all edges. None are due where nobody comes or goes: if there are, an edge has lost its lease on a machine
    that was too busy, and has announced everybody again."""
    return sum(subject.part(name).metric("zpresence_edge_statements_total") for name in subject.front)


def _disturbance(statements):
    return f"; DISTURBED: {statements:,.0f} statements meanwhile, as an edge announced its users again" if statements else ""


def idle(bench, make):
    sizes = bench.sizes
    with make(edges=sizes.idle_edges) as subject:
        line = bench.line("idle", subject.name, f"{sizes.idle_sockets:,} idle users on {sizes.idle_edges} edges, PINGs every 120 s: "
                          "CPU of the whole system", "% of a core", target=3, digits=2)
        floor = bench.floor(subject)
        with bench.fleet(subject, users=sizes.idle_sockets, processes=sizes.idle_edges) as fleet:
            fleet.open_users(sizes.idle_sockets, window=64 * sizes.idle_edges)
            fleet.pause(min(5, sizes.idle_s))
            fleet.clear()
            statements = _announced(subject)
            window = all_of(subject, fleet)
            fleet.pause(sizes.idle_s)
            pings = fleet.total("pings")
            window.end()
            statements = _announced(subject) - statements
        line.values = [window.cpu_s(subject.pids) / window.seconds * 100]
        line.add_window(window, window.seconds / 100, "% of a core")
        line.notes = [f"over {window.seconds:.0f} s, with {pings / window.seconds:.0f} PINGs/s; "
                      f"without any user: {floor * 100:.2f} %{_disturbance(statements)}"]


def reconnect(bench, make):
    """An edge gets SIGTERM. Its clients come back to another one as they were told, or all at once, while others there
    change and watch."""
    sizes = bench.sizes
    for how in ("told", "at_once"):
        lines = None
        for _ in bench.rounds():
            with make(edges=2, RECONNECT_GRACE_MS=sizes.grace_ms, RECONNECT_SPREAD_MS=sizes.spread_ms) as subject:
                lines = lines or _reconnect_lines(bench, subject, how)
                _reconnect_once(bench, subject, how, lines)


def _reconnect_lines(bench, subject, how):
    movers = bench.sizes.movers
    when = "when they were told to" if how == "told" else "at once"
    who = f"{movers:,} clients of an edge that gets SIGTERM come to another one {when}"
    offline = bench.line("reconnect", subject.name, f"{who}: frames that showed anybody offline", "frames", target=0, digits=0)
    last = bench.line("reconnect", subject.name, f"{who}: until the last is back", "s", digits=2)
    frame = bench.line("reconnect", subject.name, f"{who}: longest way of a frame to those connected already", "ms",
                       target=1000, digits=0)
    return offline, last, frame


def _reconnect_once(bench, subject, how, lines):
    """The clients of the other edge are the last ones of the fleet: they change, and one of them watches."""
    sizes = bench.sizes
    users = sizes.movers + sizes.changers
    offline, last, frame = lines
    with bench.fleet(subject, users=users, watchers=1) as fleet:
        load, leaving = fleet.loads[0], subject.part("ws-edge-1")
        load.command(f"moves how={how}")
        fleet.open_watchers(more="target=1")
        fleet.open_users(sizes.changers, first=sizes.movers, more="target=1")
        fleet.open_users(sizes.movers, more="target=0")
        settle(fleet)
        fleet.clear()
        began_ns = time.monotonic_ns()
        leaving.terminate()
        _change_until_all_are_back(load, fleet, sizes)
        leaving.stopped()
        subject.parts.remove(leaving)
        report = load.command(f"wait seconds={sizes.grace_ms / 1000 + AFTER_GRACE_S}")
        if report["open"] != users + 1:
            raise CannotMeasure(f"{report['open']} of {users + 1} are open: {report['failures']}")
        wrong = _offline_in_bulk(subject, fleet.watchers, users)
    offline.values.append(report["statuses"]["offline"])
    offline.notes[:] = [f"{report['retried']:,} attempts came to nothing and were repeated ({_reasons(report)}); {wrong} of {users:,} "
                        "are offline in the bulk answer after the grace"]
    last.values.append((report["last_moved_ns"] - began_ns) / 1e9)
    frame.values.append(report["seen"]["max_ns"] / NS_OF_MS)
    frame.notes[:] = [f"p50 {report['seen']['p50_ns'] / NS_OF_MS:.1f} ms, p99 {report['seen']['p99_ns'] / NS_OF_MS:.1f}, of "
                      f"{report['seen']['count']:,}"]


def _reasons(report):
    return ", ".join(f"{reason}: {count:,}" for reason, count in report["failures"].items()) or "none"


def _change_until_all_are_back(load, fleet, sizes):
    line = (f"change first={fleet.watchers + sizes.movers} count={sizes.changers} per_second={sizes.changes_per_second} "
            "seconds=1")
    for _ in range(BACK_WITHIN_S):
        answer = load.command(line)
        if answer["moved"] >= sizes.movers:
            return
    raise CannotMeasure(f"after {BACK_WITHIN_S} s {answer['moved']} of {sizes.movers} are back: {answer['failures']}")


def _offline_in_bulk(subject, first, count):
    wrong = 0
    for begin in range(first, first + count, BULK_MAX_IDS):
        ids = [f"u{number:07d}" for number in range(begin, min(begin + BULK_MAX_IDS, first + count))]
        answer = http.post_json(f"127.0.0.1:{subject.api_port}", "/api/presence/status", {"userIds": ids})
        if answer.status != 200:
            raise CannotMeasure(f"the bulk query answers {answer.status}")
        wrong += sum(state["status"] == "offline" for state in answer.json().values())
    return wrong
