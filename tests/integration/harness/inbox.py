"""What a client has received: every binary frame, decoded, with its time of arrival; and what an observer must
never see (DESIGN section 8, invariant 3)."""

import threading
import time
from dataclasses import dataclass, field

import msgpack

from .waiting import PATIENCE_S

LOGIN_DUPLICATED = 9
PRESENCE_UPDATE = 31
PRESENCE_SNAPSHOT = 32
PRESENCE_ERROR = 35


@dataclass
class Frame:
    at: float  # time.monotonic() of arrival
    raw: bytes
    message: object = field(init=False)

    def __post_init__(self):
        self.message = msgpack.unpackb(self.raw, strict_map_key=False)

    @property
    def type(self):
        return self.message["messageType"] if isinstance(self.message, dict) else self.message[1]

    @property
    def user(self):
        """Of a type 31, whichever its form."""
        return self.message["fromId"] if isinstance(self.message, dict) else self.message[4]["userId"]

    @property
    def status(self):
        return self.message["status"] if isinstance(self.message, dict) else self.message[4]["status"]

    @property
    def rows(self):
        """Of a type 32, whichever its form: a row a user."""
        return (self.message if isinstance(self.message, dict) else self.message[4])["users"]


class Inbox:
    def __init__(self):
        self._frames = []
        self._changed = threading.Condition()

    def receive(self, raw):
        frame = Frame(time.monotonic(), bytes(raw))
        with self._changed:
            self._frames.append(frame)
            self._changed.notify_all()

    def notify(self):
        with self._changed:
            self._changed.notify_all()

    def frames(self, of_type=None):
        with self._changed:
            return [frame for frame in self._frames if of_type is None or frame.type == of_type]

    def wait(self, what, condition, within_s=PATIENCE_S):
        """Returns the first true value of condition(), which may look at anything that `notify` announces."""
        with self._changed:
            value = self._changed.wait_for(condition, within_s)
        assert value, f"{what}: not within {within_s:g} s; received {[frame.message for frame in self._frames[-20:]]}"
        return value

    def wait_frame(self, of_type, within_s=PATIENCE_S):
        return self.wait(f"a frame of type {of_type}", lambda: next(iter(self.frames(of_type)), None), within_s)

    def updates(self, user):
        """The type-31 frames about one user, oldest first."""
        return [frame for frame in self.frames(PRESENCE_UPDATE) if frame.user == user]

    def statuses(self, user):
        return [frame.status for frame in self.updates(user)]

    def status(self, user):
        """What this observer believes of the user now; None where it has heard nothing."""
        return (self.statuses(user) or [None])[-1]

    def wait_status(self, user, status, within_s=PATIENCE_S):
        """Waits until this observer believes `status` of `user`; returns the frame that said so."""

        def newest_says_so():
            updates = self.updates(user)
            return updates[-1] if updates and updates[-1].status == status else None

        return self.wait(f"{user} seen {status}", newest_says_so, within_s)

    def wait_statuses(self, user, statuses, within_s=PATIENCE_S):
        """Waits until exactly these, in this order, have been heard about `user`."""
        try:
            self.wait(f"{user} seen {statuses}", lambda: len(self.statuses(user)) >= len(statuses), within_s)
        finally:
            assert self.statuses(user) == statuses
        return self.updates(user)

    def named(self):
        """The rows of every 32, in the order of arrival."""
        return [row for frame in self.frames(PRESENCE_SNAPSHOT) for row in frame.rows]

    def believed(self):
        """{user: status}: the newest word on each, of 31 and 32 alike."""
        statuses = {}
        for frame in self.frames():
            if frame.type == PRESENCE_SNAPSHOT:
                statuses.update((row["userId"], row["status"]) for row in frame.rows)
            elif frame.type == PRESENCE_UPDATE:
                statuses[frame.user] = frame.status
        return statuses

    def check_alternation(self):
        """Per user, the statuses that an observer is told of alternate. A snapshot begins anew: what happened
        while nobody watched, or before a new list was first told, it says alone."""
        last = {}
        for frame in self.frames():
            if frame.type == PRESENCE_SNAPSHOT:
                for row in frame.rows:
                    last.pop(row["userId"], None)
            elif frame.type == PRESENCE_UPDATE:
                assert last.get(frame.user) != frame.status, f"{frame.user} seen {frame.status} twice in a row"
                last[frame.user] = frame.status
