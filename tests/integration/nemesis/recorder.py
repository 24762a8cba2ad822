"""What is read beside the run, by threads: the service clock, the processes' and Redis' sizes, and presence:log.

None of it is waited for: what cannot be read now (Redis is frozen, a process is down) is left out."""

import os
import re
import threading
import time

import redis

from harness import http_client as http
from harness.redis_state import parse_record

from .journal import Journal

CLOCK_EVERY_S, LOG_EVERY_S, SIZES_EVERY_S = 0.1, 0.15, 1.0
# Metrics cost the processes something: with every so many lines of sizes only.
_QUEUES_EVERY = 5
_QUEUES = ("waiting", "under_way", "queue", "edge_users", "edge_sockets", "subscribers", "view_users")
_LOG_PIECE = 500
_STATUS = {"o": "online", "a": "away", "b": "busy", "f": "offline"}
# By a script, because redis-py makes a dict of an entry's fields, which here all have the same name.


class Recorder:
    def __init__(self, world):
        self._world = world
        self._journal = world.journal
        self._log = Journal(world.journal_folder / "log.jsonl")
        self._redis = world.open_redis(socket_timeout=0.5, socket_connect_timeout=0.5)
        # An entry has a field for each of its records, all of one name: as they come, not as a dictionary.
        self._redis.set_response_callback("XRANGE", lambda entries, **_: entries)
        self._log_lock = threading.Lock()
        self._after = "-"
        self._over = threading.Event()
        self._turns = 0
        self._threads = [threading.Thread(target=self._repeat, args=(every_s, step), daemon=True)
                         for every_s, step in ((CLOCK_EVERY_S, self._note_clock), (LOG_EVERY_S, self.read_log),
                                               (SIZES_EVERY_S, self._note_sizes))]
        for thread in self._threads:
            thread.start()

    def _repeat(self, every_s, step):
        while not self._over.wait(every_s):
            try:
                step()
            except (redis.exceptions.RedisError, OSError, http.HTTPException):
                pass

    def _note_clock(self):
        pipe = self._redis.pipeline(transaction=True)
        pipe.hget("presence:clock", "now").get("presence:epoch").get("presence:seq")
        now, epoch, seq = pipe.execute()
        if now is not None and epoch is not None:
            self._journal.note("clock", service_ms=int(now), epoch=int(epoch), seq=int(seq or 0),
                               unix_offset=round(time.time() - time.monotonic(), 6))

    def read_log(self):
        """All that is new in it. Called before data is lost on purpose, too."""
        with self._log_lock:
            while True:
                entries = self._redis.execute_command("XRANGE", "presence:log", self._after, "+", "COUNT", _LOG_PIECE)
                for entry_id, fields in entries:
                    self._after = "(" + entry_id
                    for record in fields[1::2]:
                        self._note_transition(int(entry_id.split("-")[0]), record)
                if len(entries) < _LOG_PIECE:
                    break
            self._log.flush()

    def _note_transition(self, epoch, record):
        keys = parse_record(record)
        keys["from"], keys["to"] = _STATUS[keys["from"]], _STATUS[keys["to"]]
        self._log.note("transition", epoch=epoch, **keys)

    def _note_sizes(self):
        self._turns += 1
        for service in self._world.measured:
            try:
                pid = service.pid
            except AttributeError:  # it is down
                continue
            self._note_process(service.name, pid, self._queues_of(service) if service.admin_address else {})
        info = self._redis.info("memory")
        self._journal.note("redis", used_memory_bytes=info["used_memory"], keys=self._redis.dbsize())
        self._journal.flush()

    def _note_process(self, name, pid, queues):
        try:
            with open(f"/proc/{pid}/statm") as statm:
                rss_bytes = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            fds = len(os.listdir(f"/proc/{pid}/fd"))
        except (OSError, IndexError):  # it has just ended
            return
        self._journal.note("process", name=name, pid=pid, rss_bytes=rss_bytes, fds=fds, queues=queues)

    def _queues_of(self, service):
        if self._turns % _QUEUES_EVERY:
            return {}
        try:
            text = http.get(service.admin_address, "/metrics", timeout_s=0.3).body.decode()
        except (OSError, http.HTTPException):
            return {}
        queues = {}
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            metric = name.split("{")[0]
            if not line.startswith("#") and not metric.endswith("_total") and any(word in metric for word in _QUEUES):
                queues[metric] = queues.get(metric, 0) + float(value)
        return queues

    # The end

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._journal.flush()

    def note_states(self):
        """The `state` lines: what Redis holds of every user of the run at the end."""
        self.read_log()
        users = self._world.users
        # All at once: in a crowd, one question after the other would take seconds.
        pipe = self._redis.pipeline(transaction=False)
        for user in users:
            pipe.hgetall(f"presence:meta:{user}").exists(f"presence:user:{user}")
        answers = iter(pipe.execute())
        online, ends = set(self._redis.zrange("presence:online", 0, -1)), set(self._redis.zrange("presence:ends", 0, -1))
        for user in users:
            meta, mirror = next(answers), next(answers)
            ending = any(re.match(r"\d+ [1-9]", value) for field, value in meta.items()
                         if field.startswith(("e/", "http/")))
            self._log.note("state", user=user, status=_STATUS[meta.get("status", "f")],
                           mirror=bool(mirror), ends=user in ends,
                           has_ends_at=ending, online=user in online, meta=bool(meta))
        self._log.close()
