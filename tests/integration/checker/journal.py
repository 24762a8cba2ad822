"""Reads a journal folder (JOURNAL.md) into memory. Nothing is concluded here.

Times are seconds of CLOCK_MONOTONIC; `at` of frames and transitions stays unix ms until clock.py turns it."""

import json
import pathlib
from array import array
from dataclasses import dataclass, field
from sys import intern

OFFLINE = "offline"
VISIBLE = ("online", "away", "busy")
INVISIBLE = "invisible"


class Unusable(Exception):
    """The journal proves nothing: a run that broke, or lines that do not say what JOURNAL.md says."""


@dataclass
class Fault:
    id: object
    name: str
    target: str
    begin: float
    end: float | None = None


@dataclass
class Connection:
    conn: int
    user: str
    edge: str
    connect: float
    opened: float | None = None
    refused: tuple | None = None  # (t, why)
    lives: array = field(default_factory=lambda: array("d"))  # `open` and `status` among them
    statuses: list = field(default_factory=list)  # (t, status)
    mute: float | None = None
    close: tuple | None = None  # (t, how): the client's own
    closed: tuple | None = None  # (t, code): seen, whoever did it

    @property
    def is_answered_refusal(self):
        """Refused by an HTTP status; otherwise the connection broke, and the server may have accepted it."""
        return self.refused is not None and str(self.refused[1])[:1] in ("4", "5")


@dataclass
class Session:
    """One connection of an observer."""

    observer: str
    is_full: bool
    edge: str
    begin: float
    end: float | None = None
    frames: list = field(default_factory=list)  # (t, user, status, at in unix ms)
    snapshots: list = field(default_factory=list)  # (t, {user: status}, last)


@dataclass
class Answer:
    """Of the bulk or the single query; `users` None where it was an error."""

    asked: float
    t: float
    users: dict | None


@dataclass
class Transition:
    epoch: int
    seq: int
    user: str
    was: str
    to: str
    at: int  # unix ms
    reason: str
    edge: str
    t: float | None = None  # `at` as monotonic seconds; set by TransitionLog


@dataclass
class Journal:
    settings: dict = field(default_factory=dict)
    run: dict | None = None
    faults: list = field(default_factory=list)
    edge_phases: dict = field(default_factory=dict)  # edge -> [(t, phase)]
    clock: list = field(default_factory=list)  # (t, service_ms, epoch, seq, unix_offset or None)
    processes: dict = field(default_factory=dict)  # name -> [(t, rss_bytes, fds, queues)]
    redis: list = field(default_factory=list)  # (t, used_memory_bytes, keys)
    stalls: list = field(default_factory=list)  # (t, ms, file name)
    connections: dict = field(default_factory=dict)  # conn -> Connection
    sessions: list = field(default_factory=list)
    bulks: list = field(default_factory=list)
    singles: list = field(default_factory=list)
    transitions: list = field(default_factory=list)
    states: dict = field(default_factory=dict)  # user -> the line
    begin: float | None = None
    agreed: list = field(default_factory=list)  # t
    quiet: float | None = None
    end: float | None = None
    lines: int = 0


def read(folder):
    folder = pathlib.Path(folder)
    journal = Journal()
    files = sorted(folder.glob("*.jsonl"))
    if not (folder / "run.jsonl").exists():
        raise Unusable(f"{folder} has no run.jsonl")
    for path in files:
        _FileReader(journal, path).read()
    _complete(journal)
    return journal


