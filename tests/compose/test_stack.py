"""The whole system in containers, from outside: the guide's and the overview's examples through the gateway, what is
closed to whom, and that nothing of the defence is written down only."""

import contextlib
import json
import re
import shlex
import socket
import ssl
import subprocess
import time

import pytest
from websockets import InvalidStatusCode

from engine import REPOSITORY, docker, run
from harness import http_client as http
from harness.python_client import PythonClient
from harness.waiting import PATIENCE_S, eventually
from stack import SERVICES

# Above what a test that waits asks in a second (POLL_S); tests go beyond them.
CONNECTIONS_PER_ADDRESS, REQUESTS_PER_ADDRESS = 60, 60
SOCKETS_PER_ADDRESS = 8
API_KEY = "a-key-that-is-http-api-s-own"
STACK = {"scale": {service: 2 for service in SERVICES}, "GATEWAY_CONNECTIONS_PER_ADDRESS": CONNECTIONS_PER_ADDRESS,
         "GATEWAY_REQUESTS_PER_ADDRESS": REQUESTS_PER_ADDRESS, "SOCKETS_PER_ADDRESS": SOCKETS_PER_ADDRESS,
         "API_KEYS": f"probe:read:{API_KEY}"}

# Where something listens: container's port -> by whom it is meant to be reached, besides the host itself.
PORTS = {"gateway": (3000, 9100), "ws-edge": (7100, 9100), "http-api": (7200, 9100), "presence-core": (7300, 7301, 9100),
         "fanout": (7400, 9100), "expiry-watcher": (9100,), "redis": (6379,)}
# service -> services that share a network with it.
NEIGHBOURS = {
    "gateway": {"ws-edge", "http-api"},
    "ws-edge": {"gateway", "http-api", "presence-core", "fanout", "expiry-watcher"},
    "http-api": {"gateway", "ws-edge", "presence-core", "fanout", "expiry-watcher"},
    "presence-core": {"ws-edge", "http-api", "fanout", "expiry-watcher", "redis"},
    "expiry-watcher": {"ws-edge", "http-api", "fanout", "presence-core", "redis"},
    "fanout": {"ws-edge", "http-api", "presence-core", "expiry-watcher"},
    "redis": {"presence-core", "expiry-watcher"},
}


