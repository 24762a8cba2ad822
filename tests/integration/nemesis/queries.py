"""Who asks over HTTP, as a process of its own: bulk and single queries, in turn at every http-api, several a second.
Questions: start, report, stop."""

import asyncio
import json
import pathlib
import random
import resource
import time

from .child import main
from .journal import Journal
from .stalls import LoopStalls, settle_memory

_FLUSH_S = 0.5
_PATIENCE_S = 3.0
_BULK_USERS = 150


async def post_status(address, users):
    """({user: status}, None), or (None, error): an HTTP status, or a text where none came."""
    body = json.dumps({"userIds": users}).encode()
    head = (f"POST /api/presence/status HTTP/1.1\r\nHost: nemesis\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
    host, port = address.rsplit(":", 1)
    writer = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 22)
            writer.write(head + body)
            answer_head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.read(-1)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        return None, type(error).__name__
    finally:
        if writer is not None:
            writer.transport.abort()
    status = int(answer_head[9:12])
    if status != 200:
        return None, status
    return {user: state["status"] for user, state in json.loads(answer).items()}, None


class Queries:
    """`rate`: bulk queries a second; as many single ones beside them."""

    def __init__(self, journal, addresses, users, rate, seed):
        settle_memory()
        self.journal = Journal(pathlib.Path(journal))
        self.stalls = LoopStalls(self.journal)
        self.addresses, self.users, self.random = addresses, users, random.Random(seed)
        self.answers_count = self.errors_count = 0
        self._tasks = [asyncio.ensure_future(self._ask_on(event, count, rate))
                       for event, count in (("bulk", _BULK_USERS), ("single", 1))]
        self._tasks.append(asyncio.ensure_future(self._flush()))

    async def _ask_on(self, event, count, rate):
        """One question at a time of each kind: who is not answered asks no more meanwhile."""
        turn = 0
        while True:
            turn += 1
            asked = time.monotonic()
            users = self.random.sample(self.users, min(count, len(self.users)))
            answer, error = await post_status(self.addresses[turn % len(self.addresses)], users)
            if error is None:
                self.answers_count += 1
                self.journal.note(event, asked=round(asked, 6), users=answer)
            else:
                self.errors_count += 1
                self.journal.note(event, asked=round(asked, 6), error=error)
            await asyncio.sleep(max(0.0, asked + 1 / rate - time.monotonic()))

    async def _flush(self):
        while True:
            await asyncio.sleep(_FLUSH_S)
            self.journal.flush()

    def report(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"answers": self.answers_count, "errors": self.errors_count, "cpu_s": used.ru_utime + used.ru_stime,
                "worst_stall_ms": self.stalls.worst_ms}

    def stop(self):
        for task in self._tasks:
            task.cancel()
        self.journal.close()


def handlers():
    made = []

    def start(**settings):
        made.append(Queries(**settings))

    return {"start": start, "report": lambda: made[0].report(), "stop": lambda: made[0].stop()}


if __name__ == "__main__":
    main(handlers)
