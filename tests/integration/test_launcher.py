"""./zpresence while it runs: up, ps, logs, scale, what dies, who speaks to whom (DESIGN section 7)."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
from http.client import HTTPConnection

import pytest

from harness import http_client as http
from harness.instance import NAMES, one_line, one_note, replace
from harness.keys import KINDS
from harness.ports import is_listened_on
from harness.python_client import PythonClient
from harness.raw_client import RawClient, head
from harness.system import REPOSITORY
from harness.users import new_user
from harness.waiting import eventually


def test_ps_tells_name_pid_and_address_of_each_process(up):
    rows = up.ps()
    assert list(rows) == NAMES
    for name, (pid, address) in rows.items():
        assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
        kind = re.sub(r"-\d+$", "", name)
        program = {"gateway": "haproxy", "redis": "redis-server"}.get(kind, f"/bin/{kind}")
        assert program in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    assert rows["gateway"][1] == up.address


def test_ps_tells_an_address_only_of_what_has_clients_and_an_admin_address_where_it_answers(up):
    rows = {name: (address, admin) for name, _, address, admin in up.ps_rows()}
    assert [name for name in NAMES if rows[name][0] == "-"] == ["expiry-watcher-1"]
    assert [name for name in NAMES if rows[name][1] == "-"] == ["redis"]
    for name in set(NAMES) - {"redis"}:
        assert http.get(rows[name][1], "/readyz").status == 200


def test_processes_speak_to_each_other_with_keys_that_up_has_made(up):
    keys = up.home / "keys"
    assert {path.name for path in keys.iterdir()} == {name for kind in KINDS for name in (kind, f"{kind}_secret")}
    for kind in KINDS:
        assert (keys / f"{kind}_secret").stat().st_mode & 0o777 == 0o600
        environment = pathlib.Path(f"/proc/{up.pid(f'{kind}-1')}/environ").read_bytes().split(b"\0")
        assert f"BUS_KEYS={keys}".encode() in environment
    assert "bus.not_secure" not in up.succeed("logs")


def test_one_port_serves_websockets_and_http(up):
    user, observer = new_user(), PythonClient(up.url, new_user("observer"))
    client = PythonClient(up.url, user)
    observer.wait_status(user, "online")
    assert up.bulk_status(user) == "online"
    assert http.get(up.address, "/health").json()["status"] == "ok"
    assert http.get(up.address, "/").headers["content-type"].startswith("text/html")
    client.close()
    observer.wait_status(user, "offline")
    observer.close()


@pytest.mark.parametrize("headers", [{}, {"Upgrade": "websocket"}, {"Connection": "Upgrade"},
                                     {"Connection": "Upgrade", "Upgrade": "h2c"}])
def test_a_request_that_is_no_websocket_upgrade_never_reaches_an_edge(up, headers):
    assert http.get(up.address, "/nothing/here", headers).status == 404  # an edge says 426


def test_clients_of_the_http_api_are_told_apart_behind_the_gateway(fresh):
    fresh.succeed("up", "-d", HTTP_REQUESTS_PER_CLIENT="5")
    host, port = fresh.address.rsplit(":", 1)

    def ask(source):
        connection = HTTPConnection(host, int(port), timeout=10, source_address=(source, 0))
        connection.request("GET", "/nothing/here", headers={"X-Forwarded-For": "203.0.113.1"})
        status = connection.getresponse().status
        connection.close()
        return status

    served, began = 0, time.monotonic()
    while ask("127.0.0.2") == 404:
        served += 1
    assert 5 <= served <= 5 + 5 * (time.monotonic() - began) + 1
    assert ask("127.0.0.3") == 404


def test_websocket_clients_are_told_apart_behind_the_gateway(fresh):
    fresh.succeed("up", "-d", SOCKETS_PER_ADDRESS="1")
    edge, clients = fresh.ps()["ws-edge-1"][1], []

    def come(address, source):
        clients.append(RawClient(address, source))
        clients[-1].send(head(headers=f"token: {new_user('client')}\r\nX-Forwarded-For: 203.0.113.1\r\n"))
        return clients[-1].answer().status

    assert come(fresh.address, "127.0.0.2") == 101
    assert come(fresh.address, "127.0.0.2") == 429
    assert come(fresh.address, "127.0.0.3") == 101
    # Who comes to the edge itself is known there as what he is.
    assert come(edge, "127.0.0.2") == 429
    assert come(edge, "127.0.0.4") == 101
    assert "code=too_many_sockets_of_address from=127.0.0.2" in fresh.succeed("logs", "ws-edge")
    for client in clients:
        client.close()


def refusal(answer):
    """Of the gateway's own, as of everybody else's: status and code."""
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body)["error"]
    return answer.status, json.loads(answer.body)["code"]


def test_refusals_of_the_gateway_itself_have_a_code(fresh):
    bin_folder = fresh.runs_builds_of_its_own()
    fresh.succeed("up", "-d")
    request = b"POST /api/presence/status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"

    broken = RawClient(fresh.address)
    broken.send(request + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n")
    time.sleep(0.3)  # the head goes on to http-api
    broken.send(b"no length\r\n")
    assert refusal(broken.refused()) == (400, "malformed_request")

    pid = fresh.pid("http-api-1")
    os.kill(pid, signal.SIGSTOP)
    waiting = RawClient(fresh.address)
    waiting.send(request + b"Content-Length: 2\r\n\r\n{}")
    time.sleep(0.3)  # as does this
    replace(bin_folder / "http-api", "exit 1")
    os.kill(pid, signal.SIGKILL)
    assert refusal(waiting.refused()) == (502, "server_broke_off")

    refused = http.get(fresh.address, "/health")
    assert refusal(refused) == (503, "no_server_ready")
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("garbage", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\nbad header: x\r\n\r\n",
                                     b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 20000 + b"\r\n\r\n"],
                         ids=["no request", "no header", "too large"])
def test_a_head_that_the_gateway_cannot_read_ends_there(up, garbage):
    client = RawClient(up.address)
    client.send(garbage)
    assert client.refused().status == 400


def test_the_address_of_an_edge_takes_clients_without_the_gateway(up):
    user = new_user()
    client = PythonClient(f"ws://{up.ps()['ws-edge-1'][1]}", user)
    eventually("online", lambda: up.bulk_status(user) == "online")
    client.close()


def test_logs_show_one_process_or_all(up):
    assert "ws-edge-1" in up.succeed("logs", "ws-edge-1")
    assert "ws-edge-1" in up.succeed("logs", "ws-edge")
    assert "Ready to accept connections" in up.succeed("logs")
    assert "the last 100 lines" in one_note(up.run("logs", "ws-edge-1"))


def test_whose_logs_there_are_is_told_to_who_asks_for_others(up):
    line = one_line(up.run("logs", "nobody"))
    assert "'nobody'" in line and all(name in line for name in NAMES)


# Supervision


@pytest.mark.parametrize("name", NAMES)
def test_what_dies_is_started_again_at_the_same_address(up, name):
    before = up.ps()
    os.kill(before[name][0], signal.SIGKILL)

    def again():
        pid = up.pid(name)
        return pid and pid != before[name][0]

    eventually(f"{name} is back", again)
    after = up.ps()
    assert after[name][1] == before[name][1]
    assert {other: after[other] for other in NAMES if other != name} == \
           {other: before[other] for other in NAMES if other != name}

    def works():
        try:
            user = new_user()
            client = PythonClient(up.url, user)
            status = up.bulk_status(user)
            client.close()
            return status == "online"
        except Exception:
            return False

    eventually("the whole works again", works)


def test_a_process_that_crashes_again_and_again_is_seen_in_ps(fresh):
    bin_folder = fresh.runs_builds_of_its_own()
    fresh.succeed("up", "-d")
    replace(bin_folder / "fanout", "exit 7")
    os.kill(fresh.pid("fanout-1"), signal.SIGKILL)
    told = eventually("it is told", lambda: [line for line in fresh.run("ps").stderr.splitlines()
                                             if "fanout-1 does not stay up" in line])
    assert "exit code 7" in told[0]


def test_a_killed_keeper_is_told_and_what_it_kept_is_stopped_all_the_same(fresh):
    fresh.succeed("up", "-d")
    for name in NAMES:
        os.kill(fresh.keeper(name), signal.SIGKILL)
    told = fresh.run("ps")
    assert len(told.stdout.splitlines()) == len(NAMES)
    assert told.stderr.count("its keeper was killed") == len(NAMES)
    assert "already running" in one_line(fresh.run("up", "-d"))
    os.kill(fresh.pid("gateway"), signal.SIGKILL)  # and nobody starts it again
    for _ in range(2):  # what did not work is no success the second time
        assert "the gateway" in one_line(fresh.run("scale", "ws-edge=2"))
    fresh.succeed("down")
    assert fresh.processes() == {}


def test_ports_stay_with_a_process_that_is_down(fresh, neighbour):
    bin_folder = fresh.runs_builds_of_its_own()
    fresh.succeed("up", "-d")
    before = fresh.ps()
    haproxy_cfg = fresh.home / "haproxy.cfg"
    right_cfg, right_fanout = haproxy_cfg.read_text(), (bin_folder / "fanout").resolve()
    haproxy_cfg.write_text("wrong\n")
    replace(bin_folder / "fanout", "exit 1")
    for name in ("gateway", "fanout-1"):
        os.kill(before[name][0], signal.SIGKILL)
    eventually("both are down", lambda: not is_listened_on(fresh.address)
               and not is_listened_on(before["fanout-1"][1]))

    assert f"port {fresh.port} is taken" in one_line(neighbour.run("up", "-d", PORT=str(fresh.port)))
    neighbour.succeed("up", "-d")
    neighbour.succeed("scale", "fanout=2")
    assert {address for _, address in neighbour.ps().values()}.isdisjoint(address for _, address in before.values())

    haproxy_cfg.write_text(right_cfg)
    (bin_folder / "fanout").unlink()
    (bin_folder / "fanout").symlink_to(right_fanout)
    eventually("both are back", lambda: is_listened_on(fresh.address) and is_listened_on(before["fanout-1"][1]))
    assert {name: address for name, (_, address) in fresh.ps().items()} == \
           {name: address for name, (_, address) in before.items()}


def test_ports_of_what_was_killed_with_its_keeper_are_free_again(fresh, neighbour):
    fresh.succeed("up", "-d")
    for pid in fresh.processes():
        os.kill(pid, signal.SIGKILL)
    eventually("nothing is left", lambda: fresh.processes() == {})
    neighbour.succeed("up", "-d", PORT=str(fresh.port))
    neighbour.succeed("down")


def test_a_pid_that_belongs_to_another_process_by_now_is_not_killed(fresh):
    fresh.succeed("up", "-d")
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        for role in ("keeper", "service"):
            noted = fresh.home / "run" / "fanout-1" / role
            os.kill(int(noted.read_text().split()[0]), signal.SIGKILL)
            noted.write_text(f"{stranger.pid} 12345\n")
        assert fresh.pid("fanout-1") is None
        fresh.succeed("down")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


# Scaling


def test_edges_and_apis_come_and_go_without_touching_clients_of_others(up):
    before = up.ps()
    user, observer = new_user(), PythonClient(up.url, new_user("observer"))
    staying = PythonClient(up.url, user)
    observer.wait_status(user, "online")

    up.succeed("scale", "ws-edge=2", "http-api=2")
    rows = up.ps()
    assert set(rows) - set(before) == {"ws-edge-2", "http-api-2"}
    assert {name: rows[name] for name in before} == before
    newcomers = [PythonClient(up.url, new_user("newcomer")) for _ in range(4)]

    up.succeed("scale", "ws-edge=1", "http-api=1")
    assert up.ps() == before
    # The gateway gave the new edge half of them, and they were told to come back when it left.
    eventually("half are closed", lambda: sum(client.closed for client in newcomers) == 2)
    assert {client.close_code for client in newcomers if client.closed} == {1001}
    assert staying.is_open() and observer.is_open()
    assert observer.statuses(user) == ["online"]
    for client in newcomers + [staying, observer]:
        client.end()


def test_a_scale_that_did_not_reach_the_gateway_is_made_good_by_the_next(up):
    haproxy_cfg = up.home / "haproxy.cfg"
    # As after a reload that failed: what runs is not what is written.
    haproxy_cfg.write_text(re.sub(r"generation \d+", "generation 1", haproxy_cfg.read_text()))
    up.succeed("scale", "ws-edge=1")
    (generation,) = set(re.findall(r"generation \d+", haproxy_cfg.read_text()))
    assert generation != "generation 1"
    gateway_admin = f"127.0.0.1:{up.kept_port('gateway')}"
    assert http.get(gateway_admin, "/readyz").body.decode() == generation
    up.succeed("scale", "ws-edge=1")  # nothing to do
    assert generation in haproxy_cfg.read_text()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scale_says_what_it_left_and_the_next_does_the_rest(fresh, sent):
    bin_folder = fresh.runs_builds_of_its_own()
    fresh.succeed("up", "-d")
    before, edge = fresh.ps(), (bin_folder / "ws-edge").resolve()
    replace(bin_folder / "ws-edge", "exec sleep 60")  # none becomes ready
    with fresh.runs("scale", "ws-edge=3", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as scaling:
        eventually("it is under way", lambda: (fresh.home / "run" / "ws-edge-3" / "service").exists())
        scaling.send_signal(sent)
        _, said = scaling.communicate()
    assert scaling.returncode != 0
    assert said.splitlines() == ["zpresence: interrupted while starting ws-edge-2 ws-edge-3: stopped again",
                                 "zpresence: there are now ws-edge-1; the same scale does the rest"]
    assert fresh.ps() == before
    (bin_folder / "ws-edge").unlink()
    (bin_folder / "ws-edge").symlink_to(edge)
    fresh.succeed("scale", "ws-edge=3")
    assert set(fresh.ps()) - set(before) == {"ws-edge-2", "ws-edge-3"}


def test_running_processes_find_a_new_core_and_a_new_fanout(up):
    before = up.ps()
    up.succeed("scale", "presence-core=2", "fanout=2", "expiry-watcher=2")

    def counted():
        services = http.get(up.address, "/health").json()["services"]
        return (services["presence-core"], services["fanout"], services["expiry-watcher"]) == (2, 2, 2)

    eventually("all are seen", counted)
    observer = PythonClient(up.url, new_user("observer"))
    users = [new_user() for _ in range(8)]  # some of each core
    for user in users:
        client = PythonClient(up.url, user)
        observer.wait_status(user, "online")
        client.close()
        observer.wait_status(user, "offline")
    observer.close()
    up.succeed("scale", "presence-core=1", "fanout=1", "expiry-watcher=1")
    assert up.ps() == before


@pytest.mark.parametrize("wish, word", [("redis=2", "redis"), ("gateway=2", "gateway"), ("edge=2", "edge"),
                                        ("ws-edge=0", "1 to"), ("ws-edge=many", "1 to"), ("ws-edge", "1 to")])
def test_what_cannot_be_scaled_is_refused_in_one_line(up, wish, word):
    before = up.ps()
    assert word in one_line(up.run("scale", wish))
    assert up.ps() == before


@pytest.mark.parametrize("arguments", [["frob"], ["--frob"], ["up", "now"], ["keys", "a", "b"], ["scale"], ["ps", "x"],
                                       ["test", "nothing"], ["help", "frob"]])
def test_what_it_does_not_know_is_one_line(up, arguments):
    assert "help" in one_line(up.run(*arguments))


COMMANDS = ["up", "ps", "logs", "scale", "down", "keys", "test", "help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_a_command_does_not_have_is_told_with_where_its_options_are(up, command):
    before = up.ps()
    assert f"{command} has no option '-x' (./zpresence {command} --help)" in one_line(up.run(command, "-x"))
    assert up.ps() == before


@pytest.mark.parametrize("word, command", [("stop", "down"), ("start", "up"), ("restart", "down, then up"), ("status", "ps"),
                                           ("log", "logs"), ("scal", "scale"), ("tests", "test")])
def test_a_word_that_is_near_a_command_is_answered_with_that(up, word, command):
    assert f"'{word}': did you mean {command}?" in one_line(up.run(word))


@pytest.mark.parametrize("word", [[], ["help"], ["--help"]])
def test_help_names_every_command(up, word):
    text = up.succeed(*word)
    for command in COMMANDS:
        assert f"./zpresence {command}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_its_rows_of_the_general_help_and_more(up, command):
    before = up.ps()
    text = up.succeed(command, "--help")
    rows = text.split("\n\n")[0].rstrip()
    assert rows.startswith(f"    ./zpresence {command}") and rows in up.succeed("help")
    assert text == up.succeed(command, "x", "-h") == up.succeed("help", command)
    assert up.ps() == before
