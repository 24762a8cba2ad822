"""Many come at once: they wait before the door, are told when to come again, and get in; who is in notices nothing."""

import threading
import time

import msgpack

from harness.inbox import PRESENCE_ERROR
from harness.raw_client import BINARY, head
from harness.users import new_user
from harness.waiting import SLACK_S, eventually, never

# Those made by hand do not answer PINGs, and are to stay.
LASTING = {"PRESENCE_TTL": 30}
CROWD_FROM = "127.0.0.2"


def handshakes(edge, result):
    return edge.metric("zpresence_edge_handshakes_total", result=result)


def holds(edge, reason):
    return edge.metric("zpresence_edge_door_holds_total", reason=reason)


def come(connect_raw, edge, user=None):
    client = connect_raw(edge, CROWD_FROM)
    client.user = user or new_user("crowd")
    client.send(head(headers=f"Authorization: Bearer {client.user}\r\n"))
    return client


class Insiders:
    """Two who are in: one changes, the other hears it. Neither may notice who comes."""

    def __init__(self, system):
        self.system, self.longest_s = system, 0
        self.observer = system.observe(query="?statuses=full")
        self.actor = system.connect(new_user("actor"))
        self.observer.wait_status(self.actor.user, "online")
        self._status = "online"
        self._pings = len(self.observer.pings)
        self._began = time.monotonic()

    def step(self):
        self._status = "away" if self._status == "online" else "online"
        began = time.monotonic()
        self.actor.send({"messageType": 5, "status": self._status})
        self.observer.wait_status(self.actor.user, self._status)
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        time.sleep(0.02)

    def check(self, but_offline=()):
        seconds = time.monotonic() - self._began
        assert self.longest_s < 1, f"a frame came after {self.longest_s:.2f} s"
        for client in (self.observer, self.actor):
            assert client.is_open()
        expected = seconds / self.system.seconds("PING_INTERVAL")
        assert len(self.observer.pings) - self._pings >= expected * 0.7 - 2, "PINGs are missing"
        users = {frame.user for frame in self.observer.frames(31)} - set(but_offline)
        assert [user for user in users if "offline" in self.observer.statuses(user)] == []


def test_a_crowd_is_let_in_at_the_rate_and_those_who_are_in_notice_nothing(own_system, connect_raw):
    rate, count = 50, 120
    system = own_system(apis=0, HANDSHAKE_RATE=rate, HANDSHAKE_WAIT_MS=60000, **LASTING)
    edge = system.edges[0]
    insiders = Insiders(system)
    began = time.monotonic()
    crowd = [come(connect_raw, edge) for _ in range(count)]
    answers = []
    reader = threading.Thread(target=lambda: answers.extend(client.answer() for client in crowd))
    reader.start()
    while reader.is_alive():
        insiders.step()
    took_s = time.monotonic() - began
    assert [answer.status for answer in answers] == [101] * count
    assert took_s >= (count - rate / 20 - 1) / rate - 0.1
    for client in crowd:
        insiders.observer.wait_status(client.user, "online")
    insiders.check()
    assert holds(edge, "rate") > 0
    assert "edge.door.held reason=\"HANDSHAKE_RATE is reached\"" in edge.log()
    assert handshakes(edge, "server_busy") == 0
    assert edge.metric("zpresence_edge_backlog") == 0


def test_who_has_waited_for_too_long_is_told_when_to_come_again_and_gets_in(own_system, connect_raw):
    rate, count, wait_s, spread_s = 20, 60, 0.5, 2
    system = own_system(apis=0, HANDSHAKE_RATE=rate, HANDSHAKE_WAIT_MS=int(wait_s * 1000),
                        RECONNECT_SPREAD_MS=spread_s * 1000, **LASTING)
    edge = system.edges[0]
    insiders = Insiders(system)
    told, refused, inside = [], 0, []

    def one():
        nonlocal refused
        user = new_user("crowd")
        while True:
            client = come(connect_raw, edge, user)
            answer = client.answer()
            if answer.status == 101:
                inside.append(client)
                return
            refused += 1
            answer.body = client.rest()
            assert (answer.status, answer.refusal()) == (503, "server_busy")
            told.append(int(answer.headers["retry-after"]))
            time.sleep(told[-1])

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        insiders.step()
    assert len(inside) == count
    assert set(told) == set(range(1, spread_s + 1))
    assert handshakes(edge, "server_busy") == refused
    assert refused >= count - rate * (wait_s * 1.25 + SLACK_S) - 2, "they were not made to wait"
    for client in inside:
        insiders.observer.wait_status(client.user, "online")
    insiders.check()


# The cores are behind

SMALL_QUEUE = {"STATEMENT_BATCHES_MAX": 1, "STATEMENT_BATCH": 2}
WAITS_S = 1.0  # who is not answered by then waits before the door
QUEUED_MAX = 2 + 2 + 1  # as many as may be under way, as many again, and one that was let in with the last


def come_until_one_waits(connect_raw, edge):
    """Those who were let in, and the first who was not."""
    inside = []
    while True:
        client = come(connect_raw, edge)
        if not client.is_answered(WAITS_S):
            return inside, client
        client.entered()
        inside.append(client)
        assert len(inside) <= QUEUED_MAX, "the door stays open"


