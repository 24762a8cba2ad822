"""Both wires to the byte (CONTRACT section A, proto/WIRE.md): the golden files of tests/unit/wire/golden are what
MessagePack libraries other than ours write and read, and what passes through the socket of a real edge is that."""

import json
import pathlib
import re
import subprocess

import msgpack
import pytest

from harness.child_client import NODE_FOLDER
from harness.inbox import LOGIN_DUPLICATED, PRESENCE_ERROR, PRESENCE_SNAPSHOT
from harness.process import base_environment
from harness.system import REPOSITORY
from harness.users import new_user
from harness.waiting import PATIENCE_S, eventually, never

SYSTEM = {"edges": 1}

GOLDEN = pathlib.Path(REPOSITORY) / "tests" / "unit" / "wire" / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.hex"))

CONNECTION_TEST, CONNECTION_ACK, HEARTBEAT = 25, 26, 30
NO_GROUP_TEXT = "toId must be a group: an integer, or 1 to 128 bytes of text"
LOGIN_DUPLICATED_TEXT = "this user has logged in on another device"

# Everything that makes a connection's form, and the form it makes. Where it is its first message, it says this one.
MAPS = [{}, {"query": "?wire=map"}]
ARRAYS = [
    {"headers": {"token": "{user}", "device_id": "phone"}},
    {"headers": {"voicepingtoken": "{user}", "deviceid": "phone"}},
    {"query": "?wire=array"},
    {"first": [1, HEARTBEAT, 0, 0, None]},
]


def golden(name):
    """What it says, and its bytes."""
    told, *rows = (GOLDEN / f"{name}.hex").read_text().splitlines()
    return json.loads(told.removeprefix("# ")), bytes.fromhex(" ".join(rows))


def inbound(kind):
    """The golden files of that type, as (name, bytes)."""
    return [(name, golden(name)[1]) for name in NAMES if re.match(rf"in-{kind}[-.]", name)]


def connect(system, how, user=None, more="", **options):
    """A client of that row of MAPS or ARRAYS, which has heard that it is online."""
    user = user or new_user("wire")
    query = how.get("query", "")
    if more:
        query += ("&" if query else "?") + more
    headers = {name: value.format(user=user) for name, value in how.get("headers", {}).items()} or None
    client = system.connect(user, query=query, headers=headers,
                            **({"subprotocols": ["not-this-one", "phone"]} if headers else {}), **options)
    if "first" in how:
        client.wait_status(user, "online")  # in maps: nobody can know better yet
        client.send(how["first"])
    return client


