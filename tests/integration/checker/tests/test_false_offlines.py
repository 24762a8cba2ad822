"""Invariants 1 and 7: who is there is never shown offline, and what is no such lie."""

import pytest

from .made_journal import unix_ms
from .made_run import EDGE_1, EDGE_2, clean, found, kinds, made, report_of, without


def test_an_offline_while_a_socket_is_open_is_false(tmp_path):
    j = made()
    j.shows(30.0, "ann", "offline", "pong-timeout")
    j.shows(30.2, "ann", "online")
    report = found(j, tmp_path, "false-offline")
    (violation,) = report.violations
    assert violation.user == "ann" and violation.context["seen_by"] == ["basic-1", "full-1", "full-3"]
    assert any("pong-timeout" in row for row in violation.context["transitions"])


def test_a_false_offline_that_only_one_observer_was_told_is_found(tmp_path):
    lines = made().lines()
    lines.add("observer-full-1", 30.0, "frame", user="ann", status="offline", at=unix_ms(29.9))
    lines.add("observer-full-1", 30.3, "frame", user="ann", status="online", at=unix_ms(1.01))
    report = report_of(lines, tmp_path)
    assert kinds(report) == {"false-offline", "order"}  # what takes it back can only be an old word


def test_a_false_offline_in_a_bulk_answer_is_found(tmp_path):
    lines = made().lines()
    lines.find("queries-1", "bulk", near=30)["users"]["ann"] = "offline"
    found(lines, tmp_path, "false-offline")


def test_a_false_offline_in_a_snapshot_is_found(tmp_path):
    lines = made().lines()
    del lines.find("observer-basic-1", "snapshot", near=40)["users"]["ann"]
    lines.add("observer-basic-1", 40.5, "frame", user="ann", status="online", at=unix_ms(1.01))
    found(lines, tmp_path, "false-offline")


def test_who_is_missing_from_a_snapshot_is_offline_to_the_observer(tmp_path):
    lines = made().lines()
    del lines.find("observer-basic-1", "snapshot", near=40)["users"]["ann"]
    assert kinds(report_of(lines, tmp_path)) == {"false-offline", "lost"}


def test_a_false_offline_while_data_is_being_lost_is_found(tmp_path):
    """No transition says so: a view without the user is told on."""
    lines = made().lines()
    lines.add("observer-full-1", 90.4, "frame", user="ann", status="offline", at=unix_ms(90.35))
    lines.add("observer-full-1", 90.6, "frame", user="ann", status="online", at=unix_ms(90.5))
    found(lines, tmp_path, "false-offline")


def test_who_moves_is_never_offline_however_short_the_new_socket_is_there(tmp_path):
    j = made()
    j.shows(12.03, "cat", "offline", "closed")
    j.shows(12.05, "cat", "online", edge="ws-edge-3")
    found(j, tmp_path, "false-offline")


def test_who_moves_while_redis_is_out_of_reach_is_never_offline(tmp_path):
    j = made()
    j.shows(60.5, "ivy", "offline", "closed")
    j.shows(60.52, "ivy", "online", edge="ws-edge-3")
    found(j, tmp_path, "false-offline")


def test_who_returns_inside_the_grace_is_never_offline(tmp_path):
    """Neither after the return, nor in the grace before it."""
    for at, back in ((42.5, 42.6), (40.8, 41.05)):
        j = made()
        j.shows(at, "gus", "offline", "edge-lost")
        j.shows(back, "gus", "online")
        found(j, tmp_path, "false-offline")


def test_an_edge_that_is_frozen_shorter_than_its_lease_keeps_its_users(tmp_path):
    """As its lease is worth; and the grace after that. Less a beat, a tick and what a machine may take."""
    for at, is_false in ((72.5, True), (72.9, False)):
        j = made()
        j.frozen.clear()  # the client speaks on, though nobody reads it
        without(j, 73.5).shows(at, "lea", "offline", "edge-lost")
        if is_false:
            found(j, tmp_path, "false-offline")
        else:
            clean(j, tmp_path)


def test_a_silent_client_is_offline_too_early(tmp_path):
    """A second before TTL is inside the promise; then everything is right."""
    j = made()
    j.log = [row for row in j.log if row["reason"] != "pong-timeout"]
    j.shows(22.3, "fay", "offline", "pong-timeout")
    found(j, tmp_path, "false-offline")
    j = made()
    j.log = [row for row in j.log if row["reason"] != "pong-timeout"]
    j.shows(22.45, "fay", "offline", "pong-timeout")
    clean(j, tmp_path)