def test_while_the_cores_are_behind_those_who_come_wait_and_then_get_in(own_system, connect_raw):
    system = own_system(apis=0, HANDSHAKE_WAIT_MS=60000, **SMALL_QUEUE, **LASTING)
    edge, redis = system.edges[0], system.redis_server.process
    insider = system.observe()
    redis.freeze()
    inside, first = come_until_one_waits(connect_raw, edge)
    assert len(inside) >= 2
    crowd = [first, *(come(connect_raw, edge) for _ in range(10))]
    never("one is let in", lambda: any(client.is_answered(0) for client in crowd), 0.5)
    assert edge.metric("zpresence_edge_backlog") == len(crowd)
    assert holds(edge, "cores") > 0
    pings = len(insider.pings)
    eventually("PINGs go on", lambda: len(insider.pings) > pings + 1)
    redis.thaw()
    for client in crowd:
        client.entered()
    for client in inside + crowd:
        insider.wait_status(client.user, "online")
    assert insider.is_open()
    assert handshakes(edge, "server_busy") == 0
    assert handshakes(edge, "accepted") == 1 + len(inside) + len(crowd)


def test_who_waits_for_cores_that_stay_behind_is_told_to_come_again(own_system, connect_raw):
    wait_s = WAITS_S + 1
    system = own_system(apis=0, HANDSHAKE_WAIT_MS=int(wait_s * 1000), **SMALL_QUEUE, **LASTING)
    edge, redis = system.edges[0], system.redis_server.process
    insider = system.observe()
    redis.freeze()
    _, first = come_until_one_waits(connect_raw, edge)
    began = time.monotonic()
    second = come(connect_raw, edge)
    for client in (first, second):
        answer = client.refused()
        assert (answer.status, answer.refusal()) == (503, "server_busy")
        assert int(answer.headers["retry-after"]) >= 1
    took_s = time.monotonic() - began
    assert wait_s - 0.05 <= took_s <= wait_s * 1.25 + SLACK_S
    assert f"edge.handshake.limited code=server_busy from={CROWD_FROM}" in edge.log()
    redis.thaw()
    again = come(connect_raw, edge)
    again.entered()
    insider.wait_status(again.user, "online")
    assert insider.is_open()


# Heads

def test_heads_that_do_not_come_lock_nobody_out(own_system, connect_raw):
    heads_max, silent_count, patience_s = 5, 30, 0.5
    system = own_system(apis=0, HANDSHAKES_MAX=heads_max, HANDSHAKE_TIMEOUT=60000, **LASTING)
    edge = system.edges[0]
    silent = [connect_raw(edge, CROWD_FROM) for _ in range(silent_count)]
    began = time.monotonic()
    system.connect(new_user("honest"))
    assert time.monotonic() - began <= silent_count / heads_max * patience_s + SLACK_S
    evicted = silent_count + 1 - heads_max
    eventually("the slowest are gone", lambda: handshakes(edge, "evicted") >= evicted - 1)
    answer = silent[0].refused()
    assert (answer.status, answer.refusal()) == (503, "evicted")
    assert int(answer.headers["retry-after"]) >= 1
    assert holds(edge, "heads") > 0
    assert f"code=evicted from={CROWD_FROM}" in edge.log()


def test_a_crowd_larger_than_all_heads_that_are_read_at_once_gets_in(own_system, connect_raw):
    system = own_system(apis=0, HANDSHAKES_MAX=4, **LASTING)
    edge = system.edges[0]
    crowd = [connect_raw(edge, CROWD_FROM) for _ in range(12)]
    for client in crowd:
        client.send(head(headers=f"Authorization: Bearer {new_user('crowd')}\r\n"))
    for client in crowd:
        client.entered()
    assert handshakes(edge, "evicted") == 0


# SIGTERM

def test_clients_of_a_stopping_edge_get_into_another_one_within_the_grace(own_system, connect_raw):
    """At its rate: nobody of them is seen offline, and those who are told to come again do."""
    rate, count = 40, 80
    system = own_system(edges=2, HANDSHAKE_RATE=rate, HANDSHAKE_WAIT_MS=600, RECONNECT_SPREAD_MS=1000,
                        RECONNECT_GRACE_MS=10000, **LASTING)
    leaving, staying = system.edges
    observer = system.observe(edge=1)
    crowd, refused = [], 0
    for _ in range(count):
        client = come(connect_raw, leaving)
        client.entered()
        crowd.append(client)
    for client in crowd:
        observer.wait_status(client.user, "online")

    def move(client):
        nonlocal refused
        while (message := msgpack.unpackb(client.next_of(BINARY)))["messageType"] != PRESENCE_ERROR:
            pass
        assert message["code"] == "draining"
        time.sleep(message["reconnectAfterMs"] / 1000)
        while True:
            again = come(connect_raw, staying, client.user)
            answer = again.answer()
            if answer.status == 101:
                return
            assert answer.status == 503
            refused += 1
            time.sleep(int(answer.headers["retry-after"]))

    movers = [threading.Thread(target=move, args=(client,)) for client in crowd]
    for mover in movers:
        mover.start()
    stopped_at = time.monotonic()
    leaving.terminate()
    for mover in movers:
        mover.join()
    took_s = time.monotonic() - stopped_at
    leaving.stopped()
    assert took_s < system.seconds("RECONNECT_GRACE_MS") - 1
    assert holds(staying, "rate") > 0
    never("somebody is offline", lambda: [client.user for client in crowd if observer.status(client.user) == "offline"],
          system.seconds("RECONNECT_GRACE_MS") - took_s + 1 + SLACK_S)
    assert [client.user for client in crowd if observer.statuses(client.user) != ["online"]] == []
    answer = system.bulk(*(client.user for client in crowd)).json()
    assert {user: state["status"] for user, state in answer.items() if state["status"] != "online"} == {}
