"""What the log says was shown, and when nobody knows."""

from checker.clock import WallClock
from checker.journal import Journal, Transition
from checker.transitions import UNKNOWN, TransitionLog


def log_of(transitions, clock):
    """Transitions (epoch, seq, user, was, to, at), clock readings (t, epoch); unix time is monotonic time here."""
    journal = Journal(run={"unix_offset": 0.0}, begin=0.0,
                      transitions=[Transition(*row, "because", "-") for row in transitions],
                      clock=[(t, 0, epoch, 1, None) for t, epoch in clock])
    return TransitionLog(journal, WallClock(journal))


def test_what_was_shown_is_the_newest_transition_up_to_then():
    log = log_of([(1000, 1, "ann", "offline", "online", 2000), (1000, 2, "ann", "online", "away", 5000)], [(6.0, 1000)])
    assert [log.status_at("ann", t) for t in (1.9, 2.0, 4.9, 5.0)] == ["offline", "online", "online", "away"]
    assert log.status_at("bob", 3.0) == "offline"
    assert log.statuses_between("ann", 3.0, 5.0) == {"online", "away"}
    assert log.statuses_between("ann", 5.1, 9.0) == {"away"}


def test_before_its_first_transition_a_user_was_what_that_one_changed():
    log = log_of([(1000, 7, "ann", "busy", "online", 2000)], [(6.0, 1000)])
    assert log.status_at("ann", 1.5) == "busy"


def test_from_the_last_sight_of_an_epoch_nobody_knows_until_a_transition_of_the_next():
    log = log_of([(1000, 1, "ann", "offline", "online", 2000), (8000, 2, "ann", "offline", "online", 9000)],
                 [(6.0, 1000), (8.5, 8000)])
    assert log.losses == [(6.0, 8.0)]
    assert [log.status_at("ann", t) for t in (5.9, 6.1, 8.1, 9.0)] == ["online", UNKNOWN, UNKNOWN, "online"]
    assert log.statuses_between("ann", 5.0, 5.9) == {"online"}
    assert log.statuses_between("ann", 5.0, 9.5) == {"online", UNKNOWN}
    assert log.statuses_between("bob", 9.0, 9.5) == {UNKNOWN}


def test_a_row_that_was_read_twice_is_one():
    row = (1000, 1, "ann", "offline", "online", 2000)
    assert len(log_of([row, row], [(6.0, 1000)]).rows) == 1
