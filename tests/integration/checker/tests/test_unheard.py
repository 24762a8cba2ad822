"""What nobody could know: an edge that is not heard, or that has just died, cannot say who has come."""

from .made_journal import MadeJournal, unix_ms
from .made_run import EDGE_1, EDGE_2, clean, found, made


def test_what_a_silent_edge_could_not_say_is_no_reason(tmp_path):
    """The user moves to an edge that cores cannot hear, or hear late: offline in between. Not so if they could."""
    for name, target, is_false in (("link-cut", "ws-edge-3>presence-core", False),
                                   ("link-delay", "ws-edge-3>presence-core-2", False),
                                   ("link-cut", "ws-edge-2>presence-core", True),
                                   ("link-cut", "ws-edge-3>fanout", True)):
        j = made()
        j.fault(11.5, 13.0, name, target)
        j.shows(12.03, "cat", "offline", "closed")
        j.shows(13.3, "cat", "online", edge="ws-edge-3")
        if is_false:
            found(j, tmp_path, "false-offline")
        else:
            clean(j, tmp_path)


def test_an_edge_that_wakes_without_a_lease_must_join_before_it_can_speak(tmp_path):
    """The user moves to it in that moment. One that slept for less than its lease has nothing to wait for."""
    for frozen_s, opened_s, is_false in ((6.0, 0.1, False), (6.0, 0.3, True), (2.5, 0.1, False), (1.0, 0.1, True)):
        j = made()
        thawed = 80.0
        j.fault(thawed - frozen_s, thawed, "freeze", "ws-edge-5")
        j.edge(thawed - frozen_s, "ws-edge-5", "frozen")
        j.edge(thawed, "ws-edge-5", "thawed")
        j.connect(thawed + opened_s, "ann", "ws-edge-5")
        j.close(thawed + opened_s + 0.01, j.ann)
        j.shows(thawed + opened_s + 0.05, "ann", "offline", "closed")
        j.shows(thawed + opened_s + 0.1, "ann", "online", "announced", "ws-edge-5")
        if is_false:
            found(j, tmp_path, "false-offline")
        else:
            clean(j, tmp_path)


def test_a_link_to_one_of_two_cores_ends_no_lease(tmp_path):
    for target, is_false in (("ws-edge-4>presence-core", False), ("ws-edge-4>presence-core-2", True)):
        j = made()
        j.fault(30.0, 38.0, "link-cut", target)
        j.shows(34.0, "lea", "offline", "edge-lost")
        j.shows(38.5, "lea", "online", "announced", "ws-edge-4")
        if is_false:
            found(j, tmp_path, "false-offline")
        else:
            clean(j, tmp_path)


def test_who_moves_to_an_edge_that_dies_at_once_is_known_to_nobody(tmp_path):
    for lost, is_false in ((12.1, False), (12.3, True)):
        j = made()
        j.fault(lost, 12.4, "kill-edge", "ws-edge-3")
        j.edge(lost, "ws-edge-3", "lost")
        j.edge(12.4, "ws-edge-3", "back")
        j.closed(lost, j.cat, None)
        j.shows(12.6, "cat", "offline", "closed")
        j.log = [row for row in j.log if row["user"] != "cat" or row["t"] < 90]
        lines = j.lines()
        lines.find("observer-full-3", "watching")[0]["edge"] = EDGE_1
        if is_false:
            found(lines, tmp_path, "false-offline")
        else:
            clean(lines, tmp_path)


def test_a_status_that_a_dying_edge_had_no_time_to_say_is_known_to_nobody(tmp_path):
    for said, is_late in ((39.9, False), (39.7, True)):
        j = made(RECONNECT_GRACE_MS=6000)
        j.log = [row for row in j.log if row["t"] not in (43.55, 73.5, 76.2)]
        conn = next(conn for conn, each in j.connections.items() if each["user"] == "hal")
        j.status(said, conn, "busy")
        j.line("run", 42.5, "agreed")
        j.shows(48.5, "hal", "offline", "edge-lost")
        if is_late:
            found(j, tmp_path, "wrong-status")
        else:
            clean(j, tmp_path)


def _with_data_lost_after_an_edge(offline, loses_edge):
    """zoe's edge is lost, or silent, at 10; the data is lost at 10.5. She is told offline because no view has her."""
    j = MadeJournal(quiet=30, end=38)
    j.observe(0.5, "full-1", "full", EDGE_1)
    j.connect(1.0, "ann", EDGE_1)
    j.shows(1.01, "ann", "online")
    conn = j.connect(1.0, "zoe", EDGE_2)
    j.shows(1.02, "zoe", "online", edge=EDGE_2)
    j.edge(10.0, EDGE_2, "lost" if loses_edge else "frozen")
    j.fault(10.0, 14.0, "fault", EDGE_2)
    if loses_edge:
        j.closed(10.001, conn, None)
    j.edge(14.0, EDGE_2, "back" if loses_edge else "thawed")
    j.fault(10.5, 10.5, "redis-flushall", "redis")
    j.epochs.append(10.6)
    j.rebuilds.append((10.5, 12.5))
    j.shows(10.8, "ann", "online", "announced", told=False)
    if not loses_edge:
        j.shows(14.3, "zoe", "online", "announced", EDGE_2)
    lines = j.lines()
    lines.add("observer-full-1", offline + 0.01, "frame", user="zoe", status="offline", at=unix_ms(offline))
    if loses_edge:
        lines.find("log", "state", user="zoe")[0].update(status="offline", mirror=False, online=False)
        for line in lines.find("queries-1", "bulk") + lines.find("queries-1", "single"):
            if line["t"] > 12.5 and "zoe" in line.get("users", ()):
                line["users"]["zoe"] = "offline"
    return lines


def test_lost_data_takes_the_grace_of_a_lost_edge_away(tmp_path):
    clean(_with_data_lost_after_an_edge(11.1, loses_edge=True), tmp_path)
    found(_with_data_lost_after_an_edge(10.2, loses_edge=True), tmp_path, "false-offline")


def test_lost_data_leaves_a_silent_edge_its_lease(tmp_path):
    clean(_with_data_lost_after_an_edge(11.8, loses_edge=False), tmp_path)
    found(_with_data_lost_after_an_edge(11.4, loses_edge=False), tmp_path, "false-offline")


def test_who_comes_to_an_edge_that_has_not_joined_is_known_to_nobody(tmp_path):
    """It is back while the core that it asks is dead; the grace of the old connection ends."""
    j = made()
    j.fault(41.9, 46.0, "kill-core", "presence-core-1")
    conn = j.connect(42.2, "hal", EDGE_2)
    j.shows(46.2, "hal", "online", edge=EDGE_2)
    j.close(47.0, conn)
    j.shows(47.03, "hal", "offline", "closed")
    clean(j, tmp_path)


def test_an_invisible_user_may_be_announced_device_by_device(tmp_path):
    for hidden_again, is_late in ((95.2, False), (95.4, True)):
        j = _with_una_hidden_again_at(hidden_again)
        if is_late:
            found(j, tmp_path, "stale-change")
        else:
            clean(j, tmp_path)


def _with_una_hidden_again_at(t):
    j = made()
    j.connect(30.0, "una", EDGE_1)
    j.shows(30.01, "una", "online")
    hidden = j.connect(31.0, "una", "ws-edge-3")
    j.status(32.0, hidden, "invisible")
    j.shows(32.01, "una", "offline", "status-set")
    j.shows(90.5, "una", "online", "announced", told=False)
    j.shows(t, "una", "offline", "announced", told=False)
    return j
