"""What a change costs on its way to those who watch, and how long it takes."""

import time

from .bench import CannotMeasure, all_of, settle
from .usage import resident_kb

US = 1e6
NS_OF_MS = 1e6
FLOOD_BEYOND = 1.2  # times what the log of updates holds
FLOOD_PER_SECOND = 1000
FLOOD_WITHIN_S = 120


def storm(bench, make):
    with make() as subject:
        ours = subject.name == "zpresence"
        count = bench.sizes.storm if subject.name.startswith("zpresence") else bench.sizes.storm_peer
        frames = count * count
        line = bench.line("storm", subject.name, f"{count:,} users connect, {count:,} watch them: CPU of "
                          f"{'ws-edge' if subject.name.startswith('zpresence') else 'the server'} per delivered frame", "us",
                          target=0.5 if ours else None, digits=2)
        with bench.fleet(subject, users=count, watchers=count) as fleet:
            fleet.open_watchers()
            settle(fleet)
            for _ in bench.rounds():
                fleet.clear()
                window = all_of(subject, fleet)
                fleet.open_users(count)
                seen = fleet.wait_updates(frames, 120)
                window.end()
                front = window.cpu_s(subject.front)
                line.values.append(front / frames * US)
                line.add_window(window, frames / US, "us per frame")
                line.notes[:] = [f"{frames:,} frames in {window.seconds:.2f} s, the handshakes included; from connect to frame "
                                 f"p50 {seen['seen']['p50_ns'] / NS_OF_MS:.0f} ms, p99 {seen['seen']['p99_ns'] / NS_OF_MS:.0f}"]
                fleet.close_users(count)
                fleet.wait_updates(2 * frames, 120)


def latency(bench, make):
    sizes = bench.sizes
    with make() as subject, bench.fleet(subject, users=sizes.changers, watchers=sizes.watchers) as fleet:
        ours = subject.name == "zpresence"
        what = f"change to frame at {sizes.changes_per_second} changes/s and {sizes.watchers} watchers"
        half = bench.line("latency", subject.name, f"{what}, p50", "ms", target=8 if ours else None, digits=2)
        most = bench.line("latency", subject.name, f"{what}, p99", "ms", target=25 if ours else None, digits=2)
        fleet.open_watchers()
        fleet.open_users(sizes.changers)
        settle(fleet)
        for _ in bench.rounds():
            window = all_of(subject, fleet)
            seen = changes_seen(fleet, _changers(fleet, sizes), sizes.changes_per_second, sizes.changes_s, sizes.watchers)
            window.end()
            half.values.append(seen["p50_ns"] / NS_OF_MS)
            most.values.append(seen["p99_ns"] / NS_OF_MS)
            half.add_window(window, window.seconds / 100, "% of a core")
            most.others_cores.append(window.others_cores)
            most.notes[:] = [f"slowest of {seen['count']:,} frames: {seen['max_ns'] / NS_OF_MS:.1f} ms"]


def changes_seen(fleet, changers, per_second, seconds, watchers):
    """Changes of these clients (first, count) in turn; `watchers` must have heard each. Returns how long that took."""
    fleet.clear()
    load, (first, count) = fleet.loads[0], changers
    load.command(f"change first={first} count={count} per_second={per_second} seconds={seconds}", seconds + 30)
    wanted = load.command("report")["changes"] * watchers
    answer = load.command(f"wait for=seen count={wanted}", 20, must=False)
    if not answer["ok"]:
        raise CannotMeasure(f"of {wanted} frames {answer['seen']['count']} came")
    return answer["seen"]


def _changers(fleet, sizes):
    return fleet.watchers, sizes.changers


