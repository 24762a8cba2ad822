"""An edge, as ws-edge plays it: its sockets, its lease (core/lease.h), what it still owes the cores
(core/statement_queue.h). What it says goes into the network as a Message; what becomes of that is not its business."""

from dataclasses import dataclass, field
from typing import Optional

from .kinds import Statement


@dataclass
class Message:
    """`edge` is whose request it is, `users` its statements' users; `open` until it is answered or given up."""
    kind: str
    edge: "Edge"
    incarnation: str
    arguments: tuple
    users: list = field(default_factory=list)  # (id, number)
    open: bool = True

    def __repr__(self):
        return f"{self.kind} of {self.incarnation}: {self.arguments}"


@dataclass
class Owed:
    """What the cores do not know yet of one user."""
    waiting: bool = False
    reason: str = ""
    last_number: int = 0
    first_unacked: int = 0
    announcing: bool = False


class Edge:
    def __init__(self, name, pid, new_incarnation):
        self.name, self.pid, self._new_incarnation = name, pid, new_incarnation
        self.sockets = {}  # user -> letters, one a socket
        self.owed = {}     # user -> Owed
        self.requests = []
        self.last_number, self.beats = 0, 0
        self.incarnation, self.replaces, self.epoch = None, None, 0
        self.joining, self.held, self.gone = None, False, False
        self.announcing = False

    def letters(self, user):
        return self.sockets.get(user, "")

    def is_quiet(self):
        """All is said, and acknowledged."""
        return self.held and not self.announcing and not any(o.waiting or o.first_unacked for o in self.owed.values())

    # ---- the lease ----

    def join(self):
        self.joining = self._new_incarnation()
        return self._request("join", self.joining, (self.joining, self.name, self.replaces))

    def beat(self):
        self.beats += 1
        return Message("beat", self, self.incarnation,
                       (self.name, self.pid, self.incarnation if self.held else None, self.beats), open=False)

    def ended(self):
        """Its last beat."""
        return Message("ended", self, self.incarnation, (self.name, self.pid), open=False)

    def leave(self):
        self.held, self.gone = False, True
        return self._request("leave", self.incarnation, (self.incarnation,))

    def announced(self):
        """The message, or None where there is nothing to announce, or not yet all is said."""
        if not (self.held and self.announcing) or any(owed.announcing for owed in self.owed.values()):
            return None
        self.announcing = False
        return self._request("announced", self.incarnation, (self.incarnation, self.replaces))

    def _lose_lease(self):
        self.held, self.announcing, self.replaces = False, False, self.incarnation
        self.give_up()

    def _take_lease(self, epoch):
        self.incarnation, self.joining, self.held, self.epoch = self.joining, None, True, epoch
        self.last_number = 0
        for user, owed in self.owed.items():
            owed.last_number, owed.first_unacked, owed.announcing = 0, 0, True
            self.mark(user, "announced" if self.letters(user) else "closed")
        self.announcing = self.replaces is not None

    # ---- statements ----

    def mark(self, user, reason):
        owed = self.owed.setdefault(user, Owed())
        owed.waiting, owed.reason = True, reason

    def state(self, age, most=100):
        """A message with what waits, each under a fresh number; None: nothing does, or it may not speak."""
        waiting = [user for user, owed in self.owed.items() if owed.waiting][:most]
        if not self.held or not waiting:
            return None
        statements = []
        for user in waiting:
            self.last_number += 1
            owed = self.owed[user]
            owed.waiting, owed.last_number = False, self.last_number
            owed.first_unacked = owed.first_unacked or self.last_number
            statements.append(Statement(user, self.last_number, owed.reason, age, self.letters(user)))
        message = self._request("state", self.incarnation, (self.incarnation, self.name, self.replaces, self.floor(),
                                                            tuple(statements)))
        message.users = [(statement.user, statement.number) for statement in statements]
        return message

    def floor(self):
        """Everything up to here is acknowledged, or superseded by what is."""
        unacked = [owed.first_unacked for owed in self.owed.values() if owed.first_unacked]
        return min(unacked) - 1 if unacked else self.last_number

    def touch(self, users, age):
        if not self.held:
            return None
        return self._request("touch", self.incarnation, (self.incarnation, tuple((user, age) for user in users)))

    # ---- answers ----

    def _request(self, kind, incarnation, arguments):
        message = Message(kind, self, incarnation, arguments)
        self.requests.append(message)
        return message

    def answered(self, message, outcome, epoch):
        """`outcome`: "ok", "fenced", "unavailable"; `epoch`: of the core that answers."""
        if self.gone:
            return
        if message.kind == "beat":
            self._beat_answered(message, outcome, epoch)
        elif message.open:
            self._close(message)
            if outcome == "ok":
                self._done(message, epoch)
            else:
                self._give_back(message)
                if outcome == "fenced" and self.held:
                    self._lose_lease()

    def _beat_answered(self, message, outcome, epoch):
        of_this_life = self.held and message.incarnation == self.incarnation
        if (of_this_life and outcome == "fenced") or (self.held and epoch > self.epoch):
            self._lose_lease()

    def _done(self, message, epoch):
        if message.kind == "join" and message.incarnation == self.joining:
            self._take_lease(epoch)
        elif message.kind == "announced":
            self.replaces = None
        for user, number in message.users:
            owed = self.owed.get(user)
            if owed and owed.last_number == number:
                owed.first_unacked, owed.announcing = 0, False
        self._forget_idle()

    def give_up(self):
        """No answer came in time, to anything: what it was about is said again, in a new message."""
        for message in list(self.requests):
            self._close(message)
            self._give_back(message)
        self._forget_idle()

    def _give_back(self, message):
        if message.kind == "join" and message.incarnation == self.joining:
            self.joining = None
        elif message.kind == "announced" and self.held:
            self.announcing = True
        for user, number in message.users:
            owed = self.owed.get(user)
            if owed and owed.last_number == number and owed.first_unacked:
                owed.waiting = True

    def _close(self, message):
        message.open = False
        if message in self.requests:
            self.requests.remove(message)

    def _forget_idle(self):
        referred = {user for message in self.requests for user, _ in message.users}
        for user, owed in list(self.owed.items()):
            if not (self.sockets.get(user) or owed.waiting or owed.first_unacked or user in referred):
                del self.owed[user]