class _FileReader:
    """One method for each event, `on_<event>`; what has none is ignored."""

    def __init__(self, journal, path):
        self.journal = journal
        self.path = path
        self.session = None
        self.open_faults = {}

    def read(self):
        handlers = {name[3:].replace("_", "-"): getattr(self, name) for name in dir(self) if name.startswith("on_")}
        last, number = float("-inf"), 0
        with open(self.path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    event = json.loads(line)
                    t, handler = event["t"], handlers.get(event["ev"])
                    if t < last:
                        raise ValueError(f"t goes back from {last}")
                    last = t
                    if handler:
                        handler(t, event)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    kind = type(error).__name__
                    raise Unusable(f"{self.path.name}:{number}: {kind}: {error}: {line[:200]!r}") from None
        self.journal.lines += number

    # run.jsonl

    def on_run(self, t, event):
        self.journal.run, self.journal.settings, self.journal.begin = event, event["settings"], t

    def on_fault(self, t, event):
        if event["phase"] == "begin":
            target = event.get("target")
            target = target if isinstance(target, str) else json.dumps(target)
            fault = Fault(event["id"], event["name"], target, t)
            self.open_faults[event["id"]] = fault
            self.journal.faults.append(fault)
        elif event["phase"] == "end":
            self.open_faults.pop(event["id"]).end = t
        else:
            raise ValueError("phase is neither begin nor end")

    def on_edge(self, t, event):
        phases = self.journal.edge_phases.setdefault(str(event["edge"]), [])
        if event["phase"] not in ("lost", "back", "frozen", "thawed"):
            raise ValueError("unknown phase of an edge")
        phases.append((t, event["phase"]))

    def on_clock(self, t, event):
        self.journal.clock.append((t, event["service_ms"], int(event["epoch"]), int(event["seq"]),
                                   event.get("unix_offset")))

    def on_process(self, t, event):
        row = (t, event["rss_bytes"], event["fds"], event.get("queues") or {})
        self.journal.processes.setdefault(event["name"], []).append(row)

    def on_redis(self, t, event):
        self.journal.redis.append((t, event["used_memory_bytes"], event["keys"]))

    def on_stall(self, t, event):
        self.journal.stalls.append((t, event["ms"], self.path.name))

    def on_agreed(self, t, _event):
        self.journal.agreed.append(t)

    def on_quiet(self, t, _event):
        self.journal.quiet = t

    def on_end(self, t, _event):
        self.journal.end = t

    # load-*.jsonl

    def on_connect(self, t, event):
        conn = event["conn"]
        if conn in self.journal.connections:
            raise ValueError(f"connection {conn} is there already")
        self.journal.connections[conn] = Connection(conn, intern(event["user"]), str(event["edge"]), t)

    def on_open(self, t, event):
        connection = self.journal.connections[event["conn"]]
        connection.opened = t
        connection.edge = str(event.get("edge", connection.edge))
        connection.lives.append(t)

    def on_refused(self, t, event):
        self.journal.connections[event["conn"]].refused = (t, event["why"])

    def on_life(self, t, event):
        self.journal.connections[event["conn"]].lives.append(t)

    def on_status(self, t, event):
        if event["status"] not in (*VISIBLE, INVISIBLE):
            raise ValueError("unknown status")
        connection = self.journal.connections[event["conn"]]
        connection.lives.append(t)
        connection.statuses.append((t, intern(event["status"])))

    def on_mute(self, t, event):
        self.journal.connections[event["conn"]].mute = t

    def on_close(self, t, event):
        self.journal.connections[event["conn"]].close = (t, event["how"])

    def on_closed(self, t, event):
        self.journal.connections[event["conn"]].closed = (t, event["code"])

    # observer-*.jsonl

    def on_watching(self, t, event):
        if event["statuses"] not in ("basic", "full"):
            raise ValueError("statuses is neither basic nor full")
        if self.session and self.session.end is None:
            self.session.end = t
        self.session = Session(str(event["observer"]), event["statuses"] == "full", str(event["edge"]), t)
        self.journal.sessions.append(self.session)

    def on_frame(self, t, event):
        self.session.frames.append((t, intern(event["user"]), intern(event["status"]), int(event["at"])))

    def on_snapshot(self, t, event):
        self.session.snapshots.append((t, _interned(event["users"]), bool(event["last"])))

    def on_lost(self, t, _event):
        if self.session and self.session.end is None:
            self.session.end = t

    # queries-*.jsonl

    def on_bulk(self, t, event):
        self.journal.bulks.append(self._answer(t, event))

    def on_single(self, t, event):
        self.journal.singles.append(self._answer(t, event))

    @staticmethod
    def _answer(t, event):
        if "users" not in event and "error" not in event:
            raise KeyError("users")
        return Answer(event["asked"], t, None if "error" in event else _interned(event["users"]))

    # log.jsonl

    def on_transition(self, _t, event):
        for key in ("from", "to"):
            if event[key] not in (*VISIBLE, OFFLINE):
                raise ValueError(f"unknown status in {key}")
        self.journal.transitions.append(
            Transition(int(event["epoch"]), int(event["seq"]), intern(event["user"]), intern(event["from"]),
                       intern(event["to"]), int(event["at"]), intern(event["reason"]), str(event["edge"])))

    def on_state(self, _t, event):
        for key in ("status", "mirror", "ends", "has_ends_at", "online"):
            event[key]
        self.journal.states[intern(event["user"])] = event


def _interned(users):
    return {intern(user): intern(status) for user, status in users.items()}


def _complete(journal):
    """What a usable journal must have; everything that is judged needs it."""
    if journal.run is None:
        raise Unusable("run.jsonl does not begin with a run line")
    if journal.end is None:
        raise Unusable("there is no end line: the run broke")
    if journal.quiet is None:
        raise Unusable("there is no quiet line: nothing says from when on views must agree")
    if "unix_offset" not in journal.run:
        raise Unusable("the run line has no unix_offset")
    for fault in journal.faults:
        if fault.end is None:
            raise Unusable(f"fault {fault.id} ({fault.name} {fault.target}) never ends")
        if fault.end > journal.quiet:
            raise Unusable(f"fault {fault.id} ({fault.name} {fault.target}) ends after quiet")
    for what, there in (("a clock line", journal.clock), ("an observer", journal.sessions),
                        ("a transition", journal.transitions), ("a state line", journal.states),
                        ("a connection", journal.connections), ("an answer", journal.bulks)):
        if not there:
            raise Unusable(f"there is not {what}: the journal proves nothing")
    for session in journal.sessions:
        # Silence is no end: an observer that hears nothing any more believes what it heard last.
        session.end = journal.end if session.end is None else session.end
    journal.faults.sort(key=lambda fault: fault.begin)
    journal.clock.sort()
    journal.bulks.sort(key=lambda answer: answer.t)
    journal.singles.sort(key=lambda answer: answer.t)
