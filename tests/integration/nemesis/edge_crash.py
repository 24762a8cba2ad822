"""The crash of a full edge: thousands of users on one, which is killed; about half of them come back on the other inside
lease and grace, the others do not. Says what was worst, from the journal; the verdict is the checker's."""

import json
import time

from . import views
from .run import Run
from .world import World

_SHAPE = {"edges": 2, "cores": 2, "watchers": 2, "fanouts": 2, "apis": 1}
# The grace is long enough for thousands of clients to come back one after the other, and PINGs are rare: what is
# measured is the crash, on a machine that also runs the clients.
_SETTINGS = {"PRESENCE_TTL": 9, "PING_INTERVAL": 3000, "RECONNECT_GRACE_MS": 3000}
_LOAD_PROCESSES = 2
_ARRIVALS_A_SECOND = 500
_COME_BACK_WITHIN_S = 3.0
_PATIENCE_S = 15.0


def crash_an_edge(folder, chosen):
    """`chosen`: seed, edge_crash (users), disturbed_too."""
    world = World(folder, chosen.seed, chosen.edge_crash, _SHAPE, _SETTINGS)
    lost, other = world.system.edges
    load = {"processes": _LOAD_PROCESSES, "rate": 0, "home": lost.name, "gives_up": 0.5, "heartbeat_s": 60,
            "arrive_s": chosen.edge_crash / _ARRIVALS_A_SECOND, "backoff_s": _COME_BACK_WITHIN_S}
    with Run(world, chosen.disturbed_too, **load) as run:
        print(f"{sum(load.ask('report')['open'] for load in world.loads)} connections at {lost.name}", flush=True)
        world.journal.note("fault", id=1, name="kill", target=lost.name, phase="begin")
        killed_at = time.monotonic()
        world.kill(lost)
        world.journal.note("fault", id=1, name="kill", target=lost.name, phase="end")
        recovery_s, found = views.wait_agreement(world, killed_at, _PATIENCE_S, run.supervise)
        print(f"all views agreed {recovery_s:.2f} s after the kill" if recovery_s is not None else
              f"views do NOT agree: {found[:5]}", flush=True)
        world.journal.note("fault", id=2, name="return", target=lost.name, phase="begin")
        world.bring_back(lost)
        world.journal.note("fault", id=2, name="return", target=lost.name, phase="end")
    print("\n".join(_measured(world, lost.name, other.name, killed_at)), flush=True)


def _lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _measured(world, lost, other, killed_at):
    back = _came_back(world, other)
    gone = set(world.users) - set(back)
    told, offline_at = set(), {}
    for path in sorted(world.journal_folder.glob("observer-*.jsonl")):
        lines = _lines(path)
        if any(line["ev"] == "lost" for line in lines):
            continue  # it stood at the edge that was lost
        for line in lines:
            if line["ev"] == "frame" and line["status"] == "offline" and line["t"] > killed_at:
                (told.add(line["user"]) if line["user"] in back else
                 offline_at.setdefault(line["user"], []).append(line["t"] - killed_at))
    last = [max(times) for times in offline_at.values()]
    yield f"came back: {len(back)}, the last {max(back.values()) - killed_at:.2f} s after the kill"
    yield f"  of them shown offline to anybody: {len(told)}"
    yield f"did not: {len(gone)}, of them seen offline: {len(offline_at)}"
    if last:
        yield (f"  the first {min(last):.2f} s, the last {max(last):.2f} s after the kill; bound "
               f"{world.system.edge_death_s:g} s")


def _came_back(world, edge):
    """{user: when the connection at `edge` was open}."""
    user_of, back = {}, {}
    for path in world.journal_folder.glob("load-*.jsonl"):
        for line in _lines(path):
            if line["ev"] == "connect" and line["edge"] == edge:
                user_of[line["conn"]] = line["user"]
            elif line["ev"] == "open" and line["conn"] in user_of:
                back.setdefault(user_of[line["conn"]], line["t"])
    return back
