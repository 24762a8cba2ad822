"""Clients behind a gateway: who they are for limits and logs, by HAProxy's PROXY protocol and by X-Forwarded-For, and
that nobody else is believed. And several edges on one port."""

import socket
import struct

import pytest

from harness.ports import free_port
from harness.process import Process, base_environment
from harness.raw_client import head
from harness.users import new_user
from harness.waiting import eventually

SYSTEM = {"apis": 0, "TRUSTED_PROXIES": "127.0.0.1", "PRESENCE_TTL": 30}

HERE, THERE, DIRECT = "127.0.0.2", "127.0.0.3", "127.0.0.4"

BINARY_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def line(address):
    family, here = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {address} {here} 50000 443\r\n".encode()


def binary(address, tlvs=b""):
    family, code, here = (socket.AF_INET6, 0x21, "::1") if ":" in address else (socket.AF_INET, 0x11, "127.0.0.1")
    rest = socket.inet_pton(family, address) + socket.inet_pton(family, here) + struct.pack(">HH", 50000, 443) + tlvs
    return BINARY_SIGNATURE + bytes([0x21, code]) + struct.pack(">H", len(rest)) + rest


def forwarded(address):
    return {"headers": f"X-Forwarded-For: {address}\r\n"}


def handshakes(edge, result):
    return edge.metric("zpresence_edge_handshakes_total", result=result)


def come(connect_raw, address_or_edge, source=None, preface=b"", headers=""):
    """The status of the answer to one who comes, and stays if he may."""
    client = connect_raw(address_or_edge, source)
    client.send(preface + head(headers=f"token: {new_user('client')}\r\n{headers}"))
    return client.answer().status


