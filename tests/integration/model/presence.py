"""The rules of presence (DESIGN section 2), as a reader would write them who need not care for cost.

Nothing here is indexed, bounded, swept in steps or forgotten early: the model remembers the number of every statement,
where the scripts keep tombstones and floors; it asks everybody whether they are due, where the scripts keep an index.
That both come to the same is what the tests show.

Times: `now` is service time, `real` is what the clock on the wall says; ms. Every method is one call of a script and
returns an Answer.
"""

from .epochs import Epochs
from .kinds import OFFLINE, Answer, Incarnation, Mirror, Transition, User, Voice

ADVANCE_MOST_MS = 1000  # of service time in one tick, however long nobody ticked
FORGET_MS = 60000       # for which an incarnation that has ended is remembered (join.lua)


class Presence(Epochs):
    def __init__(self, settings, real):
        self.settings, self.real = settings, real
        self.lose_everything()

    def lose_everything(self):
        """FLUSHALL."""
        self.epoch, self.run_id, self.seq = 0, None, 0
        self.now, self.ticked_at = 1, None
        self.incarnations, self.users, self.history = {}, {}, []
        self.rebuild, self.awaited = None, {}
        self.processes = {}

    # ---- leases ----

    def leased(self, name):
        """The fence: nobody else may write."""
        known = self.incarnations.get(name)
        return known is not None and known.ended is None and known.lease_end > self.now

    def join(self, name, edge, replaces):
        if name in self.incarnations:  # said again; who has lived before is not brought back to life
            return Answer(self.leased(name), unchanged=True)
        for other, known in list(self.incarnations.items()):
            if known.ended is not None:
                if known.ended + FORGET_MS <= self.now:
                    del self.incarnations[other]
            elif replaces and replaces in (other, known.successor) and not known.is_void:
                known.successor = name
                known.lease_end = min(known.lease_end, self.now)
        for awaited, successor in self.awaited.items():
            if replaces and replaces in (awaited, successor):
                self.awaited[awaited] = name
        self.incarnations[name] = Incarnation(edge, self.now + self.settings.lease)
        return Answer()

    def beat(self, process, pid, name, number):
        self.processes[process] = (self.real, pid)
        if name is None:
            return Answer()
        if not self.leased(name):
            return Answer(False)
        known = self.incarnations[name]
        if number > known.beat:  # one that was long under way renews nothing
            known.beat, known.lease_end = number, self.now + self.settings.lease
        return Answer()

    def ended(self, process, pid):
        """It is listed no more, where no other of that name has been heard since."""
        is_listed = self.processes.get(process, (0, None))[1] == pid
        if is_listed:
            del self.processes[process]
        return Answer(unchanged=not is_listed)

    def leave(self, name):
        known = self.incarnations.get(name)
        if known and known.ended is None:
            known.lease_end = min(known.lease_end, self.now)
        return Answer(unchanged=known is None or known.ended is not None)

    def announced(self, name, replaces):
        """All is said: whatever the ones before said beyond that is void, without a grace."""
        if not self.leased(name):
            return Answer(False, unchanged=True)
        for other, known in self.incarnations.items():
            if known.ended is None and (known.successor == name or other == replaces):
                known.successor, known.is_void = None, True
                known.lease_end = min(known.lease_end, self.now - self.settings.grace)
        for awaited, successor in list(self.awaited.items()):
            if awaited in (name, replaces) or successor == name:
                self._stop_awaiting(awaited)
        return Answer()

    # ---- what edges say of users ----

    def state(self, name, replaces, floor, statements):
        """The whole truth of an edge about some of its users."""
        if not self.leased(name):
            return Answer(False, unchanged=True)
        known, stale, transitions = self.incarnations[name], 0, []
        raised = floor > known.floor
        known.floor = max(floor, known.floor)
        for statement in statements:
            user = self.users.setdefault(statement.user, User())
            if statement.number <= max(known.floor, user.newest.get(name, 0)):
                stale += 1
                continue
            user.newest[name] = statement.number
            self._hear(user, name, replaces, statement)
            transitions += self._show(statement.user, statement.reason, known.edge, self.real - statement.age)
        return Answer(True, tuple(transitions), stale, unchanged=stale == len(statements) and not raised)

    def _hear(self, user, name, replaces, statement):
        before = user.voices.pop(name, None) or user.voices.get(replaces)
        user.voices.pop(replaces, None)
        if statement.letters:  # who is back never left
            user.voices = {other: voice for other, voice in user.voices.items() if not voice.lingers}
            user.voices[name] = Voice(statement.letters)
        elif statement.reason == "closed" or self._sweep_holds_still():
            if before and before.lingers:  # said again
                user.voices[name] = before
            elif (self.settings.debounce or self._sweep_holds_still()) and user.shown != OFFLINE and user.status() == OFFLINE:
                user.voices[name] = Voice(user.shown, self.now + self.settings.debounce, lingers=True)

    def touch(self, name, ages):
        """Signs of life: [(user, age)]. They refresh mirrors and create nothing."""
        if not self.leased(name):
            return Answer(False, unchanged=True)
        restored = 0
        for id_, age in ages:
            user = self.users.get(id_, User())
            if user.mirror is None and user.shown != OFFLINE and name in user.voices:
                self._refresh(user, self.real - age)
                restored += 1
            elif user.mirror is not None:
                self._refresh(user, self.real - age)
        return Answer(restored=restored)

    # ---- time ----

    def tick(self, sweeps=True):
        age = 0 if self.ticked_at is None else self.real - self.ticked_at
        self.now += min(ADVANCE_MOST_MS, max(0, age))
        self.ticked_at = self.real
        if self._sweep_holds_still() or not sweeps:
            self._end_rebuilding()
            return Answer()
        self._lose_edges()
        transitions = [made for id_ in self.users for made in self._end_due(id_)]
        self._end_rebuilding()
        return Answer(True, tuple(transitions), restored=sum(self._restore(user) for user in self.users.values()), swept=True)

    def examine(self, ids):
        """Mirrors of these users have expired, somebody says."""
        transitions, restored = [], 0
        for id_ in ids:
            transitions += [] if self._sweep_holds_still() else self._end_due(id_)
            restored += self._restore(self.users.get(id_, User()))
        return Answer(True, tuple(transitions), restored=restored)

    def _lose_edges(self):
        """A lost edge's users have the grace, from when it was lost; it lives on in one that announces its users."""
        for name, known in sorted(self.incarnations.items(), key=lambda item: item[1].lease_end):
            if known.ended is not None or known.lease_end > self.now or self.leased(known.successor):
                continue
            lost_at, successor = known.lease_end, self.incarnations.get(known.successor)
            if successor and successor.ended is None:
                lost_at = max(lost_at, successor.lease_end)
            known.ended = self.now
            for voice in (user.voices[name] for user in self.users.values() if name in user.voices):
                voice.ends_at = voice.ends_at if voice.lingers else lost_at + self.settings.grace
            self._stop_awaiting(name)

    def _end_due(self, id_):
        user, reason, edge = self.users.get(id_, User()), None, "-"
        for name, voice in list(user.voices.items()):
            if voice.ends_at is not None and voice.ends_at <= self.now:
                del user.voices[name]
                if voice.lingers:
                    reason, edge = "closed", self.incarnations[name].edge if self.leased(name) else "-"
                else:
                    reason, edge = "edge-lost", "-"
        return self._show(id_, reason, edge, None) if reason else []

    # ---- what is shown ----

    def _show(self, id_, reason, edge, activity):
        """Shows the user as they are now; `activity`: real time of the newest sign of life just heard of, or None."""
        user = self.users[id_]
        was, status = user.shown, user.status()
        if status == was:
            if status != OFFLINE and activity is not None:
                self._refresh(user, activity)
            return []
        last_seen = self._activity(user, activity)
        if status == OFFLINE:
            user.last_seen, user.mirror = last_seen, None
        elif activity is not None or was == OFFLINE:
            self._refresh(user, last_seen)
        user.shown, user.since = status, self.real
        self.seq += 1
        made = Transition(id_, was, status, self.real, last_seen, reason, edge)
        self.history.append(made)
        return [made]

    def _activity(self, user, heard):
        """The newest sign of life of a user whose shown status changes."""
        if heard is None and user.shown == OFFLINE:
            return self.real  # what hid them has ended
        known = [activity for activity in (heard, user.mirror and user.mirror.activity) if activity is not None]
        return max(known) if known else self._activity_at_least(user)

    def _activity_at_least(self, user):
        """Without a mirror: it lived one TTL, and there was activity when the status changed."""
        return max(user.since, self.real - self.settings.ttl)

    def _refresh(self, user, activity):
        newest = max(activity, user.mirror.activity) if user.mirror else activity
        self._set_mirror(user, newest, self.settings.ttl - (self.real - newest))

    def _restore(self, user):
        """A mirror for who is shown and has none; says whether that happened under a live connection."""
        if user.shown == OFFLINE or user.mirror is not None:
            return 0
        self._set_mirror(user, self._activity_at_least(user), self.settings.ttl)
        return int(any(self.leased(name) and not voice.lingers for name, voice in user.voices.items()))

    def _set_mirror(self, user, activity, px):
        user.mirror = Mirror(activity, px, self.real + px)
