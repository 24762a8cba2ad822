"""What it costs to watch by name and by group (33), and to be told of those on a list."""

import time

import msgpack

from .bench import CannotMeasure, all_of
from .rows_flow import NS_OF_MS, US, changes_seen

USER_ADD, USER_REMOVE, SUBSCRIBE = 15, 16, 33
ROOM = "room"
AFTER_S = 2  # a group is looked at again within GROUP_REFRESH_MS, which is one


def lists(bench, make):
    """Nobody hears of everybody. `watchers` watch the same users, by name, then as members of a group; all members
    leave it in one moment, while others go on being told of theirs."""
    sizes = bench.sizes
    with make() as subject:
        span = f"{sizes.list_watchers:,} clients watch {sizes.listed} users"
        named = _edge_line(bench, f"{span} by name: CPU of ws-edge per user named in a 32")
        told = _edge_line(bench, f"{span} by name, all of whom change: CPU of ws-edge per delivered frame")
        grouped = _edge_line(bench, f"{span} as a group: CPU of ws-edge per user named in a 32")
        emptied = bench.line("lists", "zpresence", f"{span} as a group, and all leave it at once: longest way of a frame to another "
                             "client meanwhile", "ms")
        people = _People(sizes)
        with bench.fleet(subject, users=people.count) as fleet:
            fleet.open_users(people.count)
            crowd = _Crowd(fleet, subject, people)
            crowd.say(people.witness, {"messageType": SUBSCRIBE, "userIds": crowd.ids(people.changers)})
            for _ in bench.rounds():
                crowd.measure(named, {"messageType": SUBSCRIBE, "userIds": crowd.ids(people.listed)})
                _tell(crowd, told, sizes)
                crowd.say(people.listed, {"messageType": USER_ADD, "toId": ROOM})
                fleet.pause(AFTER_S)
                crowd.measure(grouped, {"messageType": SUBSCRIBE, "groupIds": [ROOM]})
                emptied.values.append(_empty(crowd, sizes))


def _edge_line(bench, what):
    return bench.line("lists", "zpresence", what, "us", digits=2)


class _People:
    """Ranges of a fleet's users: (first, count)."""

    def __init__(self, sizes):
        self.watchers = (0, sizes.list_watchers)
        self.listed = (sizes.list_watchers, sizes.listed)
        self.changers = (sizes.list_watchers + sizes.listed, sizes.list_changers)
        self.witness = (sum(self.changers), 1)
        self.count = sum(self.witness)


class _Crowd:
    def __init__(self, fleet, subject, people):
        self.fleet, self.subject, self.people = fleet, subject, people

    def ids(self, people):
        first, count = people
        return [f"u{number:07d}" for number in range(first, first + count)]

    def send(self, people, message):
        first, count = people
        file = self.subject.folder / "message"
        file.write_bytes(msgpack.packb(message))
        self.fleet.all(f"say first={first} count={count} file={file}")

    def say(self, people, message, still_s=0.3, within_s=60):
        """Sends, and waits until nothing is heard any more."""
        self.send(people, message)
        deadline, before = time.monotonic() + within_s, None
        while (heard := self.fleet.pause(still_s)[0]["bytes"]) != before:
            if time.monotonic() > deadline:
                raise CannotMeasure("clients hear ever more")
            before = heard

    def measure(self, line, message):
        """What it costs the edge that all watchers send this, and have everybody named to them."""
        self.fleet.clear()
        window = all_of(self.subject, self.fleet)
        self.say(self.people.watchers, message)
        window.end()
        count = self.people.watchers[1] * self.people.listed[1]
        line.values.append(window.cpu_s(self.subject.front) / count * US)
        line.add_window(window, count / US, "us per user named")
        line.notes[:] = [f"{self.fleet.total('others'):,} frames, {self.fleet.total('bytes') / count:.0f} bytes a user, in "
                         f"{window.seconds:.1f} s"]


def _tell(crowd, line, sizes):
    """Each on the list changes once, as fast as in the storm of those who connect."""
    rate = sizes.list_changes_per_second
    window = all_of(crowd.subject, crowd.fleet)
    seen = changes_seen(crowd.fleet, crowd.people.listed, rate, sizes.listed / rate, sizes.list_watchers)
    window.end()
    line.values.append(window.cpu_s(crowd.subject.front) / seen["count"] * US)
    line.add_window(window, seen["count"] / US, "us per frame")
    line.notes[:] = [f"{seen['count'] / window.seconds:,.0f} frames/s; from change to frame p50 {seen['p50_ns'] / NS_OF_MS:.1f} ms, "
                     f"p99 {seen['p99_ns'] / NS_OF_MS:.1f}"]


def _empty(crowd, sizes):
    """Longest way, in ms, of a change to the witness while the members go."""
    crowd.send(crowd.people.listed, {"messageType": USER_REMOVE, "toId": ROOM})
    seen = changes_seen(crowd.fleet, crowd.people.changers, sizes.changes_per_second, AFTER_S, 1)
    return seen["max_ns"] / NS_OF_MS
