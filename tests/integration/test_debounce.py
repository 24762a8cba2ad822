"""OFFLINE_DEBOUNCE_MS: who is back before it is over never went offline; who is not goes offline once, and late."""

import time

import pytest

from harness.users import new_user
from harness.waiting import SLACK_S

SYSTEM = {"edges": 2, "OFFLINE_DEBOUNCE_MS": 1000}


@pytest.mark.parametrize("edge", [0, 1])
def test_who_is_back_inside_it_never_went_offline(system, edge):
    observer, user = system.observe(), new_user("flapping")
    client = system.connect(user, edge=0)
    observer.wait_status(user, "online")
    with system.sampling_bulk([user]) as statuses:
        for _ in range(3):
            client.close()
            time.sleep(0.4)
            client = system.connect(user, edge=edge)
            time.sleep(0.2)
        time.sleep(system.seconds("OFFLINE_DEBOUNCE_MS"))
    assert statuses == {"online"}
    assert observer.statuses(user) == ["online"]
    assert system.redis().exists(f"presence:user:{user}")


def test_who_is_not_goes_offline_once_when_it_is_over(system):
    observer, user = system.observe(), new_user("leaving")
    client = system.connect(user)
    observer.wait_status(user, "online")
    before = time.monotonic()
    client.close()
    after = time.monotonic()
    offline = observer.wait_status(user, "offline")
    debounce_s = system.seconds("OFFLINE_DEBOUNCE_MS")
    # In service time, which is a tick behind, or as long as a busy machine keeps the ticker waiting.
    assert before + debounce_s - 4 * system.seconds("CLOCK_TICK_MS") <= offline.at <= after + debounce_s + SLACK_S
    observer.wait_statuses(user, ["online", "offline"])


def test_it_does_not_prolong_what_a_silent_client_gets(system):
    observer, user = system.observe(), new_user("silent")
    client = system.connect(user, answers_pings=False)
    observer.wait_status(user, "online")
    online_at = time.monotonic()
    offline = observer.wait_status(user, "offline")
    assert offline.at - online_at <= system.ttl_s + SLACK_S
    client.wait_closed()


def test_who_lingers_is_shown_as_before_and_then_as_the_newest_connection_says(system):
    observer, user = system.observe(query="?statuses=full"), new_user("busy")
    client = system.connect(user, edge=0)
    client.send({"messageType": 5, "status": "busy"})
    observer.wait_status(user, "busy")
    client.close()
    time.sleep(0.3)
    assert observer.status(user) == "busy"
    system.connect(user, edge=1)
    observer.wait_status(user, "online")
    time.sleep(system.seconds("OFFLINE_DEBOUNCE_MS"))
    assert observer.statuses(user)[-2:] == ["busy", "online"]


def test_the_edge_may_be_lost_meanwhile(system):
    observer, user = system.observe(edge=0), new_user("lost")
    client = system.connect(user, edge=1)
    observer.wait_status(user, "online")
    client.close()
    time.sleep(0.2)
    system.edges[1].kill()
    observer.wait_status(user, "offline", system.seconds("OFFLINE_DEBOUNCE_MS") + SLACK_S)
