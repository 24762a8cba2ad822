"""A whole system for one history: edges, the network between, cores, time. Every public method is something that may
happen (operations.py draws which); what it makes the cores do is appended to `calls`, each with what the model expects.

The network is adversarial: a message or an answer is delivered late, twice, in any order, or never. Two cores are the
same as any order. The edges are faithful.
"""

import copy
import json
from typing import NamedTuple, Optional

from .agreement import view_of
from .edges import Edge
from .kinds import OFFLINE, Answer, Settings, User
from .presence import Presence

START_MS = 1_700_000_000_000
NEVER = 2**53  # void_after: no statement of the model waits too long
LOG_MAX = 1000
STEP = 100  # users in one tick: more than there are, so that a tick does all that is due
# A mirror expires this much early, so that none does by itself, in Redis' own time, while a history runs.
EXPIRES_EARLY_MS = 10000
PEACE_ROUNDS = 12
SMALL_STEPS = 8  # that all users of all edges may need
SILENCE_MS = 40000  # since the last sign of life of who is called silent
LEAVING_REASONS = ("closed", "pong-timeout")


def _info(pid):
    """Of a process, as far as scripts look into it."""
    return json.dumps({"pid": pid, "startedAt": START_MS})


class Call(NamedTuple):
    """One script, or one thing done to Redis by hand."""
    script: str
    arguments: tuple
    real: int
    answer: Optional[Answer]  # None: it finds another epoch
    view: dict                # what Redis holds afterwards
    statements: tuple = ()    # of a "statements" call
    strict: bool = False      # after enough sweeps: nothing may be left over


