"""Service time: how long a bound lasts, where nobody could read the clock meanwhile."""

import pytest

from checker.clock import ServiceClock


def clock(*readings):
    """Of (t, service seconds)."""
    return ServiceClock([(t, service * 1000, 1, 1, None) for t, service in readings])


def test_a_clock_that_runs_is_monotonic_time():
    for reach in ("latest", "earliest"):
        assert getattr(clock((10.0, 5.0), (10.5, 5.5), (11.0, 6.0)), reach)(10.2, 0.6) == pytest.approx(10.8)


def test_beyond_the_readings_it_runs_on():
    assert clock((10.0, 5.0), (10.5, 5.5)).latest(10.4, 3.0) == pytest.approx(13.4)
    assert clock((10.0, 5.0), (10.5, 5.5)).latest(9.0, 0.5) == pytest.approx(9.5)


def test_while_it_cannot_be_read_it_may_stand_or_run():
    """8 s without a reading, in which it advanced by 1 s, at the begin or at the end."""
    outage = clock((10.0, 5.0), (18.0, 6.0), (18.5, 6.5), (19.0, 7.0))
    assert outage.latest(10.0, 0.5) == pytest.approx(18.0)
    assert outage.earliest(10.0, 0.5) == pytest.approx(10.0)
    assert outage.latest(14.0, 0.5) == pytest.approx(18.5)
    assert outage.earliest(14.0, 1.2) == pytest.approx(18.2)


def test_where_its_data_was_lost_it_begins_anew():
    lost = clock((10.0, 500.0), (10.5, 500.5), (11.0, 0.2), (11.5, 0.7))
    assert lost.latest(10.4, 0.4) == pytest.approx(11.1)
