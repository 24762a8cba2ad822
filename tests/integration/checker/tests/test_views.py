"""Invariants 3, 4, 5, 6, 9 and 10: each observer, the log, the answers."""

from .made_journal import unix_ms
from .made_run import EDGE_1, clean, found, kinds, made, report_of


def test_a_status_twice_in_a_row_is_found(tmp_path):
    j = made()
    j.status(30.0, j.ann, "away")
    j.shows(30.006, "ann", "away", "status-set")
    j.status(31.0, j.ann, "online")
    j.shows(31.006, "ann", "online", "status-set")
    lines = j.lines()
    lines.remove("observer-full-1", lines.find("observer-full-1", "frame", near=30, user="ann"))
    found(lines, tmp_path, "duplicate")


def test_a_snapshot_may_say_what_a_frame_has_said(tmp_path):
    lines = made().lines()
    lines.add("observer-full-1", 30.0, "snapshot", users={"ann": "online"}, last=False)
    clean(lines, tmp_path)


def test_a_snapshot_may_be_read_before_its_client_knows_that_it_is_in(tmp_path):
    """basic-1 sees its 101 at 40.3; a user who came at 40.25 is told by a frame."""
    for came, is_found in ((40.25, False), (39.8, True)):
        j = made()
        j.connect(came - 0.01, "new", EDGE_1)
        j.shows(came, "new", "online")
        j.shows(90.7, "new", "online", "announced", told=False)
        lines = j.lines()
        del lines.find("observer-basic-1", "snapshot", near=40)["users"]["new"]
        lines.add("observer-basic-1", 40.35, "frame", user="new", status="online", at=unix_ms(came))
        if is_found:
            found(lines, tmp_path, "false-offline")
        else:
            clean(lines, tmp_path)


def test_a_frame_that_tells_of_an_older_transition_is_found(tmp_path):
    lines = made().lines()
    for i, old in enumerate(lines.find("observer-full-1", "frame", user="eve")[:2]):
        lines.add("observer-full-1", 16.0 + i / 10, "frame", user="eve", status=old["status"], at=old["at"])
    report = found(lines, tmp_path, "order", count=2)
    assert "after" in report.violations[0].text


def test_a_frame_of_which_the_log_knows_nothing_is_found(tmp_path):
    lines = made().lines()
    lines.add("observer-full-1", 22.0, "frame", user="fay", status="away", at=unix_ms(22.0))
    lines.add("observer-full-1", 22.1, "frame", user="fay", status="busy", at=unix_ms(22.1))
    found(lines, tmp_path, "unfounded", count=2)


def test_a_frame_says_the_status_of_its_transition(tmp_path):
    lines = made().lines()
    lines.add("observer-full-1", 23.0, "frame", user="fay", status="away", at=unix_ms(1.51))
    found(lines, tmp_path, "unfounded")


def test_an_offline_that_is_told_when_it_is_found_needs_no_time_of_its_own(tmp_path):
    """An edge that finds a user missing from a fresh view."""
    lines = made().lines()
    frame = lines.find("observer-full-1", "frame", user="hal", status="offline")[0]
    frame["t"], frame["at"] = 43.8, unix_ms(43.79)
    clean(lines, tmp_path)


def test_a_hole_in_the_log_is_found(tmp_path):
    lines = made().lines()
    for line in lines.find("log", "transition"):
        if line["epoch"] == lines.find("log", "transition")[0]["epoch"] and line["t"] > 30:
            line["seq"] += 1
    for line in lines.find("log", "transition")[-9:]:
        line["seq"] += 1
    for line in lines.find("run", "clock", near=None):
        line["seq"] = 0
    found(lines, tmp_path, "log-hole")


def test_a_log_that_ends_too_early_is_found(tmp_path):
    lines = made().lines()
    lines.find("run", "clock")[-1]["seq"] += 1
    found(lines, tmp_path, "log-hole")


def test_a_second_offline_of_one_presence_is_found(tmp_path):
    j = made()
    j.shows(27.0, "eve", "offline", "ttl-expired", told=False)
    found(j, tmp_path, "double-offline")


