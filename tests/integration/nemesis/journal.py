"""One file of the journal (checker/JOURNAL.md): a JSON object a line, in order of `t`, seconds of CLOCK_MONOTONIC.

Threads: any; the time is taken under the lock, so that lines are in order. Buffered: `flush` before anybody reads."""

import json
import threading
import time

_BUFFER_BYTES = 1 << 16


class Journal:
    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8", buffering=_BUFFER_BYTES)
        self._lock = threading.Lock()

    def note(self, event, **keys):
        """Returns the `t` of the line."""
        with self._lock:
            if self._file.closed:
                return time.monotonic()
            now = time.monotonic()
            rest = json.dumps(keys, separators=(",", ":"))[1:-1]
            self._file.write(f'{{"t":{now:.6f},"ev":"{event}"{"," if rest else ""}{rest}}}\n')
            return now

    def life(self, conn):
        """As note("life", conn=conn), which is most of what there is to write."""
        with self._lock:
            if not self._file.closed:
                self._file.write(f'{{"t":{time.monotonic():.6f},"ev":"life","conn":{conn}}}\n')

    def flush(self):
        with self._lock:
            if not self._file.closed:
                self._file.flush()

    def close(self):
        """Notes that come later are dropped: what happens then is the end of the run, and no part of it."""
        with self._lock:
            self._file.close()
