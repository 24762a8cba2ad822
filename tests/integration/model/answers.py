"""What the scripts answer, and the log: that each answer is the one that the model expects, and that the transitions it
names are in the log, numbered without a hole, each naming the user's one before."""

from typing import NamedTuple

from .kinds import OFFLINE


class Record(NamedTuple):
    """'<seq> <from> <to> <at> <last_seen> <seq of the user's transition before> <reason> <edge> <user>' (settle_lib.lua)."""
    seq: int
    was: str
    now: str
    at: int
    last_seen: int
    previous: int
    reason: str
    edge: str
    user: str
    text: str

    @classmethod
    def parse(cls, text):
        seq, was, now, at, last_seen, previous, reason, edge, user = text.split(" ", 8)
        return cls(int(seq), was, now, int(at), int(last_seen), int(previous), reason, edge, user, text)

    def transition(self):
        return self.user, self.was, self.now, self.at, self.last_seen, self.reason, self.edge


class Log:
    """All transitions that Redis should have: one entry for each call that made any."""

    def __init__(self):
        self.entries, self.newest = [], {}  # [(id, [text])]; user -> their newest Record

    def copy(self):
        other = Log()
        other.entries, other.newest = list(self.entries), dict(self.newest)
        return other

    def append(self, epoch, texts, first_seq):
        """Says what is wrong with the records of one call."""
        wrong = []
        for i, record in enumerate(map(Record.parse, texts)):
            before = self.newest.get(record.user)
            if record.seq != first_seq + i:
                wrong.append(f"number {first_seq + i} expected: {record.text!r}")
            if (record.previous, record.was) != ((before.seq, before.now) if before else (0, OFFLINE)):
                wrong.append(f"{record.text!r} does not follow {before and before.text!r}")
            if record.was == record.now:
                wrong.append(f"{record.text!r} changes nothing")
            self.newest[record.user] = record
        if texts:
            self.entries.append((f"{epoch}-{first_seq + len(texts) - 1}", texts))
        return wrong

    def wrong(self, held):
        """The log in Redis is this one, and every user's meta names their newest transition."""
        wrong, logged = [], held.keys.get("presence:log", [])
        if logged != self.entries:
            wrong.append(f"the log has {logged[-3:]}, answered was {self.entries[-3:]}")
        for user, meta in held.metas.items():
            newest = self.newest.get(user)
            if int(meta.get("seq", 0)) != (newest.seq if newest else 0):
                wrong.append(f"{user}: seq {meta.get('seq')}, the newest transition is {newest and newest.text!r}")
        return wrong

    def story(self, user, most):
        """The user's last transitions, newest first, and whether that is all of them."""
        texts = [text for _, texts in self.entries for text in texts if text.split(" ", 8)[8] == user][::-1]
        return texts[:most], int(len(texts) <= most)

    def piece(self, epoch, from_seq, most, enough):
        """What replay.lua gives: whole entries of this epoch, at most so many, until it is enough."""
        piece = []
        entries = [(entry, texts) for entry, texts in self.entries if entry.startswith(f"{epoch}-")]
        for entry, texts in [e for e in entries if int(e[0].split("-")[1]) >= from_seq][:most]:
            if len(piece) >= enough:
                break
            piece += texts
        return piece


def wrong(call, reply, log, held):
    if call.answer is None:
        return [] if str(reply).startswith("EPOCH") else [f"another epoch expected: {reply!r}"]
    if isinstance(reply, Exception):
        return [f"it fails: {reply}"]
    return _CHECKS[call.script](call, reply, log, held)


def _same(**pairs):
    """name=(expected, found)"""
    return [f"{name}: {expected!r} expected, {found!r} answered" for name, (expected, found) in pairs.items()
            if expected != found]


def _wrong_in_records(call, texts, log):
    """A tick ends whom it ends in any order; otherwise the order is that of the arguments."""
    found = [Record.parse(text).transition() for text in texts]
    expected = [tuple(transition) for transition in call.answer.transitions]
    if call.script == "tick":
        found, expected = sorted(found), sorted(expected)
    before = call.view["seq"] - len(expected)
    return _same(transitions=(expected, found)) + log.append(call.view["epoch"], texts, before + 1)


def _accepted(call, reply, *_):
    return _same(accepted=(int(call.answer.accepted), reply[0]), seq=(str(call.view["seq"]), reply[1]))


