"""A private Redis with the real scripts in it, on a socket in a folder of its own; nothing is kept on disk.

The one thing that is not real is time: each call names the time that the scripts read as Redis TIME. So a history can
be repeated to the millisecond, and its boundaries are hit exactly.
"""

import json
import pathlib
import re
import shutil
import tempfile

import redis

from harness.process import Process, base_environment
from harness.waiting import eventually

FOLDER = pathlib.Path(__file__).parents[3] / "services" / "presence-core" / "scripts"

# In front of lib.lua: Redis' TIME is the key that the call names.
_CLOCK = """
local real_redis = redis
local redis = setmetatable({ call = function(command, ...)
  if command == 'TIME' then return { math.floor(KEYS[1] / 1000), KEYS[1] % 1000 * 1000 } end
  return real_redis.call(command, ...)
end }, { __index = real_redis })
"""

# Everything that Redis holds, as JSON: [[key, type, value, ttl_ms], ...].
_LOOK = """
local seen = {}
local readers = { string = { 'GET' }, hash = { 'HGETALL' }, set = { 'SMEMBERS' },
                  zset = { 'ZRANGE', 0, -1, 'WITHSCORES' }, stream = { 'XRANGE', '-', '+' } }
for _, key in ipairs(redis.call('KEYS', 'presence:*')) do
  local type = redis.call('TYPE', key).ok
  local reader = readers[type]
  seen[#seen + 1] = { key, type, redis.call(reader[1], key, unpack(reader, 2)), redis.call('PTTL', key) }
end
return cjson.encode(seen)
"""
_BACKUP = """
for _, key in ipairs(redis.call('KEYS', 'backup:*')) do redis.call('DEL', key) end
for _, key in ipairs(redis.call('KEYS', 'presence:*')) do redis.call('COPY', key, 'backup:' .. key) end
"""
_RESTORE = """
for _, key in ipairs(redis.call('KEYS', 'presence:*')) do redis.call('DEL', key) end
for _, key in ipairs(redis.call('KEYS', 'backup:*')) do redis.call('COPY', key, string.sub(key, 8)) end
"""


BREAKS = None  # mutations.py: (a file's name, its text) -> the text to take instead


def sources():
    """name -> text of each script, as embed_scripts.cmake puts it together."""
    texts = {path.stem: path.read_text() for path in FOLDER.glob("*.lua")}
    if BREAKS:
        texts = {name: BREAKS(name, text) for name, text in texts.items()}
    behind = {name: re.findall(r"[a-z_]+(?=\.lua)", "".join(re.findall(r"(?m)^-- Behind .*$", text)))
              for name, text in texts.items()}
    return {name: "\n".join([texts["lib"], *(texts[library] for library in behind[name]), text])
            for name, text in texts.items() if name != "lib" and not name.endswith("_lib")}


class ScriptRedis:
    """Runs the calls of a history. Close it with `with`."""

    def __init__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="zp-model-"))
        self.histories_count, self.calls_count = 0, 0
        path = self._folder / "redis"
        argv = ["redis-server", "--port", 0, "--unixsocket", path, "--save", "", "--appendonly", "no"]
        self._server = Process("redis", argv, base_environment(), self._folder / "redis.log").start()
        self._redis = redis.Redis(unix_socket_path=str(path), decode_responses=True)
        eventually("redis answers", self._answers)
        self._shas = {name: self._load(_CLOCK + text) for name, text in sources().items()}
        self._look = self._load(_LOOK)
        self._hands = {"backup": ("EVALSHA", self._load(_BACKUP), 0), "restore": ("EVALSHA", self._load(_RESTORE), 0)}

    def _answers(self):
        try:
            return self._redis.ping()
        except redis.ConnectionError:
            return False

    def _load(self, text):
        return self._redis.execute_command("SCRIPT LOAD", text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._redis.close()
        self._server.kill()
        shutil.rmtree(self._folder)

    def run(self, calls):
        """For each call what it answered (an exception where it is an error) and, as JSON, what Redis holds after it;
        from nothing."""
        self.histories_count += 1
        self.calls_count += len(calls)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.execute_command("FLUSHALL")
        for call in calls:
            if call.script == "by hand":
                pipeline.execute_command(*self._hands.get(call.arguments[0], call.arguments))
            else:
                pipeline.execute_command("EVALSHA", self._shas[call.script], 1, call.real, *call.arguments)
            pipeline.execute_command("EVALSHA", self._look, 0)
        replies = pipeline.execute(raise_on_error=False)[1:]
        return zip(replies[::2], map(json.loads, replies[1::2]))