class World:
    def __init__(self, debounce=0, edges=3):
        self.settings = Settings(debounce=debounce)
        self.presence = Presence(self.settings, START_MS)
        self.calls, self.network, self.answers = [], [], []
        self.incarnations_count, self.processes_count, self.run_id, self.backup = 0, 0, 1, None
        self.core_epoch, self.seen = 0, (0, 0)
        self.edges = [self._new_edge(f"ws-edge-{i}") for i in range(edges)]
        self.check()
        for i in range(edges):
            self.beat(i)

    def _new_incarnation(self):
        self.incarnations_count += 1
        return f"i{self.incarnations_count}"

    def _new_edge(self, name):
        self.processes_count += 1
        return Edge(name, self.processes_count, self._new_incarnation)

    # ---- clients ----

    def clients(self, edge, user, letters, reason, how):
        """The user's sockets at this edge are these now, one letter each, whatever opened and closed meanwhile;
        `reason` is of the last of it. `how`: it "waits", is "sent" (under way), "said" (sent, applied and
        acknowledged), "echoed" (said, and another copy is under way), or "unheard" (applied; the answer is lost)."""
        if not letters and (not self.edges[edge].letters(user) or reason not in LEAVING_REASONS):
            return  # nobody is there to leave
        self.edges[edge].sockets[user] = letters
        self.edges[edge].mark(user, reason)
        if how != "waits":
            self.send(edge, SILENCE_MS if reason == "pong-timeout" else 0, STEP, how)

    def touch(self, edge, users, age, how):
        self._dispatch(self.edges[edge].touch(users, age), how)

    # ---- edges ----

    def send(self, edge, age, most, how):
        self._dispatch(self.edges[edge].state(age, most), how)

    def say_again(self, edge, how):
        """No answers came in time."""
        self.edges[edge].give_up()
        self.send(edge, 0, STEP, how)

    def beat(self, edge, how="said", then="said"):
        """`then`: what becomes of what the edge says upon the answer: that it joins, that it has announced."""
        self._dispatch(self.edges[edge].beat(), how)
        self.tend(edge, then)

    def tend(self, edge, how):
        edge = self.edges[edge]
        if not edge.held and not edge.joining:
            self._dispatch(edge.join(), how)
        self._dispatch(edge.announced(), how)

    def beat_all(self):
        for edge in range(len(self.edges)):
            self.beat(edge)

    def freeze(self, edge):
        """It is stopped for a lease; the others live."""
        for other in range(len(self.edges)):
            if other != edge:
                self.beat(other)
        self.passes(self.settings.lease - 1000)
        for other in range(len(self.edges)):
            if other != edge:
                self.beat(other)
        self.passes(1000)

    def leave(self, edge):
        """SIGTERM; a process of that name starts in its place."""
        leaving = self.edges[edge]
        if leaving.held:
            self._dispatch(leaving.leave(), "sent")
        self._dispatch(leaving.ended(), "sent")
        self.crash(edge)

    def crash(self, edge):
        self.edges[edge].gone = True
        self.edges[edge] = self._new_edge(self.edges[edge].name)

    # ---- the network ----

    def _dispatch(self, message, how):
        if message is not None and how in ("sent", "echoed"):
            self.network.append(message)
        if message is not None and how in ("said", "echoed"):
            self._arrive(message, "heard")
        if message is not None and how == "unheard":
            self._arrive(message, "lost")

    def deliver(self, which, again, fate):
        """`again`: another copy stays under way; `fate` of the answer: "heard", "late" or "lost"."""
        if self.network:
            at = which % len(self.network)
            message = self.network[at] if again else self.network.pop(at)
            self._arrive(message, fate)

    def lose(self, which):
        if self.network:
            del self.network[which % len(self.network)]

    def hear(self, which):
        if self.answers:
            message, outcome, epoch = self.answers.pop(which % len(self.answers))
            message.edge.answered(message, outcome, epoch)

    def _arrive(self, message, fate):
        answer = getattr(self, "_run_" + message.kind)(*message.arguments)
        outcome = "unavailable" if answer is None else "ok" if answer.accepted else "fenced"
        if fate == "heard":
            message.edge.answered(message, outcome, self.core_epoch)
        elif fate == "late":
            self.answers.append((message, outcome, self.core_epoch))

    # ---- time ----

    def passes(self, ms, sweeps=True):
        """Time passes while somebody ticks: the last second of it by a tick, what came before by hand. A tick that does
        not sweep leaves what is due for later, as a small step does."""
        unticked = max(0, ms - 1000)
        if unticked and self.core_epoch == self.presence.epoch:
            self.presence.now += unticked
            self._by_hand("HINCRBY", "presence:clock", "now", unticked)
        self.stalls(ms - unticked)
        self.tick(sweeps)

    def lives(self, ms):
        """Time passes, less than a lease of it, and every edge lives."""
        self.beat_all()
        self.passes(ms)

    def stalls(self, ms):
        """Time passes while nobody ticks, or the wall clock is set back."""
        self.presence.real += ms
        expired = [id_ for id_, user in self.presence.users.items()
                   if user.mirror and user.mirror.expires - EXPIRES_EARLY_MS <= self.presence.real]
        for user in expired:
            self.drop_mirror(user)

    def tick(self, sweeps=True):
        self._call("tick", (self.settings.grace, STEP if sweeps else 0), lambda: self.presence.tick(sweeps))

    def hint(self, users):
        self._call("examine", users, lambda: self.presence.examine(users))

    def drop_mirror(self, user):
        """By somebody's hand, or because it expired."""
        self.presence.users.setdefault(user, User()).mirror = None
        self._by_hand("DEL", "presence:user:" + user)

    # ---- Redis and the cores ----

    def check(self, forced=False, complete=True):
        """A core asks for the epoch, as it does every second."""
        heard = [edge.incarnation for edge in self.edges if edge.held]
        run_id, presence = f"run-{self.run_id}", self.presence
        arguments = (run_id, int(forced), *self.seen, self.settings.lease, int(complete), *heard)
        answer = presence.check_epoch(run_id, forced, self.seen, complete, heard)
        self.core_epoch = presence.epoch
        self._record("epoch", arguments, answer)

    def flush(self):
        self.presence.lose_everything()
        self.backup = None
        self._by_hand("FLUSHALL")

    def back_up(self):
        self.backup = copy.deepcopy(self.presence)
        self._by_hand("backup")

    def restart(self, with_backup, complete):
        """Redis comes back, with its data or as it was when it was backed up; cores ask on connecting."""
        self.run_id += 1
        if with_backup and self.backup:
            real, self.presence = self.presence.real, copy.deepcopy(self.backup)
            self.presence.real = real
            self._by_hand("restore")
            self.stalls(0)
        self.check(complete=complete)

    def renew(self, edge, after_ms, how):
        """Redis restarts, with its data; the edge hears of it at once, and says all under a new incarnation."""
        self.restart(with_backup=False, complete=True)
        self.beat(edge)
        self.passes(after_ms)
        if how != "waits":
            self.send(edge, 0, STEP, how)

    def join_twice(self, edge):
        """As `renew`, but its Join is late: it gives that up and joins under another incarnation."""
        self.restart(with_backup=False, complete=True)
        self.beat(edge, "said", "sent")
        self.edges[edge].give_up()
        self.tend(edge, "said")

    def stranger(self, number):
        """Somebody speaks who never joined."""
        self._run_beat("stranger", 0, "i0", number)
        self._run_announced("i0", "i1")
        self._run_leave("i0")
        self._run_ended("nobody", 0)
        self._run_touch("i0", (("anna", 0),))

    # ---- readers ----

    def explain(self, user, most):
        self._call("explain", (user, most), lambda: Answer(unchanged=True))

    def snapshot(self, after, most):
        self._call("snapshot", (after, most, 1), lambda: Answer(unchanged=True))

    def replay(self, back, most, enough):
        self._call("replay", (max(0, self.presence.seq - back), most, enough), lambda: Answer(unchanged=True))

    def read_all(self):
        """Every reader, in pieces, over all there is."""
        shown = sorted(id_ for id_, user in self.presence.users.items() if user.shown != OFFLINE)
        for after in ("", *shown):
            self.snapshot(after, 1)
        for user in self.presence.users:
            self.explain(user, LOG_MAX)
        self.replay(self.presence.seq, LOG_MAX, LOG_MAX)

    # ---- peace ----

    def make_peace(self):
        """Faults stop; what is under way is lost. Ends when every edge has said all and what was to end has ended."""
        self.network.clear()
        self.answers.clear()
        self.check()
        for edge in self.edges:
            edge.give_up()
        self.beat_all()
        for i, edge in enumerate(self.edges):
            for _ in range(PEACE_ROUNDS):
                if edge.is_quiet():
                    break
                self.send(i, 0, STEP, "said")
                self.beat(i)
            assert edge.is_quiet(), f"{edge.name} never comes to rest"
        self.wait_out()

    def wait_out(self):
        """Edges live while everything else that is to end does: lease, grace and debounce, then one sweep more."""
        settings = self.settings
        for _ in range(0, settings.lease + settings.grace + settings.debounce, settings.lease - 500):
            self.passes(settings.lease - 500)
            self.beat_all()
        self._sweep_strictly()

    def go_away(self, leaving):
        """Everybody does."""
        for i in range(len(self.edges)):
            (self.leave if leaving else self.crash)(i)
        self.deliver_all()
        self.passes(self.settings.lease)
        self.passes(self.settings.grace + self.settings.debounce)
        self._sweep_strictly()

    def deliver_all(self):
        while self.network:
            self.deliver(0, False, "lost")

    def _sweep_strictly(self):
        self.tick()
        self.calls[-1] = self.calls[-1]._replace(strict=True)

    def with_step(self, step):
        """The same calls with another step of the sweep; each tick is followed by as many as may be needed, without
        any time passing."""
        calls = []
        for call in self.calls:
            if call.script == "tick" and call.arguments[-1] > 0:
                call = call._replace(arguments=(*call.arguments[:-1], step))
                calls += [call] * SMALL_STEPS
            calls.append(call)
        return calls

    def shown_by_sockets(self):
        """What everybody must see once there is peace: it follows from the sockets alone."""
        truth = {}
        for edge in self.edges:
            for user in edge.sockets:
                truth[user] = truth.get(user, "") + edge.letters(user)
        voices = {user: letters for user, letters in truth.items() if letters and "i" not in letters}
        return {user: next(status for status in "boa" if status in letters) for user, letters in voices.items()}

    # ---- calls ----

    def _run_join(self, name, edge, replaces):
        return self._call("join", (self.settings.lease, name, edge, replaces or "-"),
                          lambda: self.presence.join(name, edge, replaces))

    def _run_beat(self, process, pid, name, number):
        return self._call("beat", (self.settings.lease, name or "-", process, _info(pid), 0, number),
                          lambda: self.presence.beat(process, pid, name, number))

    def _run_ended(self, process, pid):
        return self._call("ended", (process, _info(pid)), lambda: self.presence.ended(process, pid))

    def _run_leave(self, name):
        return self._call("leave", (name,), lambda: self.presence.leave(name))

    def _run_announced(self, name, replaces):
        return self._call("announced", (self.settings.grace, name, replaces or "-"),
                          lambda: self.presence.announced(name, replaces))

    def _run_state(self, name, edge, replaces, floor, statements):
        arguments = [name, edge, replaces or "-", floor, self.settings.debounce, NEVER]
        for said in statements:
            connections = [[f"c{i}", f"device-of-{name}", i] for i in range(len(said.letters))]
            arguments += [said.user, said.number, said.reason, said.age, "-", said.letters or "-",
                          json.dumps(connections)]
        return self._call("statements", arguments, lambda: self.presence.state(name, replaces, floor, statements),
                          statements)

    def _run_touch(self, name, ages):
        return self._call("touches", (name, *(word for pair in ages for word in pair)),
                          lambda: self.presence.touch(name, ages))

    def _call(self, script, arguments, expect, statements=()):
        answer = expect() if self.core_epoch == self.presence.epoch else None
        self._record(script, arguments, answer, statements)
        return answer

    def _record(self, script, arguments, answer, statements=()):
        if answer is not None:
            self.seen = max(self.seen, (self.presence.epoch, self.presence.seq))
        common = (self.core_epoch, self.settings.ttl, self.settings.meta_ttl, LOG_MAX)
        self.calls.append(Call(script, (*common, *arguments), self.presence.real, answer, view_of(self.presence),
                               statements))

    def _by_hand(self, *command):
        self.calls.append(Call("by hand", command, self.presence.real, None, view_of(self.presence)))
