"""What a client costs: memory, a connect, a PING."""

from .bench import CannotMeasure, all_of, settle, settled_memory_kb

US = 1e6


def memory(bench, make):
    """A fresh system for each round: memory that was used once is not given back."""
    sizes, lines = bench.sizes, None
    for _ in bench.rounds():
        with make() as subject:
            to = sizes.memory_to_gateway if getattr(subject, "gateway", False) else sizes.memory_to
            lines = lines or _memory_lines(bench, subject, to)
            with bench.fleet(subject, users=to) as fleet:
                empty = settled_memory_kb(subject, sizes.still_s)
                fleet.open_users(sizes.memory_from)
                few = settled_memory_kb(subject, sizes.still_s)
                fleet.open_users(to - sizes.memory_from, first=sizes.memory_from)
                many = settled_memory_kb(subject, sizes.still_s)
            _add_memory(lines, subject, empty, few, many, to - sizes.memory_from)


def _memory_lines(bench, subject, to):
    ours = subject.name == "zpresence"
    span = f"{bench.sizes.memory_from:,} to {to:,}"
    front = "ws-edge" if subject.name.startswith("zpresence") else "the server"
    lines = {"socket": bench.line("memory", subject.name, f"{front}: memory per idle authenticated socket, slope from {span}", "KB",
                                  target=1.9 if ours else None, digits=2),
             "base": bench.line("memory", subject.name, f"{front}: memory without a socket", "MB"),
             "user": bench.line("memory", subject.name, f"all processes and Redis: memory per online user, slope from {span}", "KB",
                                target=3.5 if ours else None, digits=2)}
    if getattr(subject, "gateway", False):
        lines["gateway"] = bench.line("memory", subject.name, f"HAProxy: memory per idle socket, slope from {span}", "KB", digits=2)
    return lines


def _add_memory(lines, subject, empty, few, many, count):
    def slope(names):
        return sum(many[name] - few[name] for name in names) / count

    lines["socket"].values.append(slope(subject.front))
    lines["base"].values.append(sum(empty[name] for name in subject.front) / 1024)
    lines["user"].values.append(slope(many))
    parts = ", ".join(f"{name} {(many[name] - few[name]) / count:.2f}" for name in many if many[name] > few[name])
    lines["user"].notes[:] = [parts]
    if "gateway" in lines:
        lines["gateway"].values.append(slope(["gateway"]))


def connect(bench, make):
    """As fast as they come with 64 handshakes at once, which is how a storm looks; and at a quiet pace, at which hardly any
    two connects share a message or a script call."""
    sizes = bench.sizes
    with make() as subject, bench.fleet(subject, users=sizes.connects, watchers=1) as fleet:
        target = 150 if subject.name == "zpresence" else None
        what = "whole-system CPU per connect: handshake, transition, one watcher"
        fast = bench.line("connect", subject.name, f"{what}; as fast as it goes", "us", target=target)
        paced = bench.line("connect", subject.name, f"{what}; {sizes.connects_per_second:,}/s offered", "us", target=target)
        fleet.open_watchers()
        floor = bench.floor(subject)
        for _ in bench.rounds():
            _connect_once(fleet, subject, fast, sizes.connects, 0, floor)
            _connect_once(fleet, subject, paced, sizes.connects, sizes.connects_per_second, floor)


def _connect_once(fleet, subject, line, count, per_second, floor):
    fleet.clear()
    window = all_of(subject, fleet)
    fleet.open_users(count, per_second=per_second)
    seen = fleet.wait_updates(count)["seen"]
    window.end()
    line.values.append(window.cpu_s(subject.pids) / count * US)
    line.add_window(window, count / US, "us per connect")
    line.notes[:] = [f"{count / window.seconds:,.0f} connects/s; {floor * window.seconds / count * US:.1f} us of it are what the idle "
                     f"system takes; from connect to frame p50 {seen['p50_ns'] / 1e6:.1f} ms, p99 {seen['p99_ns'] / 1e6:.1f}"]
    fleet.close_users(count)
    settle(fleet)


def ping(bench, make):
    sizes = bench.sizes
    with make(PING_INTERVAL=sizes.ping_interval_ms) as subject:
        sockets = sizes.ping_sockets_gateway if getattr(subject, "gateway", False) else sizes.ping_sockets
        with bench.fleet(subject, users=sockets) as fleet:
            line = bench.line("ping", subject.name, "whole-system CPU per PING + PONG + TTL refresh", "us",
                              target=30 if subject.name == "zpresence" else None)
            floor = bench.floor(subject)
            fleet.open_users(sockets)
            fleet.pause(sizes.ping_interval_ms / 1000)
            for _ in bench.rounds():
                window, pings = ping_window(fleet, subject, sizes.ping_s)
                rate = pings / window.seconds
                line.values.append(window.cpu_s(subject.pids) / pings * US)
                line.add_window(window, pings / US, "us per PING")
                line.notes[:] = [f"{rate:,.0f} PINGs/s to {sockets:,} sockets; "
                                 f"{floor / rate * US:.1f} us of it are what the idle system takes"]


def ping_window(fleet, subject, seconds):
    """Returns the window, and how many PINGs came in it."""
    fleet.clear()
    window = all_of(subject, fleet)
    fleet.pause(seconds)
    pings = fleet.total("pings")
    window.end()
    if pings == 0:
        raise CannotMeasure(f"no PING came in {seconds:g} s")
    return window, pings