def _with_a_pause_of_life(offline_at, closes):
    """A sign of life at 31.0, the next one, or a close, at 33.6."""
    j = made()
    conn = j.connect(30.0, "sam", EDGE_1)
    j.shows(30.01, "sam", "online")
    j.connections[conn]["last"] = 31.0
    for t in [31.0] if closes else [31.0, *(33.6 + i * 0.8 for i in range(93))]:
        j.line("load-1", t, "life", conn=conn)
    if closes:
        j.line("load-1", 33.6, "close", conn=conn, how="clean")
    j.shows(offline_at, "sam", "offline", "ttl-expired")
    if not closes:
        j.shows(33.7, "sam", "online", "restored")
        j.shows(90.6, "sam", "online", "announced", told=False)
    return j


@pytest.mark.parametrize("closes", [False, True])
def test_a_pause_of_life_protects_for_a_second_less_than_its_limit(tmp_path, closes):
    clean(_with_a_pause_of_life(33.1, closes), tmp_path)
    found(_with_a_pause_of_life(32.9, closes), tmp_path, "false-offline")


def test_who_came_back_inside_the_grace_and_left_again_has_left(tmp_path):
    j = made()
    conn = j.connect(40.4, "hal", EDGE_1)
    j.close(40.9, conn)
    without(j, 43.55).shows(40.93, "hal", "offline", "closed")
    clean(j, tmp_path)


def test_a_connection_that_is_not_yet_known_is_no_reason(tmp_path):
    """Who closes and comes back is offline in between; that may be decided until the new connection can be known."""
    for at, is_false in ((31.4, False), (31.5, True)):
        j = made()
        j.close(31.0, j.ann)
        j.connect(31.2, "ann", "ws-edge-3")
        j.shows(at, "ann", "offline", "closed")
        j.shows(31.55, "ann", "online", edge="ws-edge-3")
        if is_false:
            found(j, tmp_path, "false-offline")
        else:
            clean(j, tmp_path)


def test_who_was_never_shown_since_he_came_is_late_and_not_falsely_offline(tmp_path):
    j = made()
    j.connect(30.0, "new", EDGE_1)
    j.shows(30.9, "new", "online")
    clean(j, tmp_path)


def test_who_comes_after_lost_data_is_late_too(tmp_path):
    """Nobody knows what the log said of him before; the answers of half a second say offline."""
    j = made()
    j.connect(92.0, "new", EDGE_1)
    j.shows(92.9, "new", "online")
    clean(j, tmp_path)


def test_a_socket_that_is_closed_as_silent_though_it_was_not_is_found(tmp_path):
    j = made()
    j.closed(30.5, j.ann, 1001)
    j.shows(30.53, "ann", "offline", "pong-timeout")
    j.log = [row for row in j.log if row["user"] != "ann" or row["t"] < 90]
    report = report_of(j.lines(), tmp_path)
    assert kinds(report) == {"false-offline", "unprompted-close"}


def test_a_socket_that_broke_is_not_open(tmp_path):
    """In a fault of its edge, nobody is to blame for it; the user is offline as soon as the edge sees it, or silent."""
    for gone, is_late in ((30.6, False), (36.9, False), (37.1, True)):
        j = made()
        j.fault(29.0, 32.0, "fault", EDGE_1)
        j.closed(30.5, j.ann, None)
        j.shows(gone, "ann", "offline", "closed")
        j.log = [row for row in j.log if row["user"] != "ann" or row["t"] < 90]
        if is_late:
            found(j, tmp_path, "ghost")
        else:
            clean(j, tmp_path)


def test_a_socket_that_broke_without_a_reason_is_found_and_may_be_seen_by_its_silence_alone(tmp_path):
    j = made()
    j.closed(30.5, j.ann, None)
    j.shows(33.0, "ann", "offline", "pong-timeout")
    j.log = [row for row in j.log if row["user"] != "ann" or row["t"] < 90]
    found(j, tmp_path, "unprompted-close")


def test_who_closes_while_his_edge_is_stopping_wants_no_grace(tmp_path):
    j = made()
    conn = j.connect(30.0, "zoe", EDGE_2)
    j.shows(30.01, "zoe", "online", edge=EDGE_2)
    j.close(40.5, conn)
    j.shows(40.53, "zoe", "offline", "closed", EDGE_2)
    clean(j, tmp_path)


def test_what_is_decided_in_the_millisecond_in_which_it_is_allowed_is_no_lie(tmp_path):
    """`at` is cut to milliseconds: it may lie just before what led to it."""
    j = made()
    j.status(30.0008, j.ann, "invisible")
    j.shows(30.0002, "ann", "offline", "status-set")
    j.log = [row for row in j.log if row["user"] != "ann" or row["t"] < 90]
    clean(j, tmp_path)


def test_closing_one_of_several_devices_takes_nobody_offline(tmp_path):
    j = made()
    j.log = [row for row in j.log if row["t"] != 10.03]
    j.shows(10.03, "bob", "offline", "closed", "ws-edge-3")
    j.shows(10.1, "bob", "online")
    found(j, tmp_path, "device-closed")
