"""What must hold in Redis whatever a test did (DESIGN sections 3 and 8). Each function names what it finds broken; an
empty answer is a good one."""

import re


def parse_record(record):
    """One transition as presence:log holds it (settle_lib.lua); `from` and `to` are letters."""
    seq, was, now, at, last_seen, before, reason, edge, user = record.split(" ", 8)
    return {"seq": int(seq), "from": was, "to": now, "at": int(at), "lastSeen": int(last_seen), "before": int(before),
            "reason": reason, "edge": edge, "user": user}


def broken_in_log(redis):
    """The log of this epoch is without a hole, ends at presence:seq, and each user's transitions follow each other."""
    records, seq = _log(redis)
    broken, before, status = [], None, {}
    for record in records:
        transition = parse_record(record)
        number, was, now, user = (transition[name] for name in ("seq", "from", "to", "user"))
        if before is not None and number != before + 1:
            broken.append(f"{before} is followed by {number}")
        if was == now or status.get(user, was) != was:
            broken.append(f"{user} was {status.get(user)} before {record!r}")
        before, status[user] = number, now
    if before is not None and before != seq:
        broken.append(f"the log ends at {before}, presence:seq is {seq}")
    return broken


def _log(redis):
    """The records of this epoch and presence:seq, of one moment. By a script also because redis-py makes a dict of an
    entry's fields, which here all have the same name."""
    read = """
        local epoch = redis.call('GET', 'presence:epoch')
        local entries = epoch and redis.call('XRANGE', 'presence:log', epoch .. '-0', epoch .. '-18446744073709551615')
        return {entries or {}, redis.call('GET', 'presence:seq') or '0'}"""
    entries, seq = redis.eval(read, 0)
    return [record for _, fields in entries for record in fields[1::2]], int(seq)


def broken_in_views(redis):
    """After one sweep: a mirror key, and a place among the online, for whoever is shown not offline, and nobody else;
    likewise among the away and the busy; a place in presence:ends for whoever has something that ends."""
    shown, ending, of_status = set(), set(), {"a": set(), "b": set()}
    for key in redis.scan_iter("presence:meta:*", count=1000):
        user, meta = key[len("presence:meta:"):], redis.hgetall(key)
        if meta.get("status", "f") != "f":
            shown.add(user)
        of_status.get(meta.get("status"), set()).add(user)
        if any(re.match(r"\d+ [1-9]", value) for field, value in meta.items() if field.startswith(("e/", "http/"))):
            ending.add(user)
    mirrors = {key[len("presence:user:"):] for key in redis.scan_iter("presence:user:*", count=1000)}
    broken = []
    for what, seen, expected in (
        ("mirror keys", mirrors, shown),
        ("presence:online", set(redis.zrange("presence:online", 0, -1)), shown),
        ("presence:away", redis.smembers("presence:away"), of_status["a"]),
        ("presence:busy", redis.smembers("presence:busy"), of_status["b"]),
        ("presence:ends", set(redis.zrange("presence:ends", 0, -1)), ending),
    ):
        if seen != expected:
            broken.append(f"{what}: too many {sorted(seen - expected)[:5]}, missing {sorted(expected - seen)[:5]}")
    return broken


def left_over(redis):
    """With every client gone: who is still shown, or still about to end, or still kept for an edge."""
    return {
        key: members
        for key, members in (
            ("presence:online", redis.zrange("presence:online", 0, 5)),
            ("presence:ends", redis.zrange("presence:ends", 0, 5)),
            ("presence:user:*", redis.keys("presence:user:*")[:5]),
            ("presence:edge:*", redis.keys("presence:edge:*")[:5]),
            ("presence:kicks:*", redis.keys("presence:kicks:*")[:5]),
        )
        if members
    }
