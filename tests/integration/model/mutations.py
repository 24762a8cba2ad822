"""The scripts broken, one line at a time: what the tests would let pass, they do not test.

    cd tests/integration && python3 -m model.mutations [part of a name ...]

Each row is a mechanism: a file, a text that occurs in it once, and what stands there instead. Prints how many histories
it took to notice, and which property did, and ends with 1 where one survives.
"""

import os
import re
import subprocess
import sys
from typing import NamedTuple

import hypothesis

from . import scripts

_CHOSEN = "ZPRESENCE_MODEL_MUTATION"


class Mutation(NamedTuple):
    name: str
    file: str
    old: str
    new: str


MUTATIONS = [Mutation(*row) for row in (
    ("a statement needs no lease", "statements", "if not info or not leased(incarnation, now)", "if not info"),
    ("a statement said twice counts twice", "statements", "number <= own.number", "number < own.number"),
    ("the number of a statement is ignored", "statements", "(own and number <= own.number)", "false"),
    ("the floor is ignored", "statements", "number <= info.floor or ", ""),
    ("the floor refuses one too few", "statements", "number <= info.floor or ", "number < info.floor or "),
    ("the floor goes back", "statements", "if floor > info.floor then", "if floor ~= info.floor then"),
    ("tombstones are retired too early", "statements", "return number <= floors[of]", "return true"),
    ("tombstones are retired too late", "statements", "return number <= floors[of]", "return number < floors[of]"),
    ("tombstones are never retired", "statements", "return number <= floors[of]", "return false"),
    ("tombstones outlive the fence", "statements", "leased(of, now) and incarnation_info(of)", "incarnation_info(of)"),
    ("what was replaced stays", "statements", "if field ~= own_field and field ~= replaced_field and letters",
     "if field == replaced_field then elseif field ~= own_field and letters"),
    ("what was replaced stays in its set", "statements", "if #replaced > 0", "if false"),
    ("who has left stays in the set", "statements", "if #remove > 0", "if false"),
    ("silence is debounced", "statements", "if reason == 'closed' and letters", "if letters"),
    ("a close that leaves something is debounced", "statements", "'closed' and letters == '-'", "'closed'"),
    ("saying it again prolongs the debounce", "statements", "ends_at = before.ends_at", "ends_at = now + debounce_ms"),
    ("one who is hidden lingers", "statements", "shown ~= 'f' and shown_status", "shown_status"),
    ("any close is debounced", "statements", "shown ~= 'f' and shown_status(user) == 'f'", "shown ~= 'f'"),
    ("who is back elsewhere still lingers", "statements", "letters ~= '-' and lingers(source)", "false"),
    ("who is back elsewhere leaves no tombstone", "statements", "set_tombstone(user, field, source.number)",
     "remove_source(user, field)"),
    ("a debounce is in no index", "statements", "    rescore_end(batch, user)\n", ""),
    ("a new incarnation prolongs the debounce", "statements", " or user.sources[replaced_field]", ""),
    ("a lease holds one moment longer", "lib", "lease_end > now", "lease_end >= now"),
    ("busy does not go before online", "lib", "  if string.find(all, 'b', 1, true) then return 'b' end\n", ""),
    ("invisible does not hide", "lib", "  if string.find(all, 'i', 1, true) then return 'f' end\n", ""),
    ("an older sign of life wins", "lib", "if not newer or newer <= active_at then", "if true then"),
    ("hiding forgets the newest sign of life", "settle_lib", "math.max(known or 0, active_at or 0)",
     "active_at or known"),
    ("the mirror stays", "settle_lib", "redis.call('GETDEL'", "redis.call('GET'"),
    ("the log does not say what was before", "settle_lib", "user.meta.seq or '0', reason", "'0', reason"),
    ("what is kept of who is gone does not expire", "settle_lib", "redis.call('PEXPIRE', key, meta_ttl_ms)", ""),
    ("what is kept of who is back expires", "settle_lib", "redis.call('PERSIST', key)", ""),
    ("what is kept of who is hidden expires", "settle_lib", "if to == 'f' and not is_connected(user) and",
     "if to == 'f' and"),
    ("what ends is ended one moment late", "settle_lib", "source.ends_at <= now then\n      if",
     "source.ends_at < now then\n      if"),
    ("a debounce that is over leaves no tombstone", "settle_lib", "  set_tombstone(user, field, number)\n  return inc",
     "  remove_source(user, field)\n  return inc"),
    ("the sweep does not look again", "settle_lib", "  rescore_end(batch, user)\n  return user", "  return user"),
    ("the index has the latest end", "settle_lib", "source.ends_at < earliest", "source.ends_at > earliest"),
    ("nobody is taken from presence:online", "settle_lib", "if #remove > 0 then redis.call('ZREM', ONLINE",
     "if false then redis.call('ZREM', ONLINE"),
    ("mirrors are restored with their past", "lib", "newest = math.max(newest, real - ttl_ms) end",
     "newest = real - ttl_ms end"),
    ("who lingers counts as connected", "lib", "source.letters ~= '-' and not lingers(source) and",
     "source.letters ~= '-' and"),
    ("the clock jumps", "tick", "math.min(ADVANCE_MOST_MS, clock_age(batch.real))", "clock_age(batch.real)"),
    ("the clock goes back", "lib", "math.max(0, real - tonumber(redis.call('HGET', CLOCK, 'at') or real))",
     "real - tonumber(redis.call('HGET', CLOCK, 'at') or real)"),
    ("the grace begins when it was replaced", "tick", "math.max(lease_end, successor_end or lease_end)", "lease_end"),
    ("there is no grace", "tick", "+ grace_ms", ""),
    ("a later end hides an earlier one", "tick", "redis.call('ZADD', ENDS, 'LT',", "redis.call('ZADD', ENDS,"),
    ("a successor does not spare", "tick",
     "if not (info and info.successor ~= '-' and leased(info.successor, now)) then",
     "do"),
    ("beats of ended incarnations are kept", "tick", "redis.call('HDEL', BEATS, incarnation)", ""),
    ("ended incarnations are forgotten", "tick",
     "redis.call('HSET', INCARNATIONS, incarnation, 'ended ' .. whole(now))",
     "redis.call('HDEL', INCARNATIONS, incarnation)"),
    ("who ended is awaited", "tick", "        redis.call('HDEL', AWAITED, incarnation)\n", ""),
    ("rebuilding ends before the sweep", "tick", "if not awaited and more == 0 then", "if not awaited then"),
    ("the sweep does not wait for the announcing", "tick", "if held then step = 0 end", ""),
    ("a hint does not wait for the announcing", "examine", "held and load_user(ARGV[i]) or ", ""),
    ("rebuilding does not wait for the living", "lib",
     "successor ~= '-' and successor or awaited[i], now) then return true, false",
     "'-', now) then return true, false"),
    ("missing mirrors are not looked for", "tick", "spare > 0 and verify_mirrors(spare) or 0", "0"),
    ("a small step loses users", "tick", "if redis.call('EXISTS', edge_key(incarnation)) == 0 then", "do"),
    ("a Join brings back the dead", "join", "if known then return", "if leased(incarnation, now) then return"),
    ("the replaced one is not fenced", "join", "redis.call('ZADD', EDGES, 'XX', 'LT', now, other)", ""),
    ("what was taken over is lost", "join", "(other == replaces or info.successor == replaces)", "other == replaces"),
    ("the awaited one is never replaced", "join", "redis.call('HSET', AWAITED, awaited[i], incarnation)", ""),
    ("ended incarnations are remembered for ever", "join", "redis.call('HDEL', INCARNATIONS, other)", ""),
    ("to have announced voids nothing", "announced", "info.successor == incarnation", "false"),
    ("what it names as replaced is not void", "announced", " or other == replaces", ""),
    ("what is void is taken over again", "join", " and info.successor ~= VOID", ""),
    ("to have announced gives a grace", "announced", "now - grace_ms", "now"),
    ("anybody may announce", "announced", "if not leased(incarnation, now) then return { 0, current_seq() } end\n", ""),
    ("leaving prolongs", "leave", "'XX', 'LT',", "'XX', 'GT',"),
    ("leaving creates", "leave", "'XX', 'LT', service_now()", "service_now()"),
    ("an old beat renews", "beat", "number > tonumber", "number < 1e15 or number > tonumber"),
    ("a beat brings a lease back", "beat", "if leased(incarnation, now) then", "if lease_end_of(incarnation) then"),
    ("who ended stays listed", "ended", "redis.call('HDEL', SERVICES, name)", ""),
    ("who ended takes its successor off the list", "ended", "process.pid == ended.pid", "true"),
    ("a touch needs no lease", "touches",
     "if not leased(incarnation, service_now()) then return { 0, current_seq() } end\n", ""),
    ("a touch creates a mirror", "touches", "own and own.letters ~= '-' and meta[1]", "meta[1]"),
    ("a touch shows who is not", "touches", "and meta[1] ~= 'f' then", "then"),
    ("a hint ends nothing", "examine", "end_due_sources(batch, ARGV[i], now)", "load_user(ARGV[i])"),
    ("a hint restores nothing", "examine", "if restore_mirror(user, batch.real, now) then", "if false then"),
    ("an epoch begins where none must", "epoch", "seen_seq > seq)", "seen_seq >= seq)"),
    ("another run of Redis is not noticed", "epoch", "or redis.call('GET', RUN_ID) ~= run_id then", "then"),
    ("numbers fall over epochs", "epoch", "seq = math.max(seq, seen_seq, last", "seq = math.max(seq, last"),
    ("an epoch of the future is not exceeded", "epoch", "current + 1, seen_epoch + 1)", "current + 1)"),
    ("nobody is awaited", "epoch", "redis.call('HSET', AWAITED, incarnation, '-')", ""),
    ("who was only heard is not awaited", "epoch",
     "  for i = 11, #ARGV do redis.call('HSET', AWAITED, ARGV[i], '-') end\n", ""),
    ("a hint needs no epoch", "examine", "if not epoch_holds() then return other_epoch() end\n", ""),
    ("a snapshot repeats", "snapshot", "'(' .. ARGV[5]", "'[' .. ARGV[5]"),
    ("a story ends with its epoch", "explain", "'(' .. of_epoch .. '-0'", "'(' .. of_epoch"),
    ("a replay begins late", "replay", "epoch .. '-' .. ARGV[5]", "'(' .. epoch .. '-' .. ARGV[5]"),
)]


