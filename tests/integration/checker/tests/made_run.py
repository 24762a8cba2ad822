"""A correct run of two minutes: devices, moves, statuses, silence, a lost edge, a frozen one, Redis out of reach, data
lost; and what tests say of the checker's report on it."""

import checker

from .made_journal import MadeJournal

EDGE_1, EDGE_2 = "ws-edge-1", "ws-edge-2"


def made(**settings):
    """A correct run: devices, moves, statuses, silence, a lost edge, a frozen one, Redis out of reach, data lost."""
    j = MadeJournal(quiet=100, end=108, settings=settings)
    j.observe(0.5, "full-1", "full", EDGE_1)
    j.observe(0.6, "basic-1", "basic", EDGE_2, end=40.0)
    j.observe(40.3, "basic-1", "basic", EDGE_1)
    j.observe(0.7, "full-3", "full", "ws-edge-3")
    for make in (_devices, _moves, _statuses, _closes, _silence, _refusals, _lost_edge, _redis_outage, _frozen_edge,
                 _lost_data):
        make(j)
    return j


def _devices(j):
    j.ann = j.connect(1.0, "ann", EDGE_1)
    j.shows(1.01, "ann", "online")
    j.bob_1, j.bob_2 = j.connect(1.1, "bob", EDGE_1), j.connect(2.1, "bob", "ws-edge-3")
    j.shows(1.11, "bob", "online")
    j.status(5.0, j.bob_2, "busy")
    j.shows(5.005, "bob", "busy", "status-set", "ws-edge-3")
    j.close(10.0, j.bob_2)
    j.shows(10.03, "bob", "online", "closed", "ws-edge-3")


def _moves(j):
    old = j.connect(1.2, "cat", EDGE_1)
    j.shows(1.21, "cat", "online")
    j.cat = j.connect(12.0, "cat", "ws-edge-3")
    j.close(12.005, old)


def _statuses(j):
    j.dan = j.connect(1.3, "dan", EDGE_1)
    j.shows(1.31, "dan", "online")
    j.status(13.0, j.dan, "away")
    j.shows(13.006, "dan", "away", "status-set")
    j.status(15.0, j.dan, "invisible")
    j.shows(15.006, "dan", "offline", "status-set")
    j.status(18.0, j.dan, "online")
    j.shows(18.006, "dan", "online", "status-set")


def _closes(j):
    j.eve = j.connect(1.4, "eve", EDGE_1)
    j.shows(1.41, "eve", "online")
    j.close(14.0, j.eve)
    j.shows(14.03, "eve", "offline", "closed")
    j.eve = j.connect(20.0, "eve", EDGE_1)
    j.shows(20.008, "eve", "online")
    j.close(25.0, j.eve, "abort")
    j.shows(25.03, "eve", "offline", "closed")


def _silence(j):
    j.fay = j.connect(1.5, "fay", EDGE_1)
    j.shows(1.51, "fay", "online")
    j.mute(20.5, j.fay, last_life=20.4)
    j.closed(23.45, j.fay, 1001)
    j.shows(23.45, "fay", "offline", "pong-timeout")


def _refusals(j):
    j.refuse(6.0, "rex", EDGE_1)


def _lost_edge(j):
    for i, user in enumerate(("gus", "hal", "ida")):
        conn = j.connect(2.5 + i / 10, user, EDGE_2)
        j.shows(2.51 + i / 10, user, "online", edge=EDGE_2)
        j.closed(40.005, conn, None)
    j.edge(40.0, EDGE_2, "lost")
    j.fault(40.0, 42.0, "kill-edge", EDGE_2)
    j.edge(42.0, EDGE_2, "back")
    j.connect(41.0, "gus", EDGE_1)
    j.connect(43.3, "ida", EDGE_2)
    j.shows(43.55, "hal", "offline", "edge-lost")


def _redis_outage(j):
    j.ivy, j.jon = j.connect(3.0, "ivy", EDGE_1), j.connect(3.1, "jon", EDGE_1)
    j.shows(3.01, "ivy", "online")
    j.shows(3.11, "jon", "online")
    j.fault(52.0, 60.0, "freeze", "redis")
    j.outages.append((52.0, 60.0))
    j.connect(53.0, "ivy", "ws-edge-3")
    j.close(53.005, j.ivy)
    j.close(54.0, j.jon)
    j.shows(60.6, "jon", "offline", "closed")
    j.kim = j.connect(55.0, "kim", EDGE_1)
    j.shows(60.3, "kim", "online")


def _frozen_edge(j):
    """Past its lease and the grace, and back."""
    j.lea = j.connect(4.0, "lea", "ws-edge-4")
    j.shows(4.01, "lea", "online", edge="ws-edge-4")
    j.fault(70.0, 76.0, "freeze", "ws-edge-4")
    j.edge(70.0, "ws-edge-4", "frozen")
    j.edge(76.0, "ws-edge-4", "thawed")
    j.frozen.append(("ws-edge-4", 70.0, 76.0))
    j.shows(73.5, "lea", "offline", "edge-lost")
    j.shows(76.2, "lea", "online", "announced", "ws-edge-4")


def _lost_data(j):
    """Who is announced again has a transition of which nobody is told."""
    j.fault(90.0, 90.0, "redis-flushall", "redis")
    j.epochs.append(90.3)
    j.rebuilds.append((89.9, 91.0))
    for i, user in enumerate(("ann", "bob", "cat", "dan", "gus", "ida", "ivy", "kim", "lea")):
        j.shows(90.5 + i / 100, user, "online", "announced", told=False)


def without(j, t):
    j.log = [row for row in j.log if row["t"] != t]
    return j


def report_of(lines, tmp_path):
    return checker.check(lines.write(tmp_path))


def kinds(report):
    return set(report.counts)


def clean(journal, tmp_path):
    report = report_of(journal if hasattr(journal, "write") else journal.lines(), tmp_path)
    assert report.exit_code == checker.CLEAN, report.as_text()
    return report


def found(journal, tmp_path, kind, count=1):
    """Exactly that, and so often."""
    report = report_of(journal if hasattr(journal, "write") else journal.lines(), tmp_path)
    assert kinds(report) == {kind}, report.as_text()
    assert report.exit_code == checker.VIOLATED
    if count is not None:
        assert report.counts[kind] == count, report.as_text()
    return report