def _beat(call, reply, *_):
    return _accepted(call, reply) + _same(rebuilding=(int(call.view["rebuilding"]), reply[2]), kicks=([], reply[3]))


def _statements(call, reply, log, _held):
    wrong_ = _accepted(call, reply)
    if call.answer.accepted and not wrong_:
        wrong_ += _same(stale=(call.answer.stale, reply[2])) + _wrong_in_records(call, reply[3], log)
    return wrong_


def _touches(call, reply, *_):
    wrong_ = _accepted(call, reply)
    return wrong_ + (_same(restored=(call.answer.restored, reply[2])) if call.answer.accepted and not wrong_ else [])


def _tick(call, reply, log, _held):
    now, seq, _suspended, _ended, more, records, restored = reply
    return _same(clock=(str(call.view["clock"][0]), now), seq=(str(call.view["seq"]), seq), more=(0, more),
                 restored=(call.answer.restored, restored)) + _wrong_in_records(call, records, log)


def _examine(call, reply, log, _held):
    seq, restored, records = reply
    return _same(seq=(str(call.view["seq"]), seq), restored=(call.answer.restored, restored)
                 ) + _wrong_in_records(call, records, log)


def _epoch(call, reply, *_):
    epoch, seq, rebuilding, begun, _clock_age, now = reply
    return _same(epoch=(str(call.view["epoch"]), epoch), seq=(str(call.view["seq"]), seq),
                 rebuilding=(int(call.view["rebuilding"]), rebuilding), begun=(int(call.answer.accepted), begun),
                 now=(str(call.real), now))


def _last_seen(user):
    """While shown it is the mirror; without one, there was activity when the status changed."""
    shown, since, last_seen, mirror, _ = user
    return str((mirror[0] if mirror else since) if shown != OFFLINE else last_seen or 0)


def _explain(call, reply, log, _held):
    id_, most = call.arguments[4:6]
    seq, shown, rows, records, complete, _log_from = reply
    user = call.view["users"].get(id_, (OFFLINE, 0, None, None, {}))
    newest = log.newest.get(id_)
    texts, all_of_it = log.story(id_, most)
    found = {tuple(rows[i:i + 4] + rows[i + 6:i + 7]) for i in range(0, len(rows), 8)}
    now, expected = call.view["clock"][0], set()
    for name, (letters, ends_at, lingers) in user[4].items():
        leased = call.view["leases"].get(name, 0) > now
        state = "lingers" if lingers else "ends" if ends_at else "leased" if leased else "lease-over"
        left = str(max(0, ends_at - now) if ends_at else 0)
        expected |= {("e/" + name, call.view["edges"].get(name, "-"), state, left, letter) for letter in letters}
    return _same(seq=(str(call.view["seq"]), seq), records=(texts, records), complete=(all_of_it, complete),
                 shown=([user[0], _last_seen(user), str(user[1]), str(newest.seq if newest else 0)], shown),
                 rows=(expected, found))


def _snapshot(call, reply, log, _held):
    after, most = call.arguments[4:6]
    seq, _rebuilding, flat, total, devices = reply
    users = call.view["users"]
    page = sorted(id_ for id_ in call.view["online"] if id_ > after)[:most]
    expected = [word for id_ in page for word in (id_, users[id_][0], _last_seen(users[id_]), str(users[id_][1]),
                                                 str(log.newest[id_].seq))]
    unknown = [device for device, id_ in zip(devices, page) if device not in {
        "" if lingers else "device-of-" + name for name, (_, _, lingers) in users[id_][4].items()}]
    return _same(seq=(str(call.view["seq"]), seq), page=(expected, flat), total=(len(call.view["online"]), total),
                 devices=(([], len(page)), (unknown, len(devices))))


def _replay(call, reply, log, _held):
    seq, records = reply
    from_seq, most, enough = call.arguments[4:7]
    return _same(seq=(str(call.view["seq"]), seq),
                 records=(log.piece(call.view["epoch"], from_seq, most, enough), records))


_CHECKS = {
    "join": _accepted, "announced": _accepted, "leave": _accepted, "ended": _accepted, "beat": _beat,
    "statements": _statements, "touches": _touches, "tick": _tick, "examine": _examine, "epoch": _epoch,
    "explain": _explain, "snapshot": _snapshot, "replay": _replay,
}
