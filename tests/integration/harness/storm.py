"""A storm of hostile clients, as a process of its own: `python3 -m harness.storm '{"address", "source", "half_open",
"unread", "attackers"}'`. Prints "ready" once the half-open heads and the sockets that never read are there, attacks
until its stdin ends, and then prints how each attack ended: {attack: {ending: count}}."""

import collections
import itertools
import json
import random
import selectors
import socket
import sys
import threading
import time

import msgpack

from .raw_client import BINARY, CLOSE, CONTINUATION, FINAL, PING, TEXT, RawClient, frame, head
from .waiting import PATIENCE_S

PRESENCE_ERROR = 35
# Between two attacks of one attacker: a storm, and not a measurement of how fast Python connects.
PAUSE_S = 0.02
SMALLEST_RECEIVE_BUFFER = 4096

_numbers = itertools.count(1)


def _message(**keys):
    return msgpack.packb({"messageType": 25, **keys})


def _all_but_the_end(random_):
    whole = _message(fromId="u" * 40, payload={"a": [1, 2.5, "three", None, b"four"]})
    return whole[: random_.randrange(len(whole))]


# Attacks on the head: what is sent instead of one.
HEADS = {
    "a head of 64 KB": lambda random_: head(headers="x: " + "x" * 65536 + "\r\n"),
    "a head of 64 KB in small lines": lambda random_: head(headers="x: y\r\n" * 11000),
    "binary noise": lambda random_: random_.randbytes(4096) + b"\n",
}

# Attacks with messages that cannot be read: one of these, again and again.
GARBAGE = {
    "truncated MessagePack": _all_but_the_end,
    "a map of 4 billion": lambda random_: b"\xdf\xff\xff\xff\xff\xabmessageType\x1e",
    "an array of 4 billion": lambda random_: b"\xdd\xff\xff\xff\xff\x01\x1e\x00\x00\xc0",
    "4 GB of bytes": lambda random_: b"\x82\xabmessageType\x19\xa7payload\xc6\xff\xff\xff\xff",
    "arrays 16,000 deep": lambda random_: b"\x91" * 16000,
    "arrays of 4 billion, 3,000 deep": lambda random_: b"\xdd\xff\xff\xff\xff" * 3000,
    "maps 5,000 deep": lambda random_: b"\x82\xabmessageType\x19\xa7payload" + b"\x81\xa1a" * 5000 + b"\xc0",
}
MESSAGES_OF_GARBAGE = 15  # more than GARBAGE_MAX, fewer than anything else minds

# Attacks with frames.
FRAMES = {
    "an unmasked frame": lambda: frame(BINARY, _message(), masked=False),
    "a reserved bit": lambda: frame(BINARY, _message(), reserved=0x40),
    "a reserved opcode": lambda: frame(3, b""),
    "a PING of 126 bytes": lambda: frame(PING, b"x" * 126),
    "a continuation of nothing": lambda: frame(CONTINUATION, _message()),
    "text": lambda: frame(TEXT, b"hello"),
    "a message of 20,000 bytes": lambda: frame(BINARY, b"x" * 20000),
    "a message of 2^62 bytes": lambda: bytes([FINAL | BINARY, 0xFF]) + (1 << 62).to_bytes(8, "big") + b"mask" + b"x" * 100,
    "fragments of 20,000 bytes": lambda: frame(BINARY, b"x" * 10000, final=False) + frame(CONTINUATION, b"x" * 10000),
    "a flood of messages": lambda: frame(BINARY, _message(payload="flood")) * 1000,
    "a flood of status changes": lambda: b"".join(
        frame(BINARY, msgpack.packb({"messageType": 5, "status": status})) for status in ("away", "busy")) * 500,
    "a flood of PINGs": lambda: frame(PING, b"x") * 3000,
}


