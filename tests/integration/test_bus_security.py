"""The bus with keys (BUS_SECURITY=curve): who is let in, who is not and is told of, and how keys are changed. That
everything else works with keys is shown by all other tests: the harness gives every process its own."""

import contextlib
import os
import shutil
import socket
import subprocess

import pytest

from harness import http_client as http
from harness.keys import KINDS, all_keys, give_keys, keys_of, make_keys
from harness.process import base_environment, run_to_end
from harness.proof import come_and_go
from harness.system import REPOSITORY, System, binary
from harness.users import new_user
from harness.waiting import PATIENCE_S, eventually

SYSTEM = {"edges": 2, "cores": 2, "watchers": 2, "fanouts": 2}

# A peer without security: the greeting of ZMTP 3 (ZeroMQ RFC 23) with mechanism NULL, and its READY.
_PLAIN_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_PLAIN_READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


@pytest.fixture
def keys(tmp_path):
    """A folder with everybody's keys that a test may change."""
    return shutil.copytree(all_keys(), tmp_path / "keys")


@pytest.fixture
def strangers_keys(tmp_path):
    """Everybody's keys, but other ones."""
    make_keys(tmp_path / "strangers")
    return tmp_path / "strangers"


@contextlib.contextmanager
def started_with(process, folder, **settings):
    """Runs it with those keys, ready or not, but able to say; afterwards as it was."""
    own = process.environment
    process.stop()
    try:
        process.environment = {**own, "BUS_KEYS": str(folder), **settings}
        process.start()
        eventually(f"{process.name} answers", lambda: process.is_ready() or not_ready_because(process))
        yield process
    finally:
        process.kill()
        process.environment = own
        process.restart()


def refused(processes, **labels):
    return sum(process.metric("zpresence_bus_refused_total", **labels) for process in processes)


def wait_refused(what, processes, before=0, **labels):
    eventually(f"{what} is counted as refused", lambda: refused(processes, **labels) > before)


def not_ready_because(process):
    """The reasons that it gives; None while it is not there, or is ready."""
    try:
        answer = http.get(process.admin_address, "/readyz", timeout_s=2)
    except OSError:
        return None
    return answer.body.decode() if answer.status == 503 else None


def port_of(process, setting):
    return int(process.environment[setting].rsplit(":", 1)[1])


# Who is not let in


def test_an_edge_with_a_key_that_nobody_knows_gets_nothing_in(system, keys, strangers_keys):
    observer, user = system.observe(edge=0), new_user()
    shutil.copy2(strangers_keys / "ws-edge_secret", keys / "ws-edge_secret")
    edge, cores, fanouts = system.edges[1], system.cores, system.fanouts
    before = {process.name: refused([process], reason="unknown_key") for process in cores + fanouts}
    with started_with(edge, keys):
        eventually("the edge says that it has no core", lambda: "core" in (not_ready_because(edge) or ""))
        client = system.connect(user, edge=1)
        for process in cores + fanouts:
            wait_refused("its key", [process], before[process.name], reason="unknown_key")
        assert edge.metric("zpresence_peers_live") == 0
        assert edge.metric("zpresence_bus_messages_received_total") == 0
        assert system.bulk_status(user) == "offline"
        assert observer.statuses(user) == []
        system.wait_log("bus.refused address=127.0.0.1 reason=unknown_key")
        assert "bus.refused_by_host" in edge.log()
        client.close()
    come_and_go(system, [observer])


def test_a_refused_edge_comes_in_once_its_certificate_is_there(system, keys, strangers_keys, tmp_path):
    """Without anybody being restarted."""
    observer, user = system.observe(edge=0), new_user()
    shutil.copy2(strangers_keys / "ws-edge_secret", keys / "ws-edge_secret")
    hosts = system.cores + system.fanouts
    before = refused(hosts, reason="unknown_key")
    folders = {keys_of("presence-core"), keys_of("fanout")}
    with started_with(system.edges[1], keys) as edge:
        wait_refused("its key", hosts, before, reason="unknown_key")
        try:
            for folder in folders:
                shutil.copy2(strangers_keys / "ws-edge", folder / "ws-edge.new")
            edge.wait_ready()
            system.connect(user, edge=1)
            observer.wait_status(user, "online")
            system.close_clients()
        finally:
            for folder in folders:
                (folder / "ws-edge.new").unlink(missing_ok=True)


def test_a_core_with_a_key_that_nobody_expects_is_heard_by_nobody(system, keys, strangers_keys):
    observer = system.observe(edge=0)
    shutil.copy2(strangers_keys / "presence-core_secret", keys / "presence-core_secret")
    with started_with(system.cores[1], keys) as core:
        core.wait_ready()  # it has Redis
        wait_refused("whoever comes to it", [core], reason="handshake")
        for process in system.edges + system.watchers + system.apis + system.fanouts:
            eventually(f"{process.name} has lost it", lambda process=process: core_is_lost(process))
        assert core.metric("zpresence_bus_messages_received_total") == 0
        assert "reason=handshake detail=other_server_key" in core.log()
        come_and_go(system, [observer])
    come_and_go(system, [observer])


