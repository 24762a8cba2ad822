"""How long a process was kept from running: a timer's oversleep. Noted where it is more than STALL_MS."""

import asyncio
import gc
import threading
import time

from .journal import Journal

STALL_MS = 50
_LOOK_S = 0.02


def settle_memory():
    """No collector, whose pauses would be taken for the machine's; what is made in a run is bounded by its length."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _note(journal: Journal, before):
    stall_ms = (time.monotonic() - before - _LOOK_S) * 1000
    if stall_ms > STALL_MS:
        journal.note("stall", ms=round(stall_ms))
    return stall_ms


class LoopStalls:
    """Of an asyncio loop: its own work counts too, as it delays what is measured there. `worst_ms` since the start."""

    def __init__(self, journal):
        self._journal = journal
        self.worst_ms = 0
        self._task = asyncio.ensure_future(self._watch())

    async def _watch(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(_LOOK_S)
            self.worst_ms = max(self.worst_ms, _note(self._journal, before))


class ThreadStalls:
    """Of a process with threads."""

    def __init__(self, journal):
        self._journal = journal
        self.worst_ms = 0
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="stalls", daemon=True).start()

    def _watch(self):
        while not self._over.is_set():
            before = time.monotonic()
            time.sleep(_LOOK_S)
            self.worst_ms = max(self.worst_ms, _note(self._journal, before))

    def stop(self):
        self._over.set()
