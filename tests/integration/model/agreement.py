"""Whether what Redis answered and holds is what the model says: after every call, most strictly after peace.

A view is what both have in common, as plain values, so that `==` compares it. What only Redis has (the numbers of
transitions and their chains, indexes, tombstones, times to live) is held to its own rules below.
"""

import functools
import json
import re

from . import answers
from .kinds import INVISIBLE, OFFLINE

WALL_SLACK_MS = 5000  # for which a history may run, in Redis' own time
_NOBODY = (OFFLINE, 0, None, None, {})


def view_of(presence):
    """What the model says that Redis holds."""
    live = {name: known for name, known in presence.incarnations.items() if known.ended is None}
    users = {id_: _view_of_user(user) for id_, user in presence.users.items()}
    return {
        "clock": (presence.now, presence.ticked_at),
        "epoch": presence.epoch,
        "seq": presence.seq,
        "users": {id_: user for id_, user in users.items() if user != _NOBODY},
        "online": {id_ for id_, user in users.items() if user[0] != OFFLINE},
        "leases": {name: known.lease_end for name, known in live.items()},
        "edges": {name: known.edge for name, known in live.items()},
        "successors": {name: "void" if known.is_void else known.successor for name, known in live.items()
                       if known.successor or known.is_void},
        "ended": {name: known.ended for name, known in presence.incarnations.items() if known.ended is not None},
        "beats": {name: known.beat for name, known in live.items() if known.beat >= 0},
        "members": _members(users, live),
        "processes": dict(presence.processes),
        "rebuilding": presence.rebuild is not None,
        "awaited": dict(presence.awaited),
    }


def _view_of_user(user):
    """(shown, since, last_seen, (activity, px) of the mirror, {incarnation: (letters, ends_at, lingers)})."""
    voices = {name: (voice.letters, voice.ends_at or 0, voice.lingers) for name, voice in user.voices.items()}
    mirror = user.mirror and (user.mirror.activity, user.mirror.px)
    return user.shown, user.since, user.last_seen, mirror, voices


def _members(users, live):
    """presence:edge:<incarnation>: who has a connection there."""
    members = {}
    for id_, user in users.items():
        for name, (_, _, lingers) in user[4].items():
            if name in live and not lingers:
                members.setdefault(name, set()).add(id_)
    return members


def _shown_in(view):
    return {id_: (user[0], user[3] is not None, user[4]) for id_, user in view["users"].items() if user[0] != OFFLINE}


class Held:
    """What Redis holds, from scripts.ScriptRedis.run: [[key, type, value, ttl_ms], ...]."""

    def __init__(self, rows):
        self.keys = {key: _value(kind, value) for key, kind, value, _ in rows}
        self.ttls = {key: ttl for key, _, _, ttl in rows}
        self.metas = {key[len("presence:meta:"):]: meta for key, meta in self.keys.items()
                      if key.startswith("presence:meta:")}
        self.ends = {id_: int(score) for id_, score in self._get("ends").items()}
        self.tombstones = {id_: {} for id_ in self.metas}
        self.lingering = {id_: set() for id_ in self.metas}
        self.users = {id_: self._user(id_, meta) for id_, meta in self.metas.items()}

    def _get(self, name, default=()):
        return self.keys.get("presence:" + name, dict(default))

    def _user(self, id_, meta):
        voices = {}
        for field, value in meta.items():
            if field.startswith("e/"):
                number, ends_at, letters, connections = value.split(" ", 3)
                if letters == "-":
                    self.tombstones[id_][field[2:]] = int(number)
                else:
                    voices[field[2:]] = (letters, int(ends_at), connections == "lingers")
                    if connections == "lingers":
                        self.lingering[id_].add(field[2:])
        last_seen = int(meta["lastSeen"]) if "lastSeen" in meta else None
        mirror = self.keys.get("presence:user:" + id_)
        px = self.ttls.get("presence:user:" + id_)
        return meta.get("status", OFFLINE), int(meta.get("since", 0)), last_seen, mirror and (int(mirror), px), voices

    @functools.cached_property
    def view(self):
        infos = {name: value.split(" ") for name, value in self._get("incarnations").items()}
        clock = self._get("clock")
        return {
            "clock": (int(clock.get("now", 1)), int(clock["at"]) if "at" in clock else None),
            "epoch": int(self._get("epoch", {}) or 0),
            "seq": int(self._get("seq", {}) or 0),
            "users": {id_: user for id_, user in self.users.items() if user != _NOBODY},
            "online": set(self._get("online")),
            "leases": {name: int(score) for name, score in self._get("edges").items()},
            "edges": {name: info[1] for name, info in infos.items() if info[0] != "ended"},
            "successors": {name: info[2] for name, info in infos.items() if info[0] != "ended" and info[2] != "-"},
            "ended": {name: int(info[1]) for name, info in infos.items() if info[0] == "ended"},
            "beats": {name: int(number) for name, number in self._get("beats").items()},
            "members": {key[len("presence:edge:"):]: members for key, members in self.keys.items()
                        if key.startswith("presence:edge:")},
            "processes": {name: _value_of_process(value) for name, value in self._get("services").items()},
            "rebuilding": "presence:rebuild" in self.keys,
            "awaited": {name: None if by == "-" else by for name, by in self._get("awaited").items()},
        }


