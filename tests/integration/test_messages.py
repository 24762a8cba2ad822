"""What a client may say and is answered, in both forms (CONTRACT section A, "Frames", "The array form")."""

import pytest

from harness.inbox import PRESENCE_ERROR, PRESENCE_UPDATE
from harness.users import new_user
from harness.waiting import eventually, never

SYSTEM = {"edges": 2}

STATUS, CONNECTION_TEST, CONNECTION_ACK = 5, 25, 26
TRAFFIC = [1, 2, 3, 4, 6, 7, 8, 17, 18, 19, 20, 21, 22, 23, 24, 27]


def test_away_and_busy_show_as_online_to_the_clients_of_the_guide(system):
    observer = system.observe()
    client = system.connect(new_user())
    observer.wait_status(client.user, "online")
    for status in ("away", "busy", "online"):
        client.send({"messageType": STATUS, "status": status})
    never("something is seen", lambda: len(observer.updates(client.user)) > 1, 0.5)
    assert system.bulk_status(client.user) == "online"


def test_who_asks_for_all_statuses_sees_each(system):
    observer = system.observe(query="?statuses=full")
    client = system.connect(new_user())
    for status in ("away", "busy", "online"):
        observer.wait("the one before", lambda: observer.status(client.user))
        client.send({"messageType": STATUS, "status": status})
        observer.wait_status(client.user, status)
    client.close()
    observer.wait_statuses(client.user, ["online", "away", "busy", "online", "offline"])


def test_invisible_is_offline_to_everybody(system):
    observers = [system.observe(), system.observe(query="?statuses=full")]
    client = system.connect(new_user())
    for observer in observers:
        observer.wait_status(client.user, "online")
    client.send({"messageType": STATUS, "status": "invisible"})
    for observer in observers:
        observer.wait_status(client.user, "offline")
    assert system.bulk_status(client.user) == "offline"
    assert not system.redis().exists(f"presence:user:{client.user}")
    client.send({"messageType": STATUS, "status": "online"})
    for observer in observers:
        observer.wait_statuses(client.user, ["online", "offline", "online"])


def test_of_several_devices_the_busiest_status_is_shown(system):
    observer = system.observe(query="?statuses=full")
    user = new_user()
    phone, tablet = system.connect(user, device="phone"), system.connect(user, device="tablet", edge=1)
    observer.wait_status(user, "online")
    phone.send({"messageType": STATUS, "status": "busy"})
    observer.wait_status(user, "busy")
    tablet.send({"messageType": STATUS, "status": "away"})
    never("it is seen away", lambda: observer.status(user) == "away", 0.3)
    phone.close()
    observer.wait_status(user, "away")


@pytest.mark.parametrize("options", [
    {"query": "?wire=array"},
    {"headers": {"voicepingtoken": "native-sdk-1", "device_id": "phone"}},
    {"headers": {"token": "native-sdk-2", "device_id": "phone"}},
])
def test_the_sdk_hears_arrays(system, options):
    observer = system.connect(new_user("sdk"), **options)
    user = new_user()
    client = system.connect(user)
    frame = observer.wait_status(user, "online")
    timestamp = frame.message[4]["timestamp"]
    assert isinstance(timestamp, int)
    update = {"type": "presence_update", "userId": user, "status": "online", "timestamp": timestamp}
    assert frame.message == [0, PRESENCE_UPDATE, 0, "broadcast", update]
    assert list(frame.message[4]) == list(update)
    client.close()
    observer.wait_status(user, "offline")


def test_the_token_of_a_header_is_the_user(system):
    observer = system.observe()
    user = new_user("by-header")
    system.connect("ignored", headers={"voicepingtoken": user})
    observer.wait_status(user, "online")


def test_who_speaks_arrays_first_is_answered_in_arrays(system):
    client = system.connect(new_user())
    client.send([1, CONNECTION_TEST, 0, "", "are you there"])
    assert client.wait_frame(CONNECTION_ACK).message == [1, CONNECTION_ACK, 0, client.user, "are you there"]
    later = system.connect(new_user())
    frame = client.wait_status(later.user, "online")
    assert isinstance(frame.message, list)


@pytest.mark.parametrize("payload", ["text", 7, None, {"a": [1, 2, 3]}, b"\x00\xff", 1.5])
def test_a_connection_test_is_echoed(system, payload):
    client = system.connect(new_user())
    client.send({"messageType": CONNECTION_TEST, "payload": payload})
    answer = client.wait_frame(CONNECTION_ACK).message
    assert answer["payload"] == payload
    assert list(answer)[0] == "messageType"


def test_voice_traffic_and_unknown_types_are_ignored(system):
    client = system.connect(new_user())
    for kind in [*TRAFFIC, 99, 1000000, -1]:
        client.send({"messageType": kind, "fromId": "x", "toId": "y", "payload": b"\x01\x02"})
        client.send([1, kind, 1, 2, b"\x01\x02"])
    client.send({"messageType": CONNECTION_TEST, "payload": "the last"})
    client.wait_frame(CONNECTION_ACK)
    assert client.frames(PRESENCE_ERROR) == []
    assert client.is_open()


def test_nobody_speaks_for_another(system):
    observer = system.observe(query="?statuses=full")
    victim, liar = system.connect(new_user("victim")), system.connect(new_user("liar"))
    for client in (victim, liar):
        observer.wait_status(client.user, "online")
    liar.send({"messageType": STATUS, "fromId": victim.user, "status": "busy"})
    observer.wait_status(liar.user, "busy")
    assert observer.statuses(victim.user) == ["online"]


def test_garbage_is_answered_once_and_who_keeps_sending_it_is_closed(system):
    client = system.connect(new_user())
    client.send_bytes(b"\xc1\xc1")
    assert client.wait_frame(PRESENCE_ERROR).message["code"] == "invalid_message"

    def keep_sending():
        if client.is_open():
            client.try_send_bytes(b"\xff")
        return client.closed

    eventually("it is closed", keep_sending)
    assert client.close_code in (1007, 1008)
    assert client.close_reason in ("too many messages that cannot be read", "too many messages")
    assert len(client.frames(PRESENCE_ERROR)) == 1


def test_text_is_1003_and_a_message_too_large_1009(system):
    texter, shouter = system.connect(new_user()), system.connect(new_user())
    texter.send_bytes("hello")
    assert texter.wait_closed() == 1003
    shouter.send_bytes(b"x" * 20000)
    assert shouter.wait_closed() == 1009


def test_a_closed_offender_is_offline_like_anybody(system):
    observer = system.observe()
    client = system.connect(new_user())
    observer.wait_status(client.user, "online")
    client.send_bytes("text")
    observer.wait_status(client.user, "offline")
