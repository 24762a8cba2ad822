"""./zpresence when it starts and when it ends: settings, failures, Ctrl-C, down, and what is left
behind: nothing (DESIGN section 7)."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from harness import http_client as http
from harness.instance import NAMES, START_S, one_line, replace
from harness.ports import is_listened_on
from harness.python_client import PythonClient
from harness.users import new_user
from harness.waiting import PATIENCE_S, eventually


def test_a_second_up_in_the_same_home_is_refused(up):
    before = up.ps()
    assert "already running" in one_line(up.run("up", "-d"))
    assert up.ps() == before


def test_a_taken_port_is_one_line_and_leaves_nothing(up, fresh):
    assert f"port {up.port} is taken" in one_line(fresh.run("up", "-d", PORT=str(up.port)))
    assert fresh.processes() == {}


@pytest.mark.parametrize("name, value", [("PORT", "0"), ("PORT", "http"), ("PRESENCE_TTL", "soon"), ("DRAIN_MS", "-1"),
                                         ("ZPRESENCE_REDIS", "yes"), ("ZPRESENCE_BIND", "192.0.2.1"),
                                         ("ZPRESENCE_BIND", "1.2.3"), ("USE_AUTHENTICATION", "true"),
                                         ("BUS_SECURITY", "none"), ("BUS_KEYS", "/nowhere")])
def test_a_bad_setting_is_one_line_and_leaves_nothing(fresh, name, value):
    line = one_line(fresh.run("up", "-d", **{name: value}))
    assert name in line and value in line
    assert fresh.processes() == {}
    assert list((fresh.home / "logs").glob("*-1.log")) == [] if fresh.home.exists() else True


def test_an_unreachable_external_redis_is_one_line_and_leaves_nothing(fresh):
    line = one_line(fresh.run("up", "-d", ZPRESENCE_REDIS="external", REDIS_HOST="127.0.0.1", REDIS_PORT="1"))
    assert "127.0.0.1:1" in line
    assert fresh.processes() == {}


# Answers every request like a service that is ready, at the address of one that is not.
IMPOSTOR = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"ready": True, "name": "fanout-1", "pid": 1, "reasons": []}).encode())
host, port = os.environ["ADMIN_LISTEN"].split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.mark.parametrize("script", ["echo it is broken; exit 1",
                                    f"/usr/bin/python3 -c '{IMPOSTOR}' &\nsleep 1.5; echo it is broken; exit 1"],
                         ids=["nobody answers", "another answers"])
def test_a_service_that_does_not_come_up_is_named_and_nothing_is_left(fresh, script):
    replace(fresh.runs_builds_of_its_own() / "fanout", script)
    done = fresh.run("up", "-d")
    assert done.returncode != 0
    assert "fanout-1 does not stay up" in done.stderr.splitlines()[-1]
    assert "it is broken" in done.stderr
    assert fresh.processes() == {}
    assert fresh.run("ps").stdout == ""


def test_an_interrupted_start_leaves_nothing(fresh):
    with fresh.runs("up", "-d", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starting:
        eventually("it has begun", lambda: (fresh.home / "run" / "redis").exists())
        starting.send_signal(signal.SIGTERM)
    assert starting.returncode != 0
    assert fresh.processes() == {}


def test_a_start_that_was_killed_is_cleared_by_the_next(fresh):
    with fresh.runs("up", "-d", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as starting:
        eventually("it has begun", lambda: (fresh.home / "run" / "redis" / "service").exists())
        starting.kill()
    fresh.succeed("up", "-d")
    assert list(fresh.ps()) == NAMES


def test_the_foreground_shows_what_happens_and_stops_all_at_ctrl_c(fresh, tmp_path):
    output = tmp_path / "output"
    with open(output, "wb") as out, fresh.runs("up", stdout=out, stderr=out, start_new_session=True) as running:
        eventually("it follows the logs", lambda: b"ws-edge-1 process.listening" in output.read_bytes(), START_S)
        assert list(fresh.ps()) == NAMES
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        assert running.wait(PATIENCE_S) == 0, output.read_text()
    eventually("nothing is left", lambda: fresh.processes() == {})


def test_a_killed_foreground_leaves_what_it_started_and_nobody_who_follows_it(fresh, tmp_path):
    output = tmp_path / "output"
    with open(output, "wb") as out, fresh.runs("up", stdout=out, stderr=out, start_new_session=True) as running:
        eventually("it follows the logs", lambda: b"ws-edge-1 process.listening" in output.read_bytes(), START_S)
        running.kill()
    eventually("nobody follows", lambda: not any(line.startswith("tail ") for line in fresh.processes().values()))
    assert all(pid for pid, _ in fresh.ps().values())
    fresh.succeed("down")
    assert fresh.processes() == {}


def test_down_tells_clients_to_come_back_and_leaves_nothing(fresh):
    fresh.succeed("up", "-d")
    client = PythonClient(fresh.url, new_user())
    fresh.succeed("down")
    assert client.wait_closed() == 1001
    assert [frame.message["code"] for frame in client.frames(35)] == ["draining"]
    assert fresh.processes() == {}
    assert fresh.run("ps").stdout == ""
    fresh.succeed("down")  # nothing to do is no failure


def test_data_and_addresses_survive_down_and_up(fresh):
    fresh.succeed("up", "-d")
    user, before = new_user(), fresh.ps()
    client = PythonClient(fresh.url, user)
    eventually("online", lambda: fresh.bulk_status(user) == "online")  # else "offline" may be said of who was not seen yet
    client.close()
    eventually("offline", lambda: fresh.bulk_status(user) == "offline")
    last_seen = fresh.bulk(user).json()[user]["lastSeen"]
    time.sleep(1.1)  # appendfsync everysec
    fresh.succeed("down")
    # Another instance on this machine may take a port meanwhile.
    still_free = [name for name, (_, address) in before.items() if not is_listened_on(address)]
    fresh.succeed("up", "-d")
    after = fresh.ps()
    assert "gateway" in still_free
    assert {name: after[name][1] for name in still_free} == {name: before[name][1] for name in still_free}
    assert fresh.bulk(user).json()[user]["lastSeen"] == last_seen


def test_two_instances_run_side_by_side(up, fresh):
    fresh.succeed("up", "-d")
    addresses = [address for instance in (up, fresh) for _, address in instance.ps().values()]
    assert len(set(addresses)) == len(addresses)
    user = new_user()
    client = PythonClient(fresh.url, user)
    eventually("online here", lambda: fresh.bulk_status(user) == "online")
    assert up.bulk_status(user) == "offline"
    client.close()


def test_settings_come_from_the_env_file_and_hold_for_processes_added_later(fresh, tmp_path):
    (tmp_path / "env").write_text(f"PORT={fresh.port}   # where clients come in\nexport PING_INTERVAL='700'\n"
                                  "TRUSTED_PROXIES=10.1.0.0/16\n")
    del fresh.environment["PORT"]
    fresh.environment["ZPRESENCE_ENV_FILE"] = str(tmp_path / "env")
    fresh.succeed("up", "-d", PRESENCE_TTL="9")
    fresh.succeed("scale", "ws-edge=2", PRESENCE_TTL="1000")
    environment = pathlib.Path(f"/proc/{fresh.pid('ws-edge-2')}/environ").read_bytes().split(b"\0")
    assert b"PRESENCE_TTL=9" in environment
    assert f"BUS_KEYS={fresh.home / 'keys'}".encode() in environment
    assert b"TRUSTED_PROXIES=127.0.0.1,10.1.0.0/16" in environment
    environment = pathlib.Path(f"/proc/{fresh.pid('http-api-1')}/environ").read_bytes().split(b"\0")
    assert b"TRUSTED_PROXIES=127.0.0.1,10.1.0.0/16" in environment
    assert "settings.sh" not in fresh.succeed("logs"), "the launcher complains in a log"
    assert http.get(fresh.address, "/health").status == 200


def test_what_starts_by_itself_or_by_scale_reads_the_env_file_anew_and_the_environment_of_up(fresh, tmp_path):
    env = tmp_path / "env"
    env.write_text("BULK_MAX_IDS=2\n")
    fresh.environment["ZPRESENCE_ENV_FILE"] = str(env)
    fresh.succeed("up", "-d", USE_AUTHENTICATION="false")
    three = [new_user() for _ in range(3)]
    assert fresh.bulk(*three).status == 413
    env.write_text("BULK_MAX_IDS=3\nUSE_AUTHENTICATION=true\n")
    assert fresh.bulk(*three).status == 413

    pid = fresh.pid("http-api-1")
    os.kill(pid, signal.SIGKILL)
    eventually("it is back, with what the file says now", lambda: fresh.pid("http-api-1") not in (None, pid)
               and fresh.bulk(*three).status == 200)
    fresh.succeed("scale", "ws-edge=2")  # there is no key of tokens: what `up` was told wins over the file
    fresh.succeed("down")
    assert "USE_AUTHENTICATION" in one_line(fresh.run("up", "-d"))
