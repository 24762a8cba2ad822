"""Invariants 2 and 10: what comes later than its bound, and what puts a bound off."""

import pytest

from .made_journal import unix_ms
from .made_run import EDGE_1, EDGE_2, clean, found, made, without


@pytest.mark.parametrize("user, at, last_allowed, first_late, reason", [
    ("eve", 25.03, 26.0, 26.1, "closed"),  # closed at 25: 25 ms, and a second
    ("fay", 23.45, 24.38, 24.45, "pong-timeout"),  # silent since 20.4: TTL and a second
    ("hal", 43.55, 44.45, 44.55, "edge-lost"),  # the edge was lost at 40: lease, grace and a second
])
def test_a_ghost_is_found_where_its_bound_is_passed(tmp_path, user, at, last_allowed, first_late, reason):
    j = made()
    without(j, at).shows(last_allowed, user, "offline", reason)
    clean(j, tmp_path)
    j = made()
    without(j, at).shows(first_late, user, "offline", reason)
    found(j, tmp_path, "ghost")


@pytest.mark.parametrize("user, at", [("eve", 25.03), ("fay", 23.45), ("hal", 43.55)])
def test_a_ghost_that_stays_is_one_ghost(tmp_path, user, at):
    j = without(made(), at)
    j.shows(90.6, user, "online", "announced", told=False)
    found(j, tmp_path, "ghost")


def test_a_ghost_in_bulk_answers_alone_is_found(tmp_path):
    lines = made().lines()
    lines.find("queries-1", "bulk", near=30)["users"]["eve"] = "online"
    found(lines, tmp_path, "ghost")


def test_a_close_in_an_outage_is_told_by_five_seconds_after_it(tmp_path):
    clean(_with_jon_gone_at(64.9), tmp_path)
    found(_with_jon_gone_at(65.1), tmp_path, "ghost")


def _with_jon_gone_at(t):
    j = without(made(), 60.6)
    j.shows(t, "jon", "offline", "closed")
    return j


def test_the_debounce_prolongs_the_bound_of_a_close(tmp_path):
    j = made(OFFLINE_DEBOUNCE_MS=800)
    without(j, 25.03).shows(26.7, "eve", "offline", "closed")
    clean(j, tmp_path)
    j = made(OFFLINE_DEBOUNCE_MS=800)
    without(j, 25.03).shows(26.9, "eve", "offline", "closed")
    found(j, tmp_path, "ghost")


def test_service_time_that_stands_still_prolongs_a_silence(tmp_path):
    """An outage of 8 s in the middle of it."""
    def silent_in_the_outage(gone):
        j = made()
        j.connect(30.0, "sam", EDGE_1)
        j.shows(30.01, "sam", "online")
        conn = max(j.connections)
        j.mute(51.6, conn, last_life=51.5)
        j.shows(gone, "sam", "offline", "pong-timeout")
        return j
    clean(silent_in_the_outage(64.9), tmp_path)
    found(silent_in_the_outage(65.1), tmp_path, "ghost")


def test_a_user_who_is_not_shown_though_he_is_there_is_found(tmp_path):
    j = made()
    j.connect(30.0, "new", EDGE_1)
    j.shows(31.1, "new", "online")
    found(j, tmp_path, "late-online")


def test_users_of_an_edge_that_stays_frozen_are_ghosts_past_the_bound_of_a_lost_one(tmp_path):
    for gone, is_late in ((74.45, False), (74.6, True)):
        j = made()
        without(j, 73.5).shows(gone, "lea", "offline", "edge-lost")
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_a_close_that_a_frozen_edge_cannot_say_is_as_the_loss_of_the_edge(tmp_path):
    for gone, is_late in ((74.45, False), (74.6, True)):
        j = made()
        j.close(71.0, j.lea)
        without(without(j, 73.5), 76.2).shows(gone, "lea", "offline", "edge-lost")
        j.log = [row for row in j.log if row["user"] != "lea" or row["t"] < 90]
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_a_close_that_a_dying_edge_had_no_time_to_say_is_as_the_loss_of_the_edge(tmp_path):
    for gone, is_late in ((44.45, False), (44.6, True)):
        j = made()
        j.close(39.99, j.connect(30.0, "zoe", EDGE_2))
        j.shows(30.01, "zoe", "online", edge=EDGE_2)
        j.shows(gone, "zoe", "offline", "edge-lost")
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