class Storm:
    def __init__(self, address, source, half_open, unread, attackers):
        self.address, self.source = address, source
        self.host_and_port = (address.rsplit(":", 1)[0], int(address.rsplit(":", 1)[1]))
        self.half_open_count, self.unread_count, self.attackers_count = half_open, unread, attackers
        self.endings = collections.defaultdict(collections.Counter)
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.half_open_there = threading.Event()

    def ended(self, attack, ending):
        with self.lock:
            self.endings[attack][ending] += 1

    def run(self):
        unread = [self.never_reads() for _ in range(self.unread_count)]
        threads = [threading.Thread(target=self.keep_half_open)]
        threads += [threading.Thread(target=self.attack, args=(seed,)) for seed in range(self.attackers_count)]
        threads[0].start()
        self.half_open_there.wait()
        for thread in threads[1:]:
            thread.start()
        print("ready", flush=True)
        sys.stdin.read()
        self.over.set()
        for thread in threads:
            thread.join()
        for client in unread:
            client.close()
        print(json.dumps(self.endings), flush=True)

    # Sockets that never read: everything that is sent to them stays with the server

    def never_reads(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_RECEIVE_BUFFER)
        client.settimeout(PATIENCE_S)
        client.bind((self.source, 0))
        client.connect(self.host_and_port)
        client.sendall(head(headers=f"Authorization: Bearer never-reads-{next(_numbers)}\r\n"))
        assert client.recv(12) == b"HTTP/1.1 101"
        return client

    # Half-open heads: always that many

    def keep_half_open(self):
        selector = selectors.DefaultSelector()
        for _ in range(self.half_open_count):
            self.open_half(selector)
        self.half_open_there.set()
        while not self.over.is_set():
            for key, _ in selector.select(0.1):
                self.ended("half a head", self.ending_of_half(key.fileobj, time.monotonic() - key.data))
                selector.unregister(key.fileobj)
                key.fileobj.close()
                self.open_half(selector)
        for key in list(selector.get_map().values()):
            key.fileobj.close()

    def open_half(self, selector):
        client = socket.create_connection(self.host_and_port, PATIENCE_S, (self.source, 0))
        client.sendall(b"GET / HTTP/1.1\r\nHost: ")
        selector.register(client, selectors.EVENT_READ, time.monotonic())

    def ending_of_half(self, client, age_s):
        try:
            data = client.recv(4096)
        except ConnectionResetError:
            return "reset"
        return data.decode("latin-1") or ("closed early" if age_s < 1 else "closed")

    # Attackers: one attack after the other

    def attack(self, seed):
        random_ = random.Random(seed)
        attacks = [*((name, self.attack_head, HEADS) for name in HEADS),
                   *((name, self.attack_messages, GARBAGE) for name in GARBAGE),
                   *((name, self.attack_frames, FRAMES) for name in FRAMES)]
        while not self.over.is_set():
            random_.shuffle(attacks)
            for name, attack, table in attacks:
                if self.over.is_set():
                    return
                client = RawClient(self.address, self.source)
                try:
                    ending = attack(client, table[name], random_)
                except Exception as error:  # whatever it is, it is no ending that the test knows
                    ending = f"{type(error).__name__}: {str(error)[:200]}"
                finally:
                    client.close()
                self.ended(name, ending)
                self.over.wait(PAUSE_S)

    def attack_head(self, client, make, random_):
        client.send(make(random_))
        answer = client.refused()
        return f"{answer.status} {answer.refusal()}"

    def attack_messages(self, client, make, random_):
        self.enter(client)
        client.send(b"".join(frame(BINARY, make(random_)) for _ in range(MESSAGES_OF_GARBAGE)))
        return self.ending(client)

    def attack_frames(self, client, make, _random):
        self.enter(client)
        client.send(make())
        return self.ending(client)

    def enter(self, client):
        client.shake_hands(headers=f"Authorization: Bearer attacker-{next(_numbers)}\r\n")

    def ending(self, client):
        """The codes of all 35s that were heard, and that of the close frame."""
        told, deadline = [], time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            first, payload = client.next_frame()
            if first == FINAL | CLOSE:
                told.append(str(int.from_bytes(payload[:2], "big")))
                return " ".join(told)
            if first == FINAL | BINARY:
                message = msgpack.unpackb(payload)
                if message["messageType"] == PRESENCE_ERROR:
                    told.append(message["code"])
        return " ".join([*told, "and left open"])


if __name__ == "__main__":
    Storm(**json.loads(sys.argv[1])).run()
