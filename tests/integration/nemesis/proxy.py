"""The links: a TCP proxy between chosen processes, as a process of its own. Each link has one mode at a time:

    pass                 as if it were not there
    cut                  every connection is reset, new ones too
    stall                nothing is read any more, either way; connections stay open, new ones are taken and stall
    delay    seconds     each piece arrives that much later, in order
    throttle bytes/s     each way, each connection"""

import asyncio
import socket
import struct

from .child import main

_PIECE_BYTES = 65536
_TRICKLE_MIN_BYTES = 64
# Beyond this a delayed link reads no further, as a real one's buffers are bounded.
_WAITING_MAX_BYTES = 4 << 20


def _reset_on_close(writer):
    """RST instead of FIN."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Link:
    def __init__(self, name, port, target):
        self.name, self.port, self.target = name, port, target
        self.mode, self.amount = "pass", 0.0
        self._changed = asyncio.Event()
        self._writers = set()
        self.bytes_passed = 0

    async def open(self):
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, limit=_PIECE_BYTES)

    def set_mode(self, mode, amount):
        self.mode, self.amount = mode, amount
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if mode == "cut":
            for writer in list(self._writers):
                _reset_on_close(writer)

    async def _take(self, reader, writer):
        if self.mode == "cut":
            _reset_on_close(writer)
            return
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=_PIECE_BYTES)
        except OSError:
            self._writers.discard(writer)
            _reset_on_close(writer)
            return
        self._writers.add(there_writer)
        for each in (writer, there_writer):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))
        for each in (writer, there_writer):
            self._writers.discard(each)
            _reset_on_close(each)

    async def _carry(self, reader, writer):
        """One direction: read while the mode allows it, deliver when it says."""
        pieces, loop = asyncio.Queue(), asyncio.get_running_loop()
        waiting = [0]
        delivery = asyncio.ensure_future(self._deliver(pieces, waiting, writer))
        try:
            while True:
                while self.mode == "stall" or waiting[0] > _WAITING_MAX_BYTES:
                    await self._wait_change(0.01 if self.mode != "stall" else None)
                data = await reader.read(self._piece_bytes())
                if not data:
                    break
                due = loop.time() + (self.amount if self.mode == "delay" else 0.0)
                waiting[0] += len(data)
                pieces.put_nowait((due, data))
        except OSError:
            pass
        pieces.put_nowait(None)
        await delivery

    def _piece_bytes(self):
        # Throttled bytes trickle, in twenty small pieces a second, and do not come in lumps.
        return max(_TRICKLE_MIN_BYTES, int(self.amount / 20)) if self.mode == "throttle" else _PIECE_BYTES

    async def _wait_change(self, within_s):
        try:
            await asyncio.wait_for(self._changed.wait(), within_s)
        except asyncio.TimeoutError:
            pass

    async def _deliver(self, pieces, waiting, writer):
        loop = asyncio.get_running_loop()
        while (piece := await pieces.get()) is not None:
            due, data = piece
            if (early_s := due - loop.time()) > 0:
                await asyncio.sleep(early_s)
            # What was read before the stall is held as well: from then on nothing arrives.
            while self.mode == "stall":
                await self._wait_change(None)
            if self.mode == "throttle":
                await asyncio.sleep(len(data) / self.amount)
            try:
                writer.write(data)
                await writer.drain()
            except OSError:
                return
            waiting[0] -= len(data)
            self.bytes_passed += len(data)
        try:
            if not writer.is_closing():
                writer.write_eof()
        except OSError:  # it has just gone
            pass


def handlers():
    links = {}

    async def start(listens):
        """[[name, port, target port]...]"""
        for name, port, target in listens:
            links[name] = Link(name, port, target)
            await links[name].open()

    def set_mode(names, mode, amount=0.0):
        for name in names:
            links[name].set_mode(mode, amount)

    return {"start": start, "set": set_mode, "passed": lambda: {name: link.bytes_passed for name, link in links.items()}}


if __name__ == "__main__":
    main(handlers)