def _value_of_process(text):
    at, info = text.split(" ", 1)
    return int(at), json.loads(info)["pid"]


def _value(kind, value):
    if kind in ("hash", "zset"):
        return dict(zip(value[::2], value[1::2]))
    if kind == "set":
        return set(value)
    if kind == "stream":
        return [(entry, fields[1::2]) for entry, fields in value]
    return value


class Agreement:
    """Goes along with one history. `wrong` of a call lists what is not as it should be."""

    def __init__(self, settings):
        self.settings = settings
        self.held = Held([])
        self.log, self.said = answers.Log(), {}  # said: (user, incarnation) -> its newest Statement that was let in
        self.backup = None

    def wrong(self, call, reply, rows):
        before, self.held = self.held, Held(rows)
        wrong = []
        if call.script == "by hand":
            self._by_hand(call.arguments[0])
        else:
            wrong += answers.wrong(call, reply, self.log, self.held)
        wrong += self._wrong_in_view(call.view)
        swept = call.answer is not None and call.answer.swept
        wrong += self._wrong_in_ends(swept, call.strict)
        wrong += self._wrong_in_ttls()
        wrong += self.log.wrong(self.held)
        if call.script != "by hand" and (call.answer is None or call.answer.unchanged):
            wrong += _differences("nothing may change", before.keys, self.held.keys)
        if call.statements and call.answer and call.answer.accepted:
            self._note_said(call)
            wrong += self._wrong_in_tombstones(call, before)
        wrong += self._wrongly_offline()
        if call.strict:
            wrong += self._left_over()
        return wrong

    def ends_like(self, expected, rows):
        """The same users are shown in the same way, on the word of the same edges; when is not compared."""
        self.held = Held(rows)
        return (_differences("shown", _shown_in(expected), _shown_in(self.held.view))
                + _differences("members", expected["members"], self.held.view["members"])
                + self._wrong_in_ends(swept=False, strict=True) + self._wrong_in_ttls() + self._left_over())

    def _by_hand(self, command):
        if command == "FLUSHALL":
            self.log, self.said = answers.Log(), {}
        elif command == "backup":
            self.backup = self.log.copy(), dict(self.said)
        elif command == "restore":
            self.log, self.said = self.backup[0].copy(), dict(self.backup[1])

    def _wrong_in_view(self, expected):
        """Times to live run in Redis' own time, so a mirror's is a little shorter than it was set."""
        seen = dict(self.held.view, users=dict(self.held.view["users"]))
        for id_, user in list(seen["users"].items()):
            mirror, set_to = user[3], expected["users"].get(id_, _NOBODY)[3]
            if mirror and set_to and 0 <= set_to[1] - mirror[1] <= WALL_SLACK_MS:
                seen["users"][id_] = (*user[:3], (mirror[0], set_to[1]), user[4])
        return _differences("", expected, seen)

    def _wrong_in_ends(self, swept, strict):
        """Whoever has something that ends is found in time; the index may lag low until the sweep has looked."""
        wrong, held = [], self.held
        now = held.view["clock"][0]
        ends = {id_: min(times) for id_, user in held.users.items()
                if (times := [ends_at for _, ends_at, _ in user[4].values() if ends_at])}
        for id_, at in ends.items():
            if held.ends.get(id_, at + 1) > at:
                wrong.append(f"{id_} ends at {at}, presence:ends has {held.ends.get(id_)}")
        if swept and any(score <= now for score in held.ends.values()):
            wrong.append(f"swept at {now}, and presence:ends still has {held.ends}")
        if strict and ends != held.ends:
            wrong.append(f"presence:ends has {held.ends}, what ends is {ends}")
        return wrong

    def _wrong_in_ttls(self):
        """What is kept of a user expires exactly while nobody speaks for them."""
        wrong = []
        for id_, user in self.held.users.items():
            ttl = self.held.ttls["presence:meta:" + id_]
            expected = (-1, -1) if user[4] else (self.settings.meta_ttl - WALL_SLACK_MS, self.settings.meta_ttl)
            if not expected[0] <= ttl <= expected[1]:
                wrong.append(f"presence:meta:{id_} expires in {ttl} ms")
        return wrong

    def _wrong_in_tombstones(self, call, before):
        """A statement that is applied retires its user's tombstones, but for those that still refuse something late."""
        wrong, own = [], call.arguments[4]
        now, leases = call.view["clock"][0], call.view["leases"]
        for statement in call.statements:
            was, number = (held.metas.get(statement.user, {}).get("e/" + own, "").split(" ")[0]
                           for held in (before, self.held))
            if was == number or number != str(statement.number):
                continue  # it was stale
            for name, number in self.held.tombstones[statement.user].items():
                floor = int(self.held.keys["presence:incarnations"].get(name, "0").split(" ")[0].replace("ended", "0"))
                needed = leases.get(name, 0) > now and number > floor
                if name != own and not needed and name not in before.lingering.get(statement.user, ()):
                    wrong.append(f"the tombstone of {name} is kept for {statement.user}")
        return wrong

    def _note_said(self, call):
        for statement in call.statements:
            key = statement.user, call.arguments[4]
            if key not in self.said or statement.number > self.said[key].number:
                self.said[key] = statement

    def _wrongly_offline(self):
        """Without asking the model: nobody is shown offline while the newest word of an edge with a lease is that they
        have a connection, and nothing hides them (DESIGN section 8, invariants 1 and 7)."""
        wrong, view = [], self.held.view
        for (id_, name), statement in self.said.items():
            user = view["users"].get(id_, _NOBODY)
            hidden = any(INVISIBLE in letters for letters, _, _ in user[4].values())
            leased = view["leases"].get(name, 0) > view["clock"][0]
            if leased and statement.letters and not hidden and user[0] == OFFLINE:
                wrong.append(f"{id_} is shown offline, and {name} has said {statement}")
        return wrong

    def _left_over(self):
        """After peace: no incarnation but those that are leased, nothing of any other, no key of an unknown kind."""
        wrong, leased = [], set(self.held.view["leases"])
        for key in self.held.keys:
            of = key.rsplit(":", 1)[1]
            if re.match("presence:(edge|kicks):", key) and of not in leased:
                wrong.append(f"{key} is left over")
            elif not re.match("presence:(edge:|meta:|user:|[a-z_]+$)", key):
                wrong.append(f"{key}: what is this?")
        return wrong


def disagreement(world, results):
    """Of the first call after which something is wrong: the calls that led there, then what is wrong; else nothing."""
    agreement = Agreement(world.settings)
    for i, (call, (reply, rows)) in enumerate(zip(world.calls, results)):
        wrong = agreement.wrong(call, reply, rows)
        if wrong:
            return [f"{call.script} {call.arguments}" for call in world.calls[max(0, i - 12):i + 1]] + wrong
    return []


def _differences(where, expected, seen):
    """Lines that name what differs between two values, down to the innermost dict."""
    if expected == seen:
        return []
    if not (isinstance(expected, dict) and isinstance(seen, dict)):
        return [f"{where}: {expected!r} expected, {seen!r} found"]
    return [line for key in [*expected, *(key for key in seen if key not in expected)]
            for line in _differences(f"{where} {key}".strip(), expected.get(key), seen.get(key))]