def update(message, user, status):
    """A type 31 of that form; only its time is taken from what came."""
    if isinstance(message, list):
        at = message[4]["timestamp"]
        assert isinstance(at, int)
        return [0, 31, 0, "broadcast", {"type": "presence_update", "userId": user, "status": status, "timestamp": at}]
    at = message["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    return {"messageType": 31, "fromId": user, "toId": "", "status": status, "timestamp": at, "channelType": 1}


# The golden files themselves


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_is_what_another_library_writes(name):
    message, data = golden(name)
    assert msgpack.packb(message) == data
    assert json.dumps(msgpack.unpackb(data)) == json.dumps(message)  # with the order of keys


def test_every_golden_file_is_what_the_library_of_the_guide_reads():
    script = ("const { decode } = require('@msgpack/msgpack');"
              "const given = JSON.parse(require('fs').readFileSync(0));"
              "process.stdout.write(JSON.stringify(given.map((hex) => decode(Buffer.from(hex, 'hex')))));")
    files = [golden(name) for name in NAMES]
    done = subprocess.run(["node", "-e", script], cwd=NODE_FOLDER, env=base_environment(), capture_output=True,
                          input=json.dumps([data.hex() for _, data in files]).encode(), timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [message for message, _ in files]


# Outbound


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("how", MAPS + ARRAYS)
def test_an_update_has_exactly_the_bytes_of_its_form(system, how, full):
    observer = connect(system, how, more="statuses=full" if full else "")
    if "first" in how:  # its form is known once this is answered
        observer.send([1, CONNECTION_TEST, 0, 0, None])
        observer.wait_frame(CONNECTION_ACK)
    client = system.connect(new_user())
    steps = ["online", "away", "busy", "offline"] if full else ["online", "offline"]
    for status in steps:
        if status == "offline":
            client.close()
        elif observer.status(client.user):
            client.send({"messageType": 5, "status": status})
        frame = observer.wait_status(client.user, status)
        assert isinstance(frame.message, list) == (how in ARRAYS)
        assert frame.raw == msgpack.packb(update(frame.message, client.user, status))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("how", MAPS + ARRAYS[:3])
def test_a_snapshot_has_exactly_the_bytes_of_its_form(system, how, full):
    watcher, busy = system.observe(query="?statuses=full"), system.connect(new_user(), device="tablet")
    watcher.wait_status(busy.user, "online")
    busy.send({"messageType": 5, "status": "busy"})
    watcher.wait_status(busy.user, "busy")
    observer = connect(system, how, more="snapshot=1" + ("&statuses=full" if full else ""))
    frame = observer.wait_frame(PRESENCE_SNAPSHOT)
    as_array = how in ARRAYS
    told = frame.message[4] if as_array else frame.message
    # Who else is listed, when each was seen and how many there are: from what came.
    users = []
    for user in told["users"]:
        is_busy = user["userId"] == busy.user
        assert isinstance(user["lastSeen"], int if as_array else str)
        status = "online" if not full else "busy" if is_busy else user["status"]
        users.append({"userId": user["userId"], "status": status, "lastSeen": user["lastSeen"],
                      **({"deviceId": "tablet" if is_busy else user["deviceId"]} if as_array else {})})
    assert busy.user in [user["userId"] for user in users]
    contract = {"messageType": 32, "users": users}
    if as_array:
        assert isinstance(told["timestamp"], int) and told["totalOnline"] >= len(users)
        contract = [0, 32, 0, observer.user,
                    {"timestamp": told["timestamp"], "totalOnline": told["totalOnline"], "users": users}]
    assert frame.raw == msgpack.packb(contract)


@pytest.mark.parametrize("how", MAPS + ARRAYS)
def test_a_duplicate_login_has_exactly_the_bytes_of_its_form(kicking, how):
    older = connect(kicking, how)
    older.send([1, CONNECTION_TEST, 0, 0, None] if how in ARRAYS else {"messageType": CONNECTION_TEST})
    older.wait_frame(CONNECTION_ACK)
    kicking.connect(older.user, device="newer")
    frame = older.wait_frame(LOGIN_DUPLICATED)
    if how in ARRAYS:
        assert frame.raw == msgpack.packb([1, 9, 0, older.user, LOGIN_DUPLICATED_TEXT])
    else:
        assert frame.raw == msgpack.packb({"messageType": 9, "toId": older.user, "message": LOGIN_DUPLICATED_TEXT})


@pytest.fixture(scope="module")
def kicking(start_system):
    return start_system(DUPLICATE_LOGIN="kick")


# Inbound, and the answers: whatever form a client reads, it may say what it says in either


@pytest.mark.parametrize("name,data", inbound(CONNECTION_TEST))
@pytest.mark.parametrize("how", MAPS + ARRAYS)
def test_a_connection_test_is_answered_in_the_form_of_the_client(system, how, name, data):
    client = connect(system, how)
    if how in MAPS:
        client.send({"messageType": HEARTBEAT})  # its first message, so that the next makes no form
    client.send_bytes(data)
    message = msgpack.unpackb(data)
    if how in ARRAYS:
        payload = message[-1] if isinstance(message, list) else message.get("payload")
        contract = [1, 26, 0, client.user, payload]
    else:
        payload = {"payload": message[-1]} if isinstance(message, list) else \
            {key: value for key, value in message.items() if key == "payload"}
        contract = {"messageType": 26, **payload}
    assert client.wait_frame(CONNECTION_ACK).raw == msgpack.packb(contract)


@pytest.mark.parametrize("how", MAPS + ARRAYS)
def test_a_refusal_comes_in_the_form_of_the_client(system, how):
    client = connect(system, how)
    if how in MAPS:
        client.send({"messageType": HEARTBEAT})
    client.send({"messageType": 15, "toId": ""} if how in MAPS else [0, 15, 0, "", None])
    told = {"code": "invalid_group", "message": NO_GROUP_TEXT}
    contract = [1, 35, 0, client.user, told] if how in ARRAYS else {"messageType": 35, **told}
    assert client.wait_frame(PRESENCE_ERROR).raw == msgpack.packb(contract)
    assert client.is_open()


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("in-15")])
@pytest.mark.parametrize("how", [MAPS[0], ARRAYS[0], ARRAYS[3]])
def test_a_group_is_joined_and_left_in_either_form(system, how, name):
    client = connect(system, how)
    said = golden(name)[0]
    group = f"presence:group:{said[3] if isinstance(said, list) else said['toId']}"
    client.send_bytes(golden(name)[1])
    eventually("it is in", lambda: system.redis().sismember(group, client.user))
    client.send_bytes(golden(name.replace("in-15", "in-16"))[1])
    eventually("it is out", lambda: not system.redis().sismember(group, client.user))
    assert client.frames(PRESENCE_ERROR) == []


@pytest.mark.parametrize("name,data", inbound(5))
@pytest.mark.parametrize("how", [MAPS[0], ARRAYS[0], ARRAYS[3]])
def test_a_status_is_taken_in_either_form(system, how, name, data):
    observer = system.observe(query="?statuses=full")
    client = connect(system, how)
    observer.wait_status(client.user, "online")
    client.send_bytes(data)
    status = re.match(r"in-5-(\w+)", name).group(1)
    observer.wait_status(client.user, "offline" if status == "invisible" else status)
    assert client.frames(PRESENCE_ERROR) == []


@pytest.mark.parametrize("how", [MAPS[0], ARRAYS[0], ARRAYS[2]])
def test_heartbeats_in_either_form_keep_a_client_alive_that_answers_no_ping(system, how):
    """Each of the golden 30s alone, for longer than the silence that ends a socket."""
    clients = {name: connect(system, how, answers_pings=False) for name, _ in inbound(HEARTBEAT)}
    silent = connect(system, how, answers_pings=False)
    beats = dict(inbound(HEARTBEAT))

    def beat():
        for name, client in clients.items():
            client.send_bytes(beats[name])
        return any(client.closed for client in clients.values())

    never("one is closed", beat, 1.5 * system.ttl_s)
    silent.wait_closed()
    for client in clients.values():
        assert client.frames(PRESENCE_ERROR) == []
