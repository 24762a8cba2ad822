"""GET /api/presence/stream while processes die, stop and come back: streams go on, and are told the differences."""

import contextlib
import random
import socket
import threading
import time

from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"edges": 2, "apis": 2, "cores": 2, "fanouts": 2}


def test_a_fanout_that_dies_is_replaced_and_only_differences_are_told(own_system):
    system = own_system(fanouts=1)
    stays, leaves, comes = new_user("stays"), new_user("leaves"), new_user("comes")
    stream = system.stream("?statuses=full").wait_ready()
    system.connect(stays)
    leaver = system.connect(leaves)
    stream.wait_status(leaves, "online").wait_status(stays, "online")
    system.fanouts[0].kill()
    leaver.close()
    system.connect(comes)
    eventually("they have", lambda: (system.bulk_status(leaves), system.bulk_status(comes)) == ("offline", "online"))
    system.fanouts[0].restart()
    stream.wait_status(leaves, "offline").wait_status(comes, "online")
    assert stream.statuses(stays) == ["online"]
    assert stream.connections == 1 and stream.resets() == ["new"]
    eventually("an id again", lambda: stream.last_event_id)


def test_a_core_that_dies_is_not_noticed(system):
    user, stream = new_user("steady"), system.stream().wait_ready()
    client = system.connect(user)
    stream.wait_status(user, "online")
    system.cores[0].kill()
    client.close()
    stream.wait_status(user, "offline")
    system.cores[0].restart()
    assert stream.statuses(user) == ["online", "offline"] and stream.connections == 1


def test_lost_data_is_rebuilt_without_a_word_and_old_ids_begin_again(own_system):
    system = own_system()
    stays, stream = new_user("stays"), system.stream("?statuses=full").wait_ready()
    client = system.connect(stays)
    stream.wait_status(stays, "online")
    eventually("its id", lambda: stream.last_event_id)
    old = stream.last_event_id
    system.redis().flushall()
    eventually("it is rebuilt", lambda: system.bulk_status(stays) == "online")
    eventually("an id of the new epoch", lambda: stream.last_event_id and stream.last_event_id.split("-")[0] >
               old.split("-")[0])
    assert stream.statuses(stays) == ["online"] and stream.connections == 1
    again = system.stream("?statuses=full", last_event_id=old).wait_ready()
    assert again.resets() == ["data-lost"] and again.status(stays) == "online"
    client.close()
    stream.wait_status(stays, "offline")


def test_an_http_api_that_begins_before_it_knows_a_core_resumes_all_the_same(own_system):
    system = own_system(cores=2, HTTP_DEADLINE_MS=5000)
    user, stream = new_user("early"), system.stream("?statuses=full").wait_ready()
    system.apis[0].kill()
    client = system.connect(user)
    client.wait_status(user, "online")
    client.close()
    eventually("it is offline", lambda: system.redis().zscore("presence:online", user) is None)
    for core in system.cores:
        core.freeze()
    system.apis[0].start()  # its fanout answers
    stream.wait("it is connected again", lambda: stream.connections == 2)
    time.sleep(1.0)
    for core in system.cores:
        core.thaw()
    stream.wait(f"all of {user}", lambda: stream.statuses(user) == ["online", "offline"])
    assert stream.resets() == ["new"]


def test_without_a_fanout_a_stream_waits_for_one(own_system):
    system = own_system()
    user = new_user("patient")
    system.connect(user)
    eventually("it is online", lambda: system.bulk_status(user) == "online")
    system.fanouts[0].kill()
    stream = system.stream()
    stream.wait("comments", lambda: stream.comments >= 2)
    assert stream.connection_status == 200 and stream.events == []
    system.fanouts[0].restart()
    stream.wait_ready().wait_status(user, "online")


def test_sigterm_ends_streams_cleanly_and_they_go_on_elsewhere(system):
    user = new_user("mover")
    stream = system.stream("?statuses=full", apis=(0, 1)).wait_ready()
    host, port = system.api_address.rsplit(":", 1)
    raw = socket.create_connection((host, int(port)), timeout=5)
    raw.sendall(b"GET /api/presence/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    eventually("both are open", lambda: system.apis[0].metric("zpresence_http_streams") == 2)
    system.apis[0].terminate()
    text = b"".join(iter(lambda: raw.recv(65536), b""))
    assert text.endswith(b"\r\n0\r\n\r\n"), "whole, to the last chunk"
    retries = [int(line.split(b":")[1]) for line in text.splitlines() if line.startswith(b"retry:")]
    assert retries[0] == system.settings["STREAM_RETRY_MS"] and len(retries) == 2
    assert retries[1] <= system.settings["RECONNECT_SPREAD_MS"]
    system.apis[0].stopped()
    assert "process.drain_cut" not in system.apis[0].log()
    raw.close()
    client = system.connect(user)
    stream.wait_status(user, "online")
    client.close()
    stream.wait_status(user, "offline")
    assert stream.statuses(user) == ["online", "offline"] and stream.resets() == ["new"]


# Everything at once


def test_in_a_storm_every_stream_ends_up_knowing_what_is(own_system):
    """Users come, go and change, clients of streams are cut off and come back, a fanout and an http-api die."""
    system = own_system(edges=2, cores=2, fanouts=2, apis=2)
    users = [new_user("storm") for _ in range(12)]
    enough, random_of = threading.Event(), random.Random(5)
    streams = [system.stream("?statuses=full" if i % 2 else "", apis=(i % 2, 1 - i % 2)) for i in range(6)]
    streams += [system.stream(f"?statuses=full&userIds={','.join(users[:4])}") for _ in range(2)]

    def live(mine):
        rolls = random.Random(mine[0])
        while not enough.is_set():
            user = rolls.choice(mine)
            client = system.connect(user, edge=rolls.randrange(2))
            for _ in range(rolls.randrange(4)):
                client.send({"messageType": 5, "status": rolls.choice(["away", "busy", "online", "invisible"])})
                time.sleep(rolls.random() * 0.03)
            client.close()

    threads = [threading.Thread(target=live, args=(users[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(40):
            time.sleep(0.1)
            stream = random_of.choice(streams)
            with contextlib.suppress(OSError, AttributeError):
                stream._connection.sock.shutdown(2)  # cut off in the middle of whatever it reads
            if turn == 10:
                system.fanouts[0].kill()
            if turn == 20:
                system.fanouts[0].restart()
                system.apis[0].kill()
            if turn == 28:
                system.apis[0].restart()
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    stays = [system.connect(user) for user in users[::2]]
    stays[0].send({"messageType": 5, "status": "busy"})
    for i, stream in enumerate(streams):
        full = "full" in stream.path
        for j, user in enumerate(users if "userIds" not in stream.path else users[:4]):
            wanted = "offline" if j % 2 else "busy" if j == 0 and full else "online"
            stream.wait_status(user, wanted)
    assert sum(stream.connections for stream in streams) > 20
    resumed = sum(api.metric("zpresence_http_streams_opened_total", began="resumed") for api in system.apis)
    assert resumed > 5