def test_a_transition_that_does_not_follow_from_the_one_before_is_found(tmp_path):
    lines = made().lines()
    lines.find("log", "transition", user="bob", to="online", reason="closed")[0]["from"] = "away"
    found(lines, tmp_path, "log-chain")


def test_an_old_word_that_changes_a_newer_state_is_found(tmp_path):
    j = made()
    j.shows(30.0, "eve", "online", "connected")
    j.shows(30.4, "eve", "offline", "closed")
    found(j, tmp_path, "stale-change")


def test_who_is_gone_comes_back_to_life_in_no_fault_either(tmp_path):
    j = made()
    j.fault(29.0, 32.0, "freeze", "presence-core-1")
    j.shows(30.0, "eve", "online", "connected")
    j.shows(30.4, "eve", "offline", "closed")
    found(j, tmp_path, "stale-change")


def test_an_old_status_that_changes_a_newer_one_is_found(tmp_path):
    j = made()
    j.shows(30.0, "bob", "busy", "status-set")
    j.shows(30.4, "bob", "online", "status-set")
    found(j, tmp_path, "stale-change")


def test_a_bulk_answer_that_is_not_the_single_one_is_found(tmp_path):
    lines = made().lines()
    single = next(line for line in lines.find("queries-1", "single") if "fay" in line["users"] and line["t"] < 20)
    single["users"]["fay"] = "away"
    found(lines, tmp_path, "bulk-single")


def test_an_answer_that_contradicts_the_log_is_found(tmp_path):
    lines = made().lines()
    lines.find("queries-1", "bulk", near=30)["users"]["ann"] = "busy"
    report = report_of(lines, tmp_path)
    assert kinds(report) <= {"answer", "bulk-single"} and report.counts


def test_a_final_status_that_did_not_arrive_is_lost(tmp_path):
    lines = made().lines()
    lines.remove("observer-full-1", lines.find("observer-full-1", "frame", user="hal", status="offline")[0])
    found(lines, tmp_path, "lost")


def test_an_observer_that_hears_nothing_more_is_held_to_the_end(tmp_path):
    lines = made().lines()
    last = lines.find("observer-full-1", "frame")[-1]
    assert (last["user"], last["status"]) == ("lea", "online")
    lines.remove("observer-full-1", last)
    found(lines, tmp_path, "lost")


def test_a_basic_observer_is_held_to_what_it_can_know(tmp_path):
    lines = made().lines()
    assert not lines.find("observer-basic-1", "frame", status="busy")
    lines.remove("observer-basic-1", lines.find("observer-basic-1", "frame", user="dan", status="offline")[0])
    report = report_of(lines, tmp_path)
    assert kinds(report) == {"lost", "duplicate"}


def test_a_wrong_status_of_several_devices_is_found(tmp_path):
    """away and busy are busy."""
    for shown, is_wrong in (("busy", False), ("away", True)):
        j = made()
        j.status(98.5, j.connect(98.0, "bob", "ws-edge-3"), "busy")
        j.status(98.6, j.bob_1, "away")
        j.shows(98.7, "bob", shown, "status-set")
        if is_wrong:
            found(j, tmp_path, "wrong-status")
        else:
            clean(j, tmp_path)

def test_an_observer_who_does_not_read_is_told_late_and_nobody_else_may_be(tmp_path):
    for target, is_late in (("observer-9", False), ("observer-8", True), ("http-api-1", True)):
        j = made()
        j.observe(0.8, "observer-9", "full", EDGE_1)
        j.fault(30.0, 34.0, "slow", target)
        j.status(31.0, j.ann, "busy")
        j.shows(31.006, "ann", "busy", "status-set")
        j.status(36.0, j.ann, "online")
        j.shows(36.006, "ann", "online", "status-set")
        lines = j.lines()
        lines.find("observer-observer-9", "frame", user="ann", status="busy")[0]["t"] = 34.1
        if is_late:
            found(lines, tmp_path, "lost")
        else:
            clean(lines, tmp_path)