def statuses(bench, make):
    """A closed loop: whoever has been seen to have changed changes again."""
    sizes = bench.sizes
    with make() as subject, bench.fleet(subject, users=sizes.flood_users, watchers=1) as fleet:
        ours = subject.name == "zpresence"
        line = bench.line("statuses", subject.name, "status changes of WebSocket clients seen at a watcher"
                          + (", one presence-core, one Redis" if ours else ""), "/s",
                          target=20000 if ours else None, at_least=True, digits=0)
        fleet.open_watchers()
        fleet.open_users(sizes.flood_users)
        settle(fleet)
        load = fleet.loads[0]
        load.command(f"flood first={fleet.watchers} count={sizes.flood_users}")
        load.command(f"wait seconds={sizes.flood_warm_s}")
        for _ in bench.rounds():
            before = load.command("clear")
            window = all_of(subject, fleet)
            after = load.command(f"wait seconds={sizes.flood_s}", sizes.flood_s + 30)
            window.end()
            seen = after["seen"]["count"]
            if seen == 0:
                raise CannotMeasure("no change was seen")
            line.values.append(seen / ((after["now_ns"] - before["now_ns"]) / 1e9))
            line.add_window(window, window.seconds / 100, "% of a core")
            line.notes[:] = [f"{sizes.flood_users:,} users, each with one change under way: seen after "
                             f"{after['seen']['p50_ns'] / NS_OF_MS:.0f} ms (p99 {after['seen']['p99_ns'] / NS_OF_MS:.0f}); "
                             f"whole-system CPU per change {window.cpu_s(subject.pids) / seen * US:.0f} us"]
        load.command("calm")
        settle(fleet)


def slow(bench, make):
    """Twice the same, without and with 5 % of watchers that never read; then so much that they must be closed."""
    sizes = bench.sizes
    deaf = max(1, sizes.watchers // 20)
    line = bench.line("slow", "zpresence", f"{sizes.watchers} watchers and {deaf} that never read: p99 of the others, against "
                      f"that without the {deaf}", "x", target=1.5, digits=2)
    bound = bench.line("slow", "zpresence", "memory that ws-edge grew by while they were flooded with what they did not read", "MB")
    for _ in bench.rounds():
        p99 = {}
        for never_reading in (0, deaf):
            # A change beyond MESSAGES_PER_SECOND is dropped, never seen, and would end the flood of that client.
            with make(OUTBOX_UPDATES_MAX=sizes.outbox_updates, MESSAGES_PER_SECOND=0) as subject, \
                    bench.fleet(subject, users=sizes.changers, watchers=sizes.watchers + deaf) as fleet:
                _open_slow(fleet, sizes, never_reading)
                window = all_of(subject, fleet)
                seen = changes_seen(fleet, _changers(fleet, sizes), sizes.changes_per_second, sizes.changes_s, sizes.watchers)
                line.others_cores.append(window.end().others_cores)
                p99[never_reading] = seen["p99_ns"] / NS_OF_MS
                if never_reading:
                    _flood_slow(fleet, subject, sizes, bound, deaf)
        line.values.append(p99[deaf] / p99[0])
        line.notes[:] = [f"p99 {p99[0]:.1f} ms without them, {p99[deaf]:.1f} ms with them"]


def _open_slow(fleet, sizes, never_reading):
    fleet.open_watchers(sizes.watchers)
    if never_reading:
        fleet.open_watchers(never_reading, "never_reads=1", first=sizes.watchers)
    fleet.open_users(sizes.changers)
    settle(fleet)


def _flood_slow(fleet, subject, sizes, bound, deaf):
    """More than the log of updates holds; in the end the others must still hear every change."""
    load, edge = fleet.loads[0], subject.part("ws-edge-1")
    before_kb, most_kb = resident_kb(edge.pid), 0
    wanted, updates = round(sizes.outbox_updates * FLOOD_BEYOND * sizes.watchers), 0
    fleet.clear()
    # At a rate, not in a closed loop: among watchers that are at different places, that loop would feed itself.
    flood = f"change first={fleet.watchers} count={sizes.changers} per_second={FLOOD_PER_SECOND} seconds=0.25"
    deadline = time.monotonic() + FLOOD_WITHIN_S

    def closed():
        return edge.metric("zpresence_edge_slow_clients_closed_total")

    # Those who never read have room in the kernel besides: where the log is small, that is more than it holds.
    while updates < wanted or closed() < deaf:
        if time.monotonic() > deadline:
            raise CannotMeasure(f"after {FLOOD_WITHIN_S} s {updates:,} of {wanted:,} frames came, {closed():.0f} of {deaf} were closed")
        load.command(flood, 30)
        updates = load.command("report")["updates"]
        most_kb = max(most_kb, resident_kb(edge.pid))
    settle(fleet)
    changes_seen(fleet, _changers(fleet, sizes), sizes.changes_per_second, 1, sizes.watchers)
    bound.values.append((most_kb - before_kb) / 1024)
    bound.notes[:] = [f"{updates / sizes.watchers:,.0f} updates: {closed():.0f} of {deaf} were closed with 1013; after it the others heard "
                      "every change"]
    if closed() != deaf:
        raise CannotMeasure(f"{closed():.0f} were closed, of whom {deaf} never read")
