"""What may happen to Redis: it stands still, ends, comes back with its data or without, forgets scripts, loses its
connections, its data or a part of it."""

import shutil

from harness.ports import free_port

from .faults import Fault, edge_death_s

_LONG_S = 10.0


class _Redis:
    """`world`'s Redis, with what faults do to it."""

    def __init__(self, world):
        self.world = world
        self.server = world.system.redis_server
        self.data = world.system.folder / "redis"

    def client(self):
        return self.server.client()

    def read_log(self):
        """What is about to be lost is in the journal first."""
        self.world.recorder.read_log()

    def forget_data(self):
        for entry in self.data.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _fault(world, name, lasts_s, begin, end=lambda: None, bound_s=5.0):
    return Fault(name, "redis", lasts_s, begin, end, {"redis"}, bound_s)


def _at_once(name, deed, loses_data=False):
    """`deed(redis, random)` is the whole of it."""
    def make(world, random):
        redis = _Redis(world)

        def begin():
            if loses_data:
                redis.read_log()
            deed(redis, random)
        # A part of it: who is awaited after data loss may have been the edge that died before.
        return _fault(world, name, 0.0, begin, bound_s=edge_death_s(world) if loses_data else 5.0)
    return make


def _restart(name, begin, least_s, most_s, empty=False):
    def make(world, random):
        redis = _Redis(world)

        def stop():
            if empty:
                redis.read_log()
            getattr(redis.server.process, begin)()
            if empty:
                redis.forget_data()
        return _fault(world, name, random.uniform(least_s, most_s), stop, redis.server.start,
                      bound_s=edge_death_s(world) if empty else 5.0)
    return make


def _pause(name, least_s, most_s):
    def make(world, random):
        process = _Redis(world).server.process
        return _fault(world, name, random.uniform(least_s, most_s), process.freeze, process.thaw)
    return make


def _client_pause(world, random):
    redis, lasts_s = _Redis(world), random.uniform(0.3, 3.0)
    return _fault(world, "redis-client-pause", lasts_s, lambda: redis.client().client_pause(int(lasts_s * 1000)))


def _notify_off(world, random):
    """The mirrors of a few users expire meanwhile, and nobody is told."""
    redis = _Redis(world)

    def begin():
        redis.client().config_set("notify-keyspace-events", "")
        for key in random.sample(_mirrors(redis), min(20, len(_mirrors(redis)))):
            redis.client().pexpire(key, 1)
    return _fault(world, "redis-notify-off", random.uniform(2.0, 6.0), begin,
                  lambda: redis.client().config_set("notify-keyspace-events", "Ex"))


def _mirrors(redis):
    return list(redis.client().scan_iter("presence:user:*", count=1000))


def _delete_mirrors(redis, random):
    mirrors = _mirrors(redis)
    redis.client().delete(*random.sample(mirrors, max(1, len(mirrors) // 4)))


def _restart_older(world, random):
    """It comes back with the data of a moment ago, as from a replica that lagged: everything as it was then, the epoch
    too, and a seq below what peers have seen."""
    redis, process = _Redis(world), world.system.redis_server.process
    kept = world.folder / "redis-older"

    def begin():
        shutil.rmtree(kept, ignore_errors=True)
        process.freeze()  # for as long as the copy takes: it is of one moment
        shutil.copytree(redis.data, kept)
        process.thaw()

    def end():
        redis.read_log()
        process.kill()
        redis.forget_data()
        shutil.copytree(kept, redis.data, dirs_exist_ok=True)
        redis.server.start()
    return _fault(world, "redis-restart-older", random.uniform(0.5, 4.0), begin, end, edge_death_s(world))


def _role_change(world, random):
    """It becomes a replica of nobody who is there, as in a failover that goes wrong, and a master again."""
    redis = _Redis(world)

    def begin():
        redis.read_log()
        redis.client().execute_command("REPLICAOF", "127.0.0.1", free_port())
    return _fault(world, "redis-role-change", random.uniform(0.3, 3.0), begin,
                  lambda: redis.client().execute_command("REPLICAOF", "NO", "ONE"), edge_death_s(world))


TABLE = {
    "redis-kill": _restart("redis-kill", "kill", 0.2, 3.0),
    "redis-restart": _restart("redis-restart", "stop", 0.2, 3.0),
    "redis-restart-empty": _restart("redis-restart-empty", "kill", 0.2, 3.0, empty=True),
    "redis-pause-short": _pause("redis-pause", 0.3, 3.0),
    "redis-pause-long": _pause("redis-pause", _LONG_S, _LONG_S),
    "redis-client-pause": _client_pause,
    "redis-flushall": _at_once("redis-flushall", lambda redis, _: redis.client().flushall(), loses_data=True),
    "redis-script-flush": _at_once("redis-script-flush", lambda redis, _: redis.client().script_flush()),
    "redis-function-flush": _at_once("redis-function-flush",
                                     lambda redis, _: redis.client().execute_command("FUNCTION FLUSH")),
    "redis-cut-normal": _at_once("redis-cut-normal",
                                 lambda redis, _: redis.client().execute_command("CLIENT KILL TYPE normal")),
    "redis-cut-pubsub": _at_once("redis-cut-pubsub",
                                 lambda redis, _: redis.client().execute_command("CLIENT KILL TYPE pubsub")),
    "redis-notify-off": _notify_off,
    "redis-del-mirrors": _at_once("redis-del-mirrors", _delete_mirrors),
    "redis-del-epoch": _at_once("redis-del-epoch", lambda redis, _: redis.client().delete("presence:epoch"),
                                loses_data=True),
    "redis-role-change": _role_change,
    "redis-restart-older": _restart_older,
}