def _broken(mutation):
    def breaks(name, text):
        if name != mutation.file:
            return text
        assert text.count(mutation.old) == 1, f"{mutation.name}: occurs {text.count(mutation.old)} times"
        return text.replace(mutation.old, mutation.new)
    return breaks


def pytest_configure():
    """As a plugin of the run that a mutation must make fail; no time is spent on making the failure short."""
    chosen = next(mutation for mutation in MUTATIONS if mutation.name == os.environ[_CHOSEN])
    scripts.BREAKS = _broken(chosen)
    hypothesis.settings.register_profile("mutations", phases=[hypothesis.Phase.generate], report_multiple_bugs=False)
    hypothesis.settings.load_profile("mutations")
    hypothesis.core.global_force_seed = 1


def _noticed_by(mutation):
    """(histories played until then, property, what it says), or None."""
    argv = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-s", "-p", "model.mutations", "--confcutdir=model",
            "test_model.py"]
    done = subprocess.run(argv, env={**os.environ, _CHOSEN: mutation.name}, capture_output=True, text=True)
    failed = re.search(r"^(FAILED|ERROR) test_model.py::(\S+)", done.stdout, re.M)
    if done.returncode == 0:
        return None
    if done.returncode != 1 or not failed or failed[1] == "ERROR":
        raise SystemExit(f"{mutation.name}: {done.stdout[-2000:]}")
    why = re.search(r"^E +AssertionError: (.*)", done.stdout, re.M)
    return int(re.search(r"^(\d+) histories", done.stdout, re.M)[1]), failed[2], why[1][:100] if why else "?"


def main(parts):
    survivors = 0
    for mutation in MUTATIONS:
        if parts and not any(part in mutation.name for part in parts):
            continue
        noticed = _noticed_by(mutation)
        survivors += noticed is None
        how = "{:5}  {}: {}".format(*noticed) if noticed else "SURVIVES"
        print(f"{mutation.file:10} {mutation.name:50} {how}", flush=True)
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
