"""Starting and stopping one process: settings, help, taken ports, SIGTERM (DESIGN section 6)."""

import os
import re
import signal
import socket

import pytest

from harness import http_client as http
from harness.ports import free_port
from harness.process import Process, base_environment, run_to_end
from harness.system import binary
from harness.waiting import eventually

KINDS = ["ws-edge", "presence-core", "expiry-watcher", "fanout", "http-api"]

# Where each process listens for its peers or clients, beside its admin endpoint.
LISTENS = [
    ("ws-edge", "WS_LISTEN", "127.0.0.1:{port}"),
    ("http-api", "HTTP_LISTEN", "127.0.0.1:{port}"),
    ("presence-core", "CORE_LISTEN", "tcp://127.0.0.1:{port}"),
    ("presence-core", "CORE_PUB_LISTEN", "tcp://127.0.0.1:{port}"),
    ("fanout", "FANOUT_LISTEN", "tcp://127.0.0.1:{port}"),
] + [(kind, "ADMIN_LISTEN", "127.0.0.1:{port}") for kind in KINDS]


def run(kind, *arguments, **settings):
    return run_to_end([binary(kind), *arguments], {**base_environment(), **settings})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name, value", [("DRAIN_MS", "soon"), ("DRAIN_MS", "-1"), ("DRAIN_MS", "99999999999999999999"),
                                         ("LOG_LEVEL", "loud")])
def test_a_bad_value_stops_the_process_with_one_clear_line(kind, name, value):
    code, out, error, _ = run(kind, **{name: value})
    assert code == 2
    assert out == ""
    (line,) = error.splitlines()
    assert name in line and value in line


@pytest.mark.parametrize("kind, name, value", [
    ("ws-edge", "PRESENCE_ENABLED", "maybe"),
    ("ws-edge", "PRESENCE_TTL", "0"),
    ("presence-core", "PRESENCE_TTL", "6min"),
    ("presence-core", "REDIS_PORT", "65536"),
    ("ws-edge", "PRESENCE_AUDIENCE", "everybody"),
    ("ws-edge", "USE_AUTHENTICATION", "true"),
    ("ws-edge", "WS_LISTEN", "here"),
    ("ws-edge", "TRUSTED_PROXIES", "gateway"),
    ("http-api", "HTTP_LISTEN", "127.0.0.1"),
    ("ws-edge", "CORE_ENDPOINTS", "127.0.0.1:7300"),
    ("ws-edge", "CORE_ENDPOINTS", "http://127.0.0.1:7300"),
    ("fanout", "CORE_PUB_ENDPOINTS", "tcp://"),
    ("presence-core", "CORE_LISTEN", "7300"),
])
def test_a_value_that_cannot_be_used_stops_the_process_and_is_named(kind, name, value):
    code, _, error, seconds = run(kind, **{**_listening_nowhere_else(), name: value})
    assert code in (1, 2)
    assert seconds < 5
    assert any(value in line and (name in line or "ERROR" in line) for line in error.splitlines()), error


@pytest.mark.parametrize("kind, settings", [
    ("presence-core", {"BEAT_INTERVAL_MS": "2400", "EDGE_LEASE_MS": "2500"}),
    ("presence-core", {"EDGE_LEASE_MS": "1000", "CLOCK_TICK_MS": "1000"}),
    ("presence-core", {"ACK_TIMEOUT_MS": "1000", "LEAVE_SETTLE_MS": "1000"}),
] + [(kind, {"BEAT_INTERVAL_MS": "60000", "PEER_TIMEOUT_MS": "50"}) for kind in KINDS])
@pytest.mark.parametrize("arguments", [[], ["--check-config"]], ids=["start", "check"])
def test_settings_that_exclude_each_other_stop_the_process_and_are_named_together(kind, settings, arguments):
    code, _, error, _ = run(kind, *arguments, **settings)
    assert code == 2
    assert any(all(f"{name}={value}" in line for name, value in settings.items()) for line in error.splitlines()), error


@pytest.mark.parametrize("kind, name, value", [
    ("ws-edge", "WS_LISTEN", "foo"),
    ("ws-edge", "WS_LISTEN", "127.0.0.1:99999"),
    ("fanout", "ADMIN_LISTEN", "x"),
    ("expiry-watcher", "CORE_ENDPOINTS", "localhost:3"),
    ("fanout", "FANOUT_LISTEN", "127.0.0.1:7400"),
    ("ws-edge", "WS_ORIGINS", "foo"),
    ("ws-edge", "WS_ORIGINS", "https://a.example/path"),
    ("http-api", "CORS_ORIGINS", "x"),
    ("http-api", "OPS_ROLES", ","),
])
def test_the_check_refuses_what_a_start_could_not_use(kind, name, value):
    code, _, error, _ = run(kind, "--check-config", **{name: value})
    assert code == 2
    (line,) = error.splitlines()
    assert f"{name}={value} " in line