def core_is_lost(process):
    """Of two cores and, where it has any, two fanouts."""
    fanouts = 2 if process.name.startswith(("ws-edge", "http-api")) else 0
    return process.metric("zpresence_peers_live") == 1 + fanouts


def test_a_key_of_one_kind_does_not_pass_for_another(system, keys):
    """An edge that was taken over cannot move the service clock."""
    shutil.copy2(keys / "ws-edge_secret", keys / "expiry-watcher_secret")
    before = refused(system.cores, reason="wrong_arrow")
    with started_with(system.watchers[1], keys) as watcher:
        wait_refused("what it says", system.cores, before, reason="wrong_arrow")
        eventually("the watcher is not ready", lambda: not_ready_because(watcher))
        assert watcher.metric("zpresence_watcher_ticks_total", result="answered") == 0
        system.wait_log("reason=wrong_arrow detail=watcher-core/1")


def test_transitions_are_published_to_fanouts_only(system, keys):
    shutil.copy2(keys / "ws-edge_secret", keys / "fanout_secret")
    before = refused(system.cores, reason="wrong_kind")
    with started_with(system.fanouts[1], keys) as fanout:
        wait_refused("it", system.cores, before, reason="wrong_kind")  # at the PUB
        wait_refused("what it says", system.cores, reason="wrong_arrow")  # at the ROUTER
        system.connect(new_user())
        assert fanout.metric("zpresence_bus_messages_received_total") == 0
        eventually("the fanout is not ready", lambda: not_ready_because(fanout))
        system.close_clients()


@pytest.mark.parametrize("kind, setting", [("presence-core", "CORE_LISTEN"), ("presence-core", "CORE_PUB_LISTEN"),
                                           ("fanout", "FANOUT_LISTEN")])
def test_a_peer_without_security_is_refused(system, kind, setting):
    process = system.of_kind(kind)[0]
    before = refused([process], reason="handshake")
    speak_plainly(process, setting)
    wait_refused("the stranger", [process], before, reason="handshake")

    def is_logged():  # of one line a second; and who is gone at once has no address any more
        speak_plainly(process, setting)
        return "bus.refused address=127.0.0.1 reason=handshake detail=no_curve" in process.log()

    eventually("it is logged, with its address", is_logged)


def speak_plainly(process, setting):
    """Returns when it has hung up; all that it says is its own greeting."""
    with socket.create_connection(("127.0.0.1", port_of(process, setting)), timeout=PATIENCE_S) as plain:
        said = b""
        with contextlib.suppress(ConnectionError):
            plain.sendall(_PLAIN_GREETING)
            plain.sendall(_PLAIN_READY)
            while part := plain.recv(4096):
                said += part
        assert len(said) <= len(_PLAIN_GREETING)


def test_an_edge_without_security_is_refused(system):
    hosts = system.cores + system.fanouts
    before = {process.name: refused([process], reason="handshake") for process in hosts}
    with started_with(system.edges[1], "/nowhere", BUS_SECURITY="off") as edge:
        for process in hosts:
            wait_refused("it", [process], before[process.name], reason="handshake")
        assert edge.metric("zpresence_peers_live") == 0
        assert edge.metric("zpresence_bus_messages_received_total") == 0
        assert "WARN ws-edge-2 bus.not_secure" in edge.log()


# Keys that cannot be used


def run(kind, folder, *arguments, **settings):
    return run_to_end([binary(kind), *arguments], {**base_environment(), "BUS_KEYS": str(folder), **settings})


def assert_one_line(done, file, folder):
    code, out, error, _ = done
    assert code == 2
    assert out == ""
    (line,) = error.splitlines()
    assert f"file={file} " in line and f"zpresence keys {folder} " in line


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_key_ends_the_process_with_one_line_that_says_what_to_do(kind, tmp_path):
    for number, missing in enumerate(sorted(path.name for path in keys_of(kind).iterdir())):
        folder = shutil.copytree(keys_of(kind), tmp_path / str(number))
        (folder / missing).unlink()
        assert_one_line(run(kind, folder), folder / missing, folder)
    assert_one_line(run(kind, tmp_path / "nothing"), tmp_path / "nothing" / f"{kind}_secret", tmp_path / "nothing")


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_none_or_that_others_may_read_ends_the_process_too(kind, keys):
    secret, peer = keys / f"{kind}_secret", keys / ("fanout" if kind == "presence-core" else "presence-core")
    secret.chmod(0o644)
    assert_one_line(run(kind, keys), secret, keys)
    assert_one_line(run(kind, keys, "--check-config"), secret, keys)
    secret.chmod(0o600)
    peer.write_text("nonsense\n")
    assert_one_line(run(kind, keys), peer, keys)