@pytest.fixture
def connect(stack):
    """connect("123"): a phone of that user, through the gateway; gone after the test."""
    clients = []

    def connect(user, **options):
        clients.append(PythonClient(stack.url, user, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.end()
    users = [client.user for client in clients]
    eventually("all are offline", lambda: stack.online(*users) == [])


def one_of_each(stack):
    return {service: stack.one(service) for service in PORTS}


# The seeds' examples


def test_the_guide_a_dashboard_hears_who_comes_and_goes(connect):
    dashboard = connect("dashboard_token_123", device="web_dashboard_1")
    dashboard.wait_status("dashboard_token_123", "online")
    phone = connect("123", device="phone")
    dashboard.wait_status("123", "online")
    phone.close()
    dashboard.wait_status("123", "offline")


def test_the_guide_the_bulk_query_as_written(stack, connect):
    for user in ("456", "789"):
        connect(user)
    eventually("both are online", lambda: stack.online("123", "456", "789") == ["456", "789"])
    call = ("curl -X POST http://localhost:3000/api/presence/status \\\n  -H \"Content-Type: application/json\" \\\n"
            "  -d '{\"userIds\": [\"123\", \"456\", \"789\"]}'\n").replace("3000", str(stack.port))
    done = subprocess.run(["bash", "-c", call], capture_output=True, timeout=PATIENCE_S, check=True)
    answer = json.loads(done.stdout)
    assert [state["status"] for state in answer.values()] == ["offline", "online", "online"]
    assert all(list(state) == ["userId", "status", "lastSeen"] for state in answer.values())


def test_the_guide_redis_is_looked_at_as_it_says(stack, connect):
    connect("123")
    eventually("123 is online", lambda: stack.online("123"))
    redis = stack.one("redis")
    assert re.fullmatch(r"\d{13}", redis.exec("as", "operator", "GET", "presence:user:123"))
    assert 0 < int(redis.exec("as", "operator", "TTL", "presence:user:123")) <= 360
    assert redis.exec("as", "operator", "KEYS", "presence:user:*") == "presence:user:123"


def test_the_overview_a_tv_says_what_it_is_and_is_listed(stack, connect):
    def call(path, **body):
        answer = http.post_json(stack.address, path, body)
        assert answer.status == 200, answer
        return answer.json()

    watcher = connect("456")
    assert call("/api/calls/presence", username="HI20E", status="online", socket_id="optional_ws_id")["success"] is True
    watcher.wait_status("HI20E", "online")
    listed = http.get(stack.address, "/api/calls/online-users?exclude_user=456&contacts_only=false").json()["users"]
    assert [row["presence_status"] for row in listed if row["username"] == "HI20E"] == ["online"]
    session = call("/api/users/session/start", username="HI20E", session_type="video_call", room_name="optional_room")
    assert session["room_name"] == "optional_room" and session["session_token"]
    assert call("/api/calls/presence", username="HI20E", status="offline", socket_id="optional_ws_id")["success"] is True
    watcher.wait_status("HI20E", "offline")


def test_what_runs_is_known_of_every_replica_by_a_name_of_its_own(stack):
    named = {row["id"] for row in http.get(stack.address, "/api/ops/services").json()["services"]}
    assert named == {each.process for each in stack.containers(*SERVICES)}

    def scraped():
        text = http.get(stack.address, "/metrics/all").body.decode()
        return dict(re.findall(r'^zpresence_scrape_up\{process="([^"]+)"\} (\d)$', text, re.MULTILINE))

    eventually("every process gives its metrics", lambda: scraped() == dict.fromkeys(named, "1"))
    assert http.get(stack.address, "/health").json()["notes"] == []


def test_sockets_and_requests_are_spread_over_the_replicas(stack, connect):
    edges = {connect(f"spread-{i}").header("X-Served-By") for i in range(4)}
    assert len(edges) == 2


# What is closed


def test_only_the_gateway_is_published(stack):
    published = {each.service: each.inspect()["NetworkSettings"]["Ports"] for each in stack.containers()}
    host_ports = {service: [row["HostPort"] for rows in ports.values() for row in rows or []]
                  for service, ports in published.items()}
    assert {service: ports for service, ports in host_ports.items() if ports} == {"gateway": [str(stack.port)]}


def reached(names_and_ports, prober):
    """Those of (address, port)... that `prober`, a function that runs bash there, can connect to."""
    script = "".join(f"(timeout 3 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null && echo {address} {port}) & "
                     for address, port in names_and_ports)
    return {tuple(line.split()) for line in prober(script + "wait").splitlines()}


def every_door(stack):
    return [(address, port) for each in stack.containers(*PORTS) for address in each.addresses() for port in PORTS[each.service]]


def test_from_another_network_nothing_is_reached(stack, images):
    def prober(network):
        return lambda script: docker("run", "--rm", "--network", network, "--entrypoint", "bash", images.name("gateway"), "-c", script)

    doors = every_door(stack)
    assert reached(doors, prober(f"{stack.project}_door"))
    assert reached(doors, prober("bridge")) == set()


def test_a_container_reaches_those_whom_it_has_to_do_with_and_no_others(stack):
    containers = one_of_each(stack)
    address_of = {address: each.service for each in stack.containers(*PORTS) for address in each.addresses()}
    for service, container in containers.items():
        others = [door for door in every_door(stack) if address_of[door[0]] != service]
        seen = {address_of[address] for address, _ in reached(others, lambda script, at=container: at.exec("bash", "-c", script))}
        assert seen == NEIGHBOURS[service], service


def test_no_container_writes_its_root_or_has_rights(stack):
    for container in one_of_each(stack).values():
        assert container.exec("id", "-u") == "10001"
        for folder in ("/", "/usr/local/bin", "/etc", "/tmp", "/var"):
            said = container.exec("bash", "-c", f"echo x >{folder}/mine && echo written", check=False)
            assert "written" not in said and "Read-only file system" in said, (container.service, folder, said)
        rights = dict(re.findall(r"^(CapEff|CapBnd|NoNewPrivs):\s*(\w+)$", container.exec("cat", "/proc/1/status"), re.MULTILINE))
        assert (int(rights["CapEff"], 16), int(rights["CapBnd"], 16), rights["NoNewPrivs"]) == (0, 0, "1"), container.service


@pytest.mark.parametrize("user, command", [
    ("presence-core", "CONFIG SET maxmemory-policy allkeys-lru"),
    ("presence-core", "FLUSHALL"),
    ("presence-core", "SET other:key 1"),
    ("presence-core", "EVAL return{} 0"),
    ("presence-core", "KEYS *"),
    ("presence-core", "ACL LIST"),
    ("presence-core", "SUBSCRIBE presence:updates"),
    ("expiry-watcher", "CONFIG SET notify-keyspace-events Ex"),
    ("expiry-watcher", "GET presence:epoch"),
    ("expiry-watcher", "SET presence:user:x 1"),
    ("expiry-watcher", "SUBSCRIBE presence:updates"),
    ("expiry-watcher", "PUBLISH presence:updates x"),
    ("operator", "DEL presence:epoch"),
    ("operator", "SET presence:user:x 1"),
    ("operator", "PUBLISH presence:updates x"),
    ("operator", "GET other:key"),
    ("operator", "ACL LIST"),
    ("operator", "CONFIG SET save x"),
    ("operator", "SHUTDOWN NOSAVE"),
])
def test_redis_refuses_a_user_what_it_must_not_do(stack, user, command):
    assert "NOPERM" in stack.one("redis").exec("as", user, *shlex.split(command))


def test_redis_refuses_who_has_no_name_or_a_wrong_password(stack):
    redis = stack.one("redis")
    assert "NOAUTH" in redis.exec("redis-cli", "ping", check=False)
    assert "WRONGPASS" in redis.exec("redis-cli", "--no-auth-warning", "--user", "presence-core", "-a", "wrong", "ping",
                                     check=False)


def test_redis_allows_presence_core_every_command_of_its_code(stack):
    """Some are for rare moments, which no other test here brings about."""
    scripts = "".join(path.read_text() for path in (REPOSITORY / "services" / "presence-core" / "scripts").glob("*.lua"))
    sources = "".join(path.read_text() for path in (REPOSITORY / "services" / "presence-core").glob("*.c"))
    commands = sorted(set(re.findall(r"redis\.p?call\('([A-Z]+)'", scripts) + re.findall(r'str_view_of\("([A-Z]+)"\)', sources)))
    assert len(commands) > 30 and "MGET" in commands
    allowed = re.search(r"^user presence-core (.*)$", (REPOSITORY / "docker" / "redis" / "users.acl").read_text(), re.MULTILINE)[1]
    assert [command for command in commands if f"+{command.lower()}" not in allowed.split()] == []


def test_redis_has_after_a_restart_what_it_had_before(stack):
    """Its users' rights count while it reads its own file, too."""
    registered = http.post_json(stack.address, "/api/users/register", {"username": "KEPT", "display_name": "who is kept"})
    assert registered.json()["user"]["display_name"] == "who is kept"
    docker("restart", stack.one("redis").id)
    stack.wait_serving()
    kept = http.get(stack.address, "/api/users/profile/KEPT")
    assert kept.status == 200 and kept.json()["user"]["display_name"] == "who is kept", kept
    assert "NOPERM" not in stack.one("redis").log()


def test_no_container_has_secrets_of_others(stack):
    secrets = {path.name: path.read_text() for path in stack.secrets.glob("redis_*")}
    secrets |= {f"bus_{path.name}": re.search(r'secret-key = "(.+)"', path.read_text())[1]
                for path in (stack.secrets / "bus").glob("*_secret")}
    assert len(secrets) == 3 + len(SERVICES)
    own = {service: {f"bus_{service}_secret", *(name for name in secrets if name == f"redis_{service}")} for service in SERVICES}
    own |= {"gateway": set(), "redis": {name for name in secrets if name.startswith("redis_")}}
    for service, container in one_of_each(stack).items():
        said = container.exec("bash", "-c", "cat /run/secrets/* /run/secrets/*/* 2>/dev/null; tr '\\0' '\\n' </proc/1/environ; true")
        assert {name for name, secret in secrets.items() if secret in said} == own[service], service
        if service not in ("ws-edge", "http-api"):
            assert "your-secret-key" not in said, service
        assert (API_KEY in said) == (service == "http-api"), service


def test_all_are_healthy_by_their_own_checks(stack):
    def healths():
        return {each.name: each.inspect()["State"]["Health"]["Status"] for each in stack.containers()}

    eventually("all are healthy", lambda: set(healths().values()) == {"healthy"}, 60)


def test_redis_is_not_healthy_where_it_does_not_know_who_asks(stack):
    redis = stack.one("redis")
    check = shlex.join(redis.inspect()["Config"]["Healthcheck"]["Test"][1:])
    assert "works" in redis.exec("bash", "-c", f"{check} && echo works")
    assert "works" not in redis.exec("bash", "-c", f"as() {{ redis-cli ping; }}; export -f as; {check} && echo works",
                                     check=False)


def test_the_bus_is_encrypted(stack):
    """Everything above worked, and no process says that it does without."""
    for service in SERVICES:
        assert "bus.not_secure" not in stack.one(service).log()
    secret = stack.one("presence-core").exec("stat", "-c", "%a %u", "/run/secrets/bus/presence-core_secret")
    assert secret == "600 10001"


# The gateway


def test_an_edge_knows_from_where_the_clients_of_the_gateway_come(stack, connect):
    with pytest.raises(InvalidStatusCode) as refused:
        for i in range(2 * SOCKETS_PER_ADDRESS + 1):
            connect(f"neighbour-{i}")
    assert refused.value.status_code == 429
    log = "".join(each.log() for each in stack.containers("ws-edge"))
    here = docker("network", "inspect", f"{stack.project}_outside", "-f", "{{(index .IPAM.Config 0).Gateway}}")
    assert set(re.findall(r"edge\.handshake\.limited .*from=(\S+)", log)) == {here}


def certificate(path, name):
    """A certificate of its own for `name`, with its key, that the containers may read."""
    key, made = path.with_suffix(".key"), path.with_suffix(".crt")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-keyout", key, "-out", made)
    path.write_text(made.read_text() + key.read_text())
    for part in (key, made):
        part.unlink()


def certificate_name(stack):
    """The subject that the gateway shows now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", stack.port), 5) as plain, context.wrap_socket(plain) as secure:
        shown = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True))
    done = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline"], input=shown,
                          capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return re.search(r"commonName\s*= (.*)", done.stdout)[1]


def test_with_certificates_it_speaks_tls_and_a_reload_brings_new_ones_and_drops_nobody(stack):
    file = stack.certificates / "site.pem"
    certificate(file, "first.example")
    stack.compose("up", "-d", "--no-deps", "--force-recreate", "gateway")
    eventually("the gateway shows its certificate", lambda: _shows(stack, "first.example"))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def client(user):
        return PythonClient(stack.url.replace("ws:", "wss:"), user, tls=context)

    try:
        staying = eventually("a socket is open", lambda: _attempt(lambda: client("staying")))
        certificate(file, "second.example")
        stack.one("gateway").exec("reload")
        eventually("the gateway shows the new certificate", lambda: _shows(stack, "second.example"))
        coming = client("coming")
        staying.wait_status("coming", "online")
        assert not staying.closed
        coming.end()
        staying.wait_status("coming", "offline")
        staying.end()
    finally:
        file.unlink()
        stack.compose("up", "-d", "--no-deps", "--force-recreate", "gateway")
        stack.wait_serving()


def _shows(stack, name):
    try:
        return certificate_name(stack) == name
    except OSError:
        return False


def _attempt(make):
    try:
        return make()
    except Exception:  # whatever it is, it will be tried again
        return None


def test_who_knocks_too_often_is_not_let_in_for_a_while_and_is_counted(stack):
    gateway = f"{stack.one('gateway').address('door')}:9100"

    def denied():
        text = http.get(gateway, "/metrics").body.decode()
        return float(re.search(r'^haproxy_frontend_connections_denied\w*\{proxy="clients"\} (\S+)$|'
                               r'^haproxy_frontend_denied_connections_total\{proxy="clients"\} (\S+)$', text, re.MULTILINE)[2])

    def knock():
        try:
            return http.get(stack.address, "/health", timeout_s=5).status
        except (OSError, http.HTTPException):
            return None

    before = denied()
    assert knock() == 200
    for _ in range(CONNECTIONS_PER_ADDRESS * 10 + 50):
        socket.create_connection(("127.0.0.1", stack.port), 5).close()
    eventually("one is not let in", lambda: knock() is None)  # what was too much is still on its way there
    assert denied() > before
    eventually("it is let in again", lambda: time.sleep(1) or knock() == 200, 30)


def test_who_asks_too_often_is_told_so_for_a_while(stack):
    asked = REQUESTS_PER_ADDRESS * 10 + 50
    request = b"GET /nothing HTTP/1.1\r\nHost: h\r\n"
    with socket.create_connection(("127.0.0.1", stack.port), PATIENCE_S) as connection:
        connection.sendall((request + b"\r\n") * (asked - 1) + request + b"Connection: close\r\n\r\n")
        said = b""
        with contextlib.suppress(ConnectionResetError):  # it may not wait for what it has refused already
            while part := connection.recv(65536):
                said += part
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", said)
    assert statuses[0] == b"404" and statuses[-1] == b"429", (len(statuses), set(statuses))
    assert b'{"error": "Too many requests", "code": "rate_limited"}' in said
    eventually("it is answered again", lambda: time.sleep(1) or http.get(stack.address, "/health").status == 200, 30)


def test_what_cannot_be_rolled_is_refused_in_one_line_and_nothing_is_changed(stack):
    before = [each.id for each in stack.containers()]
    done = stack.roll(60, "redis")
    assert done.communicate()[0].startswith("roll: 'redis' cannot be rolled") and done.returncode == 1
    assert [each.id for each in stack.containers()] == before


def test_a_gateway_that_cannot_take_new_certificates_says_so_and_goes_on(stack):
    file = stack.certificates / "broken.pem"
    gateway = stack.one("gateway")
    certificate(file, "broken.example")
    try:
        stack.compose("up", "-d", "--no-deps", "--force-recreate", "gateway")
        eventually("the gateway shows its certificate", lambda: _shows(stack, "broken.example"))
        gateway = stack.one("gateway")
        file.write_text("nonsense\n")
        said = gateway.exec("bash", "-c", "reload 2>&1; echo $?", check=False)
        assert "broken.pem" in said and said.splitlines()[-1] == "1"
        assert _shows(stack, "broken.example")
    finally:
        file.unlink()
        stack.compose("up", "-d", "--no-deps", "--force-recreate", "gateway")
        stack.wait_serving()


# Metrics and alerts


def test_the_profile_ops_has_a_prometheus_with_the_alert_rules(stack):
    stack.compose("--profile", "ops", "up", "-d", "--no-deps", "prometheus")
    prometheus = eventually("prometheus runs", lambda: stack.containers("prometheus"))[0]

    def ask(path):
        said = prometheus.exec("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/9090; printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3",
                               check=False)
        return json.loads(said.partition("\n\n")[2].replace("\r", "") or said.partition("\r\n\r\n")[2])["data"]

    def targets():
        return {each["labels"]["job"]: each["health"] for each in ask("/api/v1/targets")["activeTargets"]}

    eventually("it scrapes the gateway and all processes",
               lambda: _attempt(targets) == {"zpresence": "up", "gateway": "up"}, 60)
    rules = {rule["name"] for group in ask("/api/v1/rules")["groups"] for rule in group["rules"]}
    listed = set(re.findall(r"alert: (\w+)", (REPOSITORY / "docker" / "prometheus" / "alerts.yml").read_text()))
    assert rules == listed
    names = {row["metric"]["process"] for row in ask("/api/v1/query?query=zpresence_scrape_up")["result"]}
    assert {each.process for each in stack.containers(*SERVICES)} <= names
    docker("rm", "-f", prometheus.id)