def test_the_check_says_all_that_is_wrong_in_one_go(tmp_path):
    code, _, error, _ = run("ws-edge", "--check-config", WS_LISTEN="foo", PRESENCE_TTL="soon", TRUSTED_PROXIES="gateway",
                            USE_AUTHENTICATION="true", BUS_KEYS=str(tmp_path / "nothing"))
    assert code == 2
    for wrong in ("WS_LISTEN", "PRESENCE_TTL", "TRUSTED_PROXIES", "USE_AUTHENTICATION", "nothing"):
        assert any(wrong in line for line in error.splitlines()), error


@pytest.mark.parametrize("kind", KINDS)
def test_help_lists_the_settings_of_this_process_with_units_and_defaults(kind):
    code, out, _, _ = run(kind, "--help")
    assert code == 0
    assert kind in out
    assert re.search(r"DRAIN_MS\b.*3000", out)
    assert bool(re.search(r"^PRESENCE_TTL\b", out, re.MULTILINE)) == (kind in ("ws-edge", "presence-core"))


@pytest.mark.parametrize("kind", ["presence-core", "expiry-watcher"])
def test_print_config_shows_what_is_in_force_and_no_secret(kind):
    code, out, _, _ = run(kind, "--print-config", REDIS_PASSWORD="hunter2", REDIS_HOST="redis.example")
    assert code == 0
    assert re.search(r"^REDIS_HOST=redis\.example", out, re.M)
    assert re.search(r"^REDIS_PASSWORD=", out, re.M)
    assert "hunter2" not in out


def test_version_is_printed():
    code, out, _, _ = run("ws-edge", "--version")
    assert code == 0
    assert re.search(r"\d+\.\d+\.\d+", out)


def test_an_unknown_argument_is_an_error():
    code, _, error, _ = run("ws-edge", "--frobnicate")
    assert code == 2
    assert "--frobnicate" in error


def test_a_dotenv_file_is_read_and_the_environment_wins(runs_folder):
    file = runs_folder / "settings.env"
    file.write_text('# a comment\nREDIS_HOST=from-file\nREDIS_PORT=6380   # the guide writes comments like this\n'
                    'REDIS_PASSWORD=\nPRESENCE_TTL="90"\n')
    code, out, error, _ = run("presence-core", "--print-config", ZPRESENCE_ENV_FILE=str(file), REDIS_PORT="6390")
    assert code == 0, error
    assert re.search(r"^REDIS_HOST=from-file\b", out, re.M)
    assert re.search(r"^PRESENCE_TTL=90\b", out, re.M)
    assert re.search(r"^REDIS_PORT=6390\b", out, re.M)


def test_a_bad_value_in_a_dotenv_file_is_one_clear_line_too(runs_folder):
    file = runs_folder / "bad.env"
    file.write_text("PRESENCE_TTL=soon\n")
    code, _, error, _ = run("presence-core", ZPRESENCE_ENV_FILE=str(file))
    assert code == 2
    (line,) = error.splitlines()
    assert "PRESENCE_TTL" in line and "soon" in line


@pytest.mark.parametrize("kind, setting, form", LISTENS)
def test_a_taken_port_stops_the_process_and_is_named(kind, setting, form):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, error, seconds = run(kind, **{**_listening_nowhere_else(), setting: form.format(port=port)})
    assert code == 1
    assert seconds < 10
    assert any(str(port) in line and "ERROR" in line for line in error.splitlines()), error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_process_alone_is_alive_not_ready_says_why_and_stops_when_told(kind, ending, runs_folder):
    """No Redis, no peer: it waits for them, and goes when asked."""
    admin = f"127.0.0.1:{free_port()}"
    environment = {**base_environment(), **_listening_nowhere_else(), "ADMIN_LISTEN": admin, "DRAIN_MS": "500",
                   "REDIS_PORT": str(free_port())}
    process = Process(kind, [binary(kind)], environment, runs_folder / f"{kind}-alone-{ending}.log", admin)
    process.start()
    try:
        eventually("it is alive", lambda: _status(admin, "/healthz") == 200 or not process.is_running())
        answer = http.get(admin, "/readyz")
        if kind in ("presence-core", "ws-edge", "fanout", "expiry-watcher"):
            assert answer.status == 503
            assert answer.json()["ready"] is False
            assert answer.json()["reasons"]
        os.kill(process.pid, ending)
        process.stopped()
        assert process.sanitizer_report() is None
    finally:
        process.abandon()


def _listening_nowhere_else():
    """Ports of its own for everything that a process might listen on or look for."""
    return {
        "ADMIN_LISTEN": "127.0.0.1:0",
        "WS_LISTEN": f"127.0.0.1:{free_port()}",
        "HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        "CORE_LISTEN": f"tcp://127.0.0.1:{free_port()}",
        "CORE_PUB_LISTEN": f"tcp://127.0.0.1:{free_port()}",
        "FANOUT_LISTEN": f"tcp://127.0.0.1:{free_port()}",
        "CORE_ENDPOINTS": f"tcp://127.0.0.1:{free_port()}",
        "CORE_PUB_ENDPOINTS": f"tcp://127.0.0.1:{free_port()}",
        "FANOUT_ENDPOINTS": f"tcp://127.0.0.1:{free_port()}",
    }


def _status(address, path):
    try:
        return http.get(address, path, timeout_s=1).status
    except OSError:
        return None