def test_a_process_gets_along_with_its_own_secret_and_the_certificates_of_its_peers(tmp_path):
    """As a container is given them, and read only."""
    for kind in KINDS:
        folder = give_keys(kind, all_keys(), tmp_path / kind)
        for path in folder.iterdir():
            path.chmod(0o400)
        code, _, error, _ = run(kind, folder, "--check-config")
        assert (code, error) == (0, "")


def test_only_an_explicit_setting_turns_security_off(tmp_path):
    for value in ("", "curve"):
        code, _, error, _ = run("fanout", tmp_path / "nothing", BUS_SECURITY=value)
        assert code == 2 and "bus.keys_unusable" in error
    code, _, error, _ = run("fanout", tmp_path / "nothing", BUS_SECURITY="none")
    assert code == 2 and "BUS_SECURITY=none" in error
    assert run("fanout", tmp_path / "nothing", "--check-config", BUS_SECURITY="off")[0] == 0


# How keys are made and changed


def launcher(*arguments, home, **settings):
    environment = {**base_environment(), "ZPRESENCE_BUILD": str(binary("fanout").parents[1]), "BUS_KEYS": "",
                   "ZPRESENCE_HOME": str(home), **settings}
    return subprocess.run([REPOSITORY / "zpresence", *arguments], env=environment, cwd=home, capture_output=True,
                          text=True, timeout=PATIENCE_S, check=False)


def test_the_launcher_makes_what_is_missing_and_overwrites_nothing(tmp_path):
    folder = tmp_path / "somewhere"
    made = launcher("keys", "somewhere", home=tmp_path)
    assert made.returncode == 0, made.stderr
    names = sorted([*KINDS, *(f"{kind}_secret" for kind in KINDS)])
    assert sorted(os.listdir(folder)) == names
    assert sorted(made.stdout.splitlines()) == [f"made somewhere/{name}" for name in names]
    for kind in KINDS:
        assert (folder / f"{kind}_secret").stat().st_mode & 0o777 == 0o600
        assert run(kind, folder, "--check-config")[0] == 0
    kept = {name: (folder / name).read_text() for name in names}
    assert launcher("keys", "somewhere", home=tmp_path).stdout == "all keys are in somewhere\n"
    for name in ("fanout", "fanout_secret"):
        (folder / name).unlink()
    assert launcher("keys", "somewhere", home=tmp_path).returncode == 0
    now = {name: (folder / name).read_text() for name in names}
    assert {name for name in names if now[name] != kept[name]} == {"fanout", "fanout_secret"}
    (folder / "http-api_secret").unlink()
    refused_run = launcher("keys", "somewhere", home=tmp_path)
    assert refused_run.returncode == 1 and "remove it" in refused_run.stderr
    assert (folder / "http-api").read_text() == now["http-api"]
    assert launcher("keys", home=tmp_path).returncode == 0
    assert sorted(os.listdir(tmp_path / "keys")) == names


def change_key(kind, folder, new):
    """As ARCHITECTURE.md says: the old certificate stays beside the new one."""
    shutil.copy2(folder / kind, folder / f"{kind}.old")
    for name in (kind, f"{kind}_secret"):
        shutil.copy2(new / name, folder / f"{name}.coming")
        os.rename(folder / f"{name}.coming", folder / name)


def test_keys_are_changed_while_it_runs(runs_folder, keys, strangers_keys, tmp_path):
    """Every kind's, one process after another: who is there stays online, and what happens is told at once."""
    (tmp_path / "processes").mkdir()
    system = System(tmp_path / "processes", edges=2, cores=2, watchers=2, fanouts=2, apis=2)
    for process in system.services:
        process.environment["BUS_KEYS"] = str(keys)
    with system:
        observer = system.observe(edge=0)
        for kind in ("presence-core", "fanout", "expiry-watcher", "http-api"):
            change_key(kind, keys, strangers_keys)
            for process in system.of_kind(kind):
                process.stop()
                process.restart()
                eventually("all have found it", lambda: all_are_live(system))
                come_and_go(system, [observer])
            (keys / f"{kind}.old").unlink()
        change_key("ws-edge", keys, strangers_keys)
        system.edges[1].stop()
        system.edges[1].restart()
        eventually("all have found it", lambda: all_are_live(system))
        come_and_go(system, [observer])
        assert observer.statuses(observer.user) == ["online"]
        gaps = sum(fanout.metric("zpresence_fanout_gaps_total") for fanout in system.fanouts)
        come_and_go(system, [observer])
        assert sum(fanout.metric("zpresence_fanout_gaps_total") for fanout in system.fanouts) == gaps
        assert refused(system.cores + system.fanouts, reason="unknown_key") == 0


def all_are_live(system):
    """Every process sees all of those it connects to: the two cores, and edges and http-apis the two fanouts."""
    seen = {process.name: process.metric("zpresence_peers_live") for process in system.services
            if process not in system.cores}
    return all(live == (4 if name.startswith(("ws-edge", "http-api")) else 2) for name, live in seen.items())
