"""Invariants 8, 11 and 12, and what Redis says at the end."""

import pytest

from .made_journal import BEGIN
from .made_run import EDGE_1, clean, found, made


@pytest.mark.parametrize("user, key, value, kind", [
    ("ann", "mirror", False, "mirror"),
    ("eve", "mirror", True, "mirror"),
    ("ann", "online", False, "online-set"),
    ("eve", "online", True, "online-set"),
    ("ann", "ends", True, "ends"),
    ("ann", "has_ends_at", True, "ends"),
])
def test_what_redis_keeps_beside_the_status_must_fit_it(tmp_path, user, key, value, kind):
    lines = made().lines()
    lines.find("log", "state", user=user)[0][key] = value
    found(lines, tmp_path, kind)


def test_redis_that_disagrees_with_the_sockets_at_the_end_is_found(tmp_path):
    lines = made().lines()
    lines.find("log", "state", user="ann")[0].update(status="offline", mirror=False, online=False)
    found(lines, tmp_path, "view")


def test_queries_without_an_answer_after_quiet_are_found(tmp_path):
    for asked, is_found in ((104.9, False), (105.1, True)):
        lines = made().lines()
        lines.add("queries-1", asked + 0.01, "bulk", asked=BEGIN + asked, error=500)
        if is_found:
            found(lines, tmp_path, "view")
        else:
            clean(lines, tmp_path)


def test_a_refused_user_with_a_trace_is_found(tmp_path):
    j = made()
    j.shows(6.01, "rex", "online")
    j.shows(6.4, "rex", "offline", "closed")
    found(j, tmp_path, "trace")


def test_a_handshake_that_broke_may_leave_a_trace(tmp_path):
    j = made()
    j.refuse(30.0, "roy", EDGE_1, why="reset")
    j.shows(30.01, "roy", "online")
    j.shows(30.05, "roy", "offline", "closed")
    clean(j, tmp_path)


@pytest.mark.parametrize("ev, keys, key, share, step", [
    ("process", {"name": "ws-edge-1"}, "rss_bytes", 1, 1 << 20),
    ("process", {"name": "presence-core-1"}, "fds", 1, 1),
    ("redis", {}, "used_memory_bytes", 1, 1 << 20),
    ("redis", {}, "keys", 1, 3),
])
def test_what_grows_and_grows_is_found(tmp_path, ev, keys, key, share, step):
    lines = made().lines()
    for i, line in enumerate(lines.find("run", ev, **keys)):
        line[key] += i * step
    found(lines, tmp_path, "growth")


def test_a_queue_that_is_never_emptied_is_found(tmp_path):
    lines = made().lines()
    for i, line in enumerate(lines.find("run", "process", name="ws-edge-1")):
        line["queues"] = {"waiting": 2 * i}
    found(lines, tmp_path, "growth")


def test_a_few_calm_seconds_are_enough_to_see_growth(tmp_path):
    lines = made().lines()
    samples = lines.find("run", "process", name="presence-core-1")
    for line in samples[3:-3]:
        lines.remove("run", line)
    for line in samples[-3:]:
        line["rss_bytes"] *= 2
    found(lines, tmp_path, "growth")


def test_what_more_clients_need_is_no_growth(tmp_path):
    for clients, is_found in ((60, False), (20, True)):
        j = made()
        for i in range(clients):
            j.connect(30.0 + i / 100, f"many-{i}", EDGE_1)
            j.shows(30.01 + i / 100, f"many-{i}", "online")
            j.shows(90.6 + i / 1000, f"many-{i}", "online", "announced", told=False)
        lines = j.lines()
        for line in lines.find("run", "process", name=EDGE_1):
            line["fds"] += 80 if line["t"] > 50 else 0
        if is_found:
            found(lines, tmp_path, "growth")
        else:
            clean(lines, tmp_path)


def test_what_grows_once_is_no_leak(tmp_path):
    lines = made().lines()
    for line in lines.find("run", "process", name="ws-edge-1"):
        if line["t"] > 50:
            line["rss_bytes"] += 20 << 20
            line["fds"] += 20
    clean(lines, tmp_path)
