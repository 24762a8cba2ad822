"""A journal without a run, for the tests of the checker: what clients did is said, and what a correct system would have
shown is derived from the transitions that are said.

Times are seconds since BEGIN. A test changes what is said before `lines()`, or the lines themselves after it."""

import json

BEGIN, UNIX_OFFSET = 1000.0, 1_700_000_000.0
SETTINGS = {"PRESENCE_TTL": 3, "EDGE_LEASE_MS": 2000, "RECONNECT_GRACE_MS": 1500, "CLOCK_TICK_MS": 50,
            "BEAT_INTERVAL_MS": 150}
LIFE_EVERY, CLOCK_EVERY, BULK_EVERY, SIZES_EVERY = 0.8, 0.2, 0.5, 1.0
FRAME_DELAY, ANSWER_DELAY, SNAPSHOT_DELAY, OPEN_DELAY = 0.012, 0.008, 0.02, 0.004
MIB = 1 << 20


def unix_ms(t):
    return round((BEGIN + t + UNIX_OFFSET) * 1000)


class MadeJournal:
    def __init__(self, quiet, end, settings=None):
        self.settings = {**SETTINGS, **(settings or {})}
        self.quiet, self.end = quiet, end
        self.files = {}
        self.connections = {}  # conn -> {"user", "open", "last": when it stops giving signs of life}
        self.log = []  # {"t", "user", "from", "to", "epoch", "seq", ..., "told"}
        self.observers = []  # {"observer", "statuses", "edge", "begin", "end"}
        self.outages = []  # (begin, end): Redis cannot be read, service time stands still
        self.epochs = [0.0]  # when each began
        self.rebuilds = []  # (begin, end): bulk queries are answered with an error
        self.frozen = []  # (edge, begin, end): it reads no sign of life, nor asks for one
        self._conns = 0

    def line(self, file, t, ev, **keys):
        self.files.setdefault(file, []).append({"t": t, "ev": ev, **keys})

    # What the clients did

    def connect(self, t, user, edge, opens=True):
        self._conns += 1
        conn = self._conns
        self.line("load-1", t, "connect", user=user, conn=conn, edge=edge, device=f"d{conn}", **{"from": "127.0.0.1"})
        if opens:
            self.line("load-1", t + OPEN_DELAY, "open", conn=conn)
            self.connections[conn] = {"user": user, "edge": edge, "open": t + OPEN_DELAY, "last": self.end}
        return conn

    def refuse(self, t, user, edge, why=401):
        conn = self.connect(t, user, edge, opens=False)
        self.line("load-1", t + OPEN_DELAY, "refused", conn=conn, why=why)

    def status(self, t, conn, status):
        self.line("load-1", t, "status", conn=conn, status=status)

    def mute(self, t, conn, last_life=None):
        """Its last sign of life is at `last_life`, if given."""
        self.line("load-1", t, "mute", conn=conn)
        if last_life is not None:
            self.line("load-1", last_life, "life", conn=conn)
        self.connections[conn]["last"] = t if last_life is None else last_life - LIFE_EVERY

    def close(self, t, conn, how="clean"):
        self.line("load-1", t, "close", conn=conn, how=how)
        self.line("load-1", t + 0.002, "closed", conn=conn, code=1000 if how == "clean" else None)
        self.connections[conn]["last"] = t

    def closed(self, t, conn, code):
        self.line("load-1", t, "closed", conn=conn, code=code)
        self.connections[conn]["last"] = min(t, self.connections[conn]["last"])

    # What the system did

    def shows(self, t, user, to, reason="connected", edge="ws-edge-1", told=True):
        """A transition; observers are told of it unless `told` is False."""
        self.log.append({"t": t, "user": user, "to": to, "reason": reason, "edge": edge, "told": told})

    def edge(self, t, edge, phase):
        self.line("run", t, "edge", edge=edge, phase=phase)

    def fault(self, begin, end, name, target):
        self.line("run", begin, "fault", id=f"{name}-{begin:g}", name=name, target=target, phase="begin")
        self.line("run", end, "fault", id=f"{name}-{begin:g}", name=name, target=target, phase="end")

    def observe(self, begin, observer, statuses, edge, end=None):
        self.observers.append({"observer": observer, "statuses": statuses, "edge": edge, "begin": begin,
                               "end": self.end if end is None else end, "lost": end is not None})

    # Derived

    def lines(self):
        """Lines: file -> [line], to be changed and written."""
        self._number_log()
        self._run_lines()
        for conn, connection in self.connections.items():
            self._life_lines(conn, connection)
        for observer in self.observers:
            self._observer_lines(observer)
        self._query_lines()
        self._log_lines()
        return Lines(self.files)

    def _number_log(self):
        self.log.sort(key=lambda row: row["t"])
        shown = {}
        for seq, row in enumerate(self.log, 1):
            epoch = max(begin for begin in self.epochs if begin <= row["t"])
            row["seq"], row["epoch"] = seq, unix_ms(epoch)
            row["from"] = shown.get((epoch, row["user"]), "offline")
            shown[(epoch, row["user"])] = row["to"]

    def shown(self, user, t):
        rows = [row for row in self.log if row["user"] == user and row["t"] <= t]
        return rows[-1]["to"] if rows else "offline"

    def users(self):
        return sorted({line["user"] for line in self.files["load-1"] if line["ev"] == "connect"})

    def _run_lines(self):
        self.line("run", -0.5, "run", settings=self.settings, seed=1, unix_offset=UNIX_OFFSET)
        service, t = 0.0, 0.0
        while t < self.end:
            if not any(begin <= t < end for begin, end in self.outages):
                seq = max([row["seq"] for row in self.log if row["t"] <= t], default=0)
                epoch = max(begin for begin in self.epochs if begin <= t)
                if epoch > t - CLOCK_EVERY and epoch > 0:
                    service = 0.0
                self.line("run", t, "clock", service_ms=1 + round(service * 1000), epoch=unix_ms(epoch), seq=seq,
                          unix_offset=UNIX_OFFSET)
                service += CLOCK_EVERY
            t = round(t + CLOCK_EVERY, 6)
        for i in range(int(self.end / SIZES_EVERY)):
            for name in ("ws-edge-1", "presence-core-1"):
                self.line("run", i * SIZES_EVERY, "process", name=name, pid=7, rss_bytes=50 * MIB, fds=90,
                          queues={"waiting": 0})
            self.line("run", i * SIZES_EVERY, "redis", used_memory_bytes=4 * MIB, keys=60)
        self.line("run", self.quiet, "quiet")
        self.line("run", self.end, "end")

    def _life_lines(self, conn, connection):
        t = connection["open"] + LIFE_EVERY
        while t < connection["last"]:
            if not any(edge == connection["edge"] and begin <= t < end for edge, begin, end in self.frozen):
                self.line("load-1", t, "life", conn=conn)
            t += LIFE_EVERY

    def _observer_lines(self, observer):
        file, begin, end = "observer-" + observer["observer"], observer["begin"], observer["end"]
        basic = observer["statuses"] == "basic"
        self.line(file, begin, "watching", observer=observer["observer"], statuses=observer["statuses"],
                  edge=observer["edge"])
        users = {user: self.shown(user, begin) for user in self.users()}
        users = {user: "online" if basic else status for user, status in users.items() if status != "offline"}
        self.line(file, begin + SNAPSHOT_DELAY, "snapshot", users=users, last=True)
        for row in self.log:
            before, after = row["from"], row["to"]
            if basic:
                before, after = ("online" if status != "offline" else status for status in (before, after))
            if row["told"] and before != after and begin < row["t"] and row["t"] + FRAME_DELAY < end:
                self.line(file, row["t"] + FRAME_DELAY, "frame", user=row["user"], status=after, at=unix_ms(row["t"]))
        if observer["lost"]:
            self.line(file, end, "lost")

    def _query_lines(self):
        everybody = self.users()
        for i in range(1, int(self.end / BULK_EVERY)):
            asked = i * BULK_EVERY + 0.1
            dead = [*self.rebuilds, *self.outages]
            if any(begin <= asked < end for begin, end in dead):
                self.line("queries-1", asked + ANSWER_DELAY, "bulk", asked=BEGIN + asked, error=500)
                continue
            users = {user: self.shown(user, asked) for user in everybody}
            self.line("queries-1", asked + ANSWER_DELAY, "bulk", asked=BEGIN + asked, users=users)
            user = everybody[i % len(everybody)]
            self.line("queries-1", asked + 0.1 + ANSWER_DELAY, "single", asked=BEGIN + asked + 0.1,
                      users={user: self.shown(user, asked + 0.1)})

    def _log_lines(self):
        for row in self.log:
            self.line("log", row["t"] + 0.1, "transition", epoch=row["epoch"], seq=row["seq"], user=row["user"],
                      **{"from": row["from"]}, to=row["to"], at=unix_ms(row["t"]), reason=row["reason"],
                      edge=row["edge"])
        for user in self.users():
            shown = self.shown(user, self.end)
            self.line("log", self.end - 0.1, "state", user=user, status=shown, mirror=shown != "offline", ends=False,
                      has_ends_at=False, online=shown != "offline")


class Lines:
    def __init__(self, files):
        self.files = files

    def find(self, file, ev, near=None, **keys):
        """The lines of that event with these values; with `near`, the first from that time on."""
        found = sorted((line for line in self.files[file] if line["ev"] == ev and
                        all(line.get(key) == value for key, value in keys.items())), key=lambda line: line["t"])
        if near is None:
            return found
        return next(line for line in found if line["t"] >= near)

    def add(self, file, t, ev, **keys):
        self.files[file].append({"t": t, "ev": ev, **keys})

    def remove(self, file, line):
        self.files[file].remove(line)

    def write(self, folder):
        for name, lines in self.files.items():
            with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
                for line in sorted(lines, key=lambda line: line["t"]):
                    file.write(json.dumps({**line, "t": BEGIN + line["t"]}) + "\n")
        return folder