@pytest.mark.parametrize("ends", ["edge-lost", "close"])
def test_a_silent_client_is_a_ghost_however_its_connection_ends_later(tmp_path, ends):
    """Silent since 29.5, and its edge does not mind."""
    for gone, is_late in ((33.45, False), (33.6, True)):
        j = made()
        conn = j.connect(20.0, "zoe", EDGE_2)
        j.shows(20.01, "zoe", "online", edge=EDGE_2)
        j.mute(29.6, conn, last_life=29.5)
        if ends == "close":
            j.line("load-1", 37.0, "close", conn=conn, how="abort")
        j.shows(gone, "zoe", "offline", ends)
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_silence_is_not_counted_while_the_edge_stood_still(tmp_path):
    """Silent since 29.5, with 2 s in which nobody listened."""
    for gone, is_late in ((35.45, False), (35.6, True)):
        j = made()
        conn = j.connect(20.0, "zoe", EDGE_1)
        j.shows(20.01, "zoe", "online")
        j.mute(29.6, conn, last_life=29.5)
        j.fault(30.0, 32.0, "freeze", EDGE_1)
        j.edge(30.0, EDGE_1, "frozen")
        j.edge(32.0, EDGE_1, "thawed")
        j.line("run", 32.5, "agreed")
        j.shows(gone, "zoe", "offline", "pong-timeout")
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_a_fault_puts_off_only_what_it_can_reach(tmp_path):
    for target, is_late in (("presence-core-2", False), ("redis", False), (EDGE_1, False), ("ws-edge-*", False),
                            ("something", False), ("ws-edge-1>presence-core-2", False), ("expiry-watcher-1", False),
                            ("http-api-1", True), ("fanout-1", True), ("ws-edge-3", True), ("ws-edge-11", True),
                            ("ws-edge-3>presence-core-2", True)):
        j = made()
        j.fault(24.9, 25.5, "fault", target)
        without(j, 25.03).shows(26.5, "eve", "offline", "closed")
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_a_frame_is_awaited_until_what_carries_it_has_recovered(tmp_path):
    """hal's offline of 43.55, at one observer."""
    for target, seen, is_lost in (("fanout-1", 50.9, False), ("fanout-1", 51.1, True), (EDGE_1, 50.9, False),
                                  ("ws-edge-3", 50.9, True), ("http-api-1", 50.9, True), ("fanout-1", 44.0, False)):
        j = made()
        j.fault(43.5, 46.0, "fault", target)
        lines = j.lines()
        lines.find("observer-full-1", "frame", user="hal", status="offline")[0]["t"] = seen
        if is_lost:
            found(lines, tmp_path, "lost")
        else:
            clean(lines, tmp_path)


def test_a_frame_may_take_as_long_as_a_loaded_machine(tmp_path):
    for seen, is_lost in ((26.7, False), (26.78, True)):
        lines = made().lines()
        lines.find("observer-full-1", "frame", near=25, user="eve")["t"] = seen
        if is_lost:
            found(lines, tmp_path, "lost")
        else:
            clean(lines, tmp_path)


def test_recovery_is_over_where_all_views_were_seen_to_agree(tmp_path):
    for agreed, gone, is_late in ((63.0, 62.9, False), (63.0, 63.1, True), (70.0, 65.1, True)):
        j = _with_jon_gone_at(gone)
        j.line("run", agreed, "agreed")
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_an_observer_that_is_told_wrong_later_is_found_where_nobody_knows_the_log(tmp_path):
    """eve has been gone for long; the new epoch has no word on her."""
    lines = made().lines()
    lines.add("observer-full-1", 93.0, "frame", user="eve", status="online", at=unix_ms(92.9))
    found(lines, tmp_path, "ghost")
    lines.add("observer-full-1", 93.5, "frame", user="eve", status="offline", at=unix_ms(93.4))
    clean(lines, tmp_path)


def test_an_observer_that_is_not_told_of_who_is_there_has_lost_him(tmp_path):
    j = made()
    j.connect(93.0, "new", EDGE_1)
    j.shows(93.01, "new", "online")
    lines = j.lines()
    for line in lines.find("log", "transition", user="new"):
        lines.remove("log", line)  # the newest of all: it leaves no hole
    for line in lines.find("run", "clock"):
        line["seq"] = 0
    for observer in ("full-1", "basic-1", "full-3"):
        lines.remove("observer-" + observer, lines.find("observer-" + observer, "frame", user="new")[0])
    found(lines, tmp_path, "lost")