class Gateway:
    """HAProxy in front of one edge, which it tells of its clients in one of its ways."""

    def __init__(self, folder, edge, how):
        self.address = f"127.0.0.1:{free_port()}"
        in_request = "option forwardfor" if how == "forwardfor" else ""
        in_front = "" if how == "forwardfor" else how
        config = folder / "haproxy.cfg"
        config.write_text(f"""
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
    {in_request}
listen clients
    bind {self.address}
    server edge {edge.address} {in_front}
""")
        self.process = Process("haproxy", ["haproxy", "-db", "-f", config], base_environment(), folder / "haproxy.log")
        self.process.start()
        eventually("haproxy listens", self._listens)

    def _listens(self):
        host, port = self.address.split(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0


@pytest.fixture
def gateway(runs_folder, request):
    """gateway(edge, how): ended after the test."""
    started = []

    def start(edge, how):
        folder = runs_folder / request.node.name.replace("[", "-").replace("]", "")
        folder.mkdir()
        started.append(Gateway(folder, edge, how))
        return started[-1]

    yield start
    for each in started:
        each.process.abandon()


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id", "forwardfor"])
def test_behind_haproxy_each_client_has_limits_of_its_own(own_system, connect_raw, gateway, how):
    system = own_system(apis=0, SOCKETS_PER_ADDRESS=2, TRUSTED_PROXIES="127.0.0.1", PRESENCE_TTL=30)
    edge = system.edges[0]
    front = gateway(edge, how)
    assert [come(connect_raw, front, HERE) for _ in range(3)] == [101, 101, 429]
    assert [come(connect_raw, front, THERE) for _ in range(3)] == [101, 101, 429]
    assert [come(connect_raw, edge, DIRECT) for _ in range(3)] == [101, 101, 429]
    assert f"code=too_many_sockets_of_address from={HERE}" in edge.log()
    # A gateway that names nobody is itself the client.
    assert [come(connect_raw, edge) for _ in range(3)] == [101, 101, 429]
    assert handshakes(edge, "proxy_not_trusted") == handshakes(edge, "invalid_proxy_header") == 0


def test_handshakes_a_second_are_counted_for_each_client_of_a_gateway(own_system, connect_raw):
    system = own_system(apis=0, HANDSHAKES_PER_ADDRESS=3, TRUSTED_PROXIES="127.0.0.1", PRESENCE_TTL=30)
    edge = system.edges[0]
    for number, say in enumerate((lambda a: {"preface": line(a)}, lambda a: {"preface": binary(a)}, forwarded)):
        one, other = f"203.0.113.{number + 1}", f"198.51.100.{number + 1}"
        statuses = [come(connect_raw, edge, **say(one)) for _ in range(12)]
        assert statuses[:3] == [101] * 3 and 429 in statuses
        assert come(connect_raw, edge, **say(other)) == 101
    assert handshakes(edge, "too_many_handshakes") > 0


@pytest.mark.parametrize("say", [lambda a: {"preface": line(a)}, lambda a: {"preface": binary(a)}, forwarded],
                         ids=["line", "binary", "X-Forwarded-For"])
def test_of_ipv6_a_client_is_its_64(own_system, connect_raw, say):
    system = own_system(apis=0, SOCKETS_PER_ADDRESS=2, TRUSTED_PROXIES="127.0.0.1", PRESENCE_TTL=30)
    edge = system.edges[0]
    same = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:3:4:5:6"]
    assert [come(connect_raw, edge, **say(address)) for address in same] == [101, 101, 429]
    assert come(connect_raw, edge, **say("2001:db8:1:3::1")) == 101
    assert "from=2001:db8:1:2:3:4:5:6" in edge.log()


def test_a_chain_of_gateways_is_walked_back_to_who_is_none(own_system, connect_raw):
    system = own_system(apis=0, SOCKETS_PER_ADDRESS=1, TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8", PRESENCE_TTL=30)
    edge = system.edges[0]
    outer = line("10.1.2.3")
    assert come(connect_raw, edge, preface=outer, **forwarded("9.9.9.9, 203.0.113.1")) == 101
    assert come(connect_raw, edge, preface=outer, **forwarded("8.8.8.8, 203.0.113.1, 10.4.4.4")) == 429
    assert come(connect_raw, edge, preface=outer, **forwarded("203.0.113.2")) == 101
    # Whom a gateway names in front is not one itself: what he wrote into his request means nothing.
    assert come(connect_raw, edge, preface=binary("203.0.113.2"), **forwarded("203.0.113.3")) == 429


@pytest.mark.parametrize("preface", [BINARY_SIGNATURE + b"\x20\0\0\0", BINARY_SIGNATURE + b"\x21\0\0\x04TLVs",
                                     b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ? ? 0 0\r\n"],
                         ids=["LOCAL", "UNSPEC", "UNKNOWN", "UNKNOWN with more"])
def test_a_gateway_that_speaks_for_itself_is_served(system, connect_raw, preface):
    assert come(connect_raw, system.edges[0], preface=preface) == 101


STRANGERS = {"a line": line("203.0.113.1"), "half a line": b"PROXY TCP4 203", "binary": binary("203.0.113.1"),
             "the binary signature": BINARY_SIGNATURE}


@pytest.mark.parametrize("preface", STRANGERS.values(), ids=STRANGERS)
def test_a_proxy_header_of_a_stranger_is_a_bad_request(system, connect_raw, preface):
    edge = system.edges[0]
    before = handshakes(edge, "proxy_not_trusted")
    client = connect_raw(edge, HERE)
    client.send(preface)
    answer = client.refused()
    assert (answer.status, answer.refusal()) == (400, "proxy_not_trusted")
    assert handshakes(edge, "proxy_not_trusted") == before + 1
    assert f"edge.handshake.limited code=proxy_not_trusted from={HERE}" in edge.log()


def test_x_forwarded_for_of_a_stranger_is_ignored_and_counted(own_system, connect_raw):
    system = own_system(apis=0, SOCKETS_PER_ADDRESS=1, TRUSTED_PROXIES="127.0.0.1", PRESENCE_TTL=30)
    edge = system.edges[0]
    assert come(connect_raw, edge, HERE, **forwarded("203.0.113.1")) == 101
    assert come(connect_raw, edge, HERE, **forwarded("203.0.113.2")) == 429
    assert edge.metric("zpresence_edge_forwarded_ignored_total") == 2
    assert edge.log().count("edge.forwarded.ignored") == 1
    assert f"edge.forwarded.ignored from={HERE}" in edge.log()


BROKEN = {"version 1": b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "endless": b"PROXY UNKNOWN " + b"x" * 100,
          "version 2": BINARY_SIGNATURE + b"\x21\x11\0\x04abcd", "too long": BINARY_SIGNATURE + b"\x21\x11\xff\xff"}


@pytest.mark.parametrize("preface", BROKEN.values(), ids=BROKEN)
def test_a_broken_proxy_header_is_a_bad_request(system, connect_raw, preface):
    edge = system.edges[0]
    before = handshakes(edge, "invalid_proxy_header")
    client = connect_raw(edge)
    client.send(preface)
    answer = client.refused()
    assert (answer.status, answer.refusal()) == (400, "invalid_proxy_header")
    assert handshakes(edge, "invalid_proxy_header") == before + 1
    assert "edge.handshake.limited code=invalid_proxy_header from=127.0.0.1" in edge.log()


# Several edges on one port

def test_two_edges_on_one_port_share_the_clients(own_system, connect_raw):
    system = own_system(edges=2, LISTEN_SHARED=True)
    first, second = system.edges
    second.stop()
    second.environment["WS_LISTEN"] = second.address = first.address
    second.restart()
    observer = system.observe()
    clients = [system.connect(new_user("shared")) for _ in range(40)]
    for client in clients:
        observer.wait_status(client.user, "online")
    sockets = [edge.metric("zpresence_edge_sockets") for edge in system.edges]
    assert sum(sockets) == len(clients) + 1
    assert min(sockets) > 0, sockets

    # One goes: the other takes whoever comes.
    second.terminate()
    second.stopped()
    everybody = [*clients, observer]
    eventually("its clients know", lambda: sum(client.closed for client in everybody) == sockets[1])
    for client in everybody:
        if client.closed:
            system.connect(client.user)
    eventually("all are there", lambda: first.metric("zpresence_edge_sockets") == len(everybody))
    users = [client.user for client in clients]
    eventually("all are online", lambda: {state["status"] for state in system.bulk(*users).json().values()} == {"online"})
    second.environment["WS_LISTEN"] = second.address = f"127.0.0.1:{free_port()}"


def test_an_address_is_not_shared_unless_both_say_so(own_system):
    system = own_system(edges=2, apis=0)
    first, second = system.edges
    second.stop()
    second.environment["WS_LISTEN"] = first.address
    second.environment["LISTEN_SHARED"] = "true"
    second.start()
    assert second.wait_end() == 1
    assert "edge.cannot_listen" in second.log() and "Address already in use" in second.log()
    second.environment["WS_LISTEN"] = second.address
