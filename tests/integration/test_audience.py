"""Who hears updates without asking (DESIGN section 5: PRESENCE_AUDIENCE), and that nothing is sent where nobody
listens, as the fanout counts it."""

import pytest

from harness.users import new_user
from harness.waiting import eventually, never


def updates_sent(system):
    return sum(fanout.metric("zpresence_fanout_updates_sent_total") for fanout in system.fanouts)


def transitions_taken(system):
    return sum(fanout.metric("zpresence_fanout_transitions_total") for fanout in system.fanouts)


def come_and_go(system, edge=0, count=5):
    """Some transitions, all of which the fanout has taken on return."""
    before = transitions_taken(system)
    for _ in range(count):
        comes_and_goes(system, edge)
    eventually("the fanout has them", lambda: transitions_taken(system) >= before + 2 * count)


def comes_and_goes(system, edge=0):
    """One that stays long enough to be seen: a connection of a millisecond is no transition."""
    client = system.connect(new_user("passer"), edge=edge)
    eventually("it is online", lambda: system.bulk_status(client.user) == "online")
    client.close()
    return client.user


# Plain tokens have no role, so that nobody is of the audience `role` here.
@pytest.mark.parametrize("audience", ["none", "role"])
def test_whoever_is_not_of_the_audience_hears_nothing_and_nothing_is_sent(own_system, audience):
    system = own_system(edges=2, PRESENCE_AUDIENCE=audience)
    clients = [system.connect(new_user("deaf"), edge=0), system.connect(new_user("deaf"), edge=1, family="node")]
    for client in clients:
        eventually("it is online", lambda user=client.user: system.bulk_status(user) == "online")
    come_and_go(system)
    assert updates_sent(system) == 0
    assert sum(fanout.metric("zpresence_fanout_listeners") for fanout in system.fanouts) == 0
    assert sum(fanout.metric("zpresence_fanout_frames_encoded_total") for fanout in system.fanouts) == 0
    assert [client.frames() for client in clients] == [[], []]


def test_with_the_audience_all_every_client_hears_everything(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="all")
    observers = [system.observe(0), system.observe(1)]
    before = updates_sent(system)
    user = comes_and_goes(system)
    for observer in observers:
        observer.wait_statuses(user, ["online", "offline"])
    assert updates_sent(system) >= before + 4


def test_an_edge_without_clients_is_sent_nothing_while_another_is(own_system):
    system = own_system(edges=2)
    observer = system.observe(0)
    eventually("one listens", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 1)
    sent, heard_of = updates_sent(system), len(observer.frames())
    come_and_go(system, edge=0)
    observer.wait("all heard", lambda: len(observer.frames()) >= heard_of + 10)
    assert updates_sent(system) == sent + 10, "one edge has listeners: one copy of each update"

    second = system.observe(1)
    eventually("both listen", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 2)
    sent = updates_sent(system)
    come_and_go(system, edge=0)
    second.wait("all heard", lambda: len(second.frames()) >= 10)
    assert updates_sent(system) == sent + 20


def test_when_the_last_listener_of_an_edge_leaves_it_is_sent_nothing_any_more(own_system):
    system = own_system(edges=2)
    listener = system.observe(1)
    stays = system.observe(0)
    eventually("both listen", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 2)
    listener.close()
    eventually("one listens", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 1)
    stays.wait_status(listener.user, "offline")
    sent = updates_sent(system)
    come_and_go(system, edge=0)
    eventually("sent once", lambda: updates_sent(system) == sent + 10)
    never("sent again", lambda: updates_sent(system) != sent + 10, 0.3)


def test_a_frame_is_encoded_once_for_all_who_hear_it(own_system):
    system = own_system(edges=2)
    observers = [system.observe(i % 2) for i in range(6)]
    eventually("both edges listen", lambda: system.fanouts[0].metric("zpresence_fanout_listeners") == 2)
    encoded = system.fanouts[0].metric("zpresence_fanout_frames_encoded_total")
    user = comes_and_goes(system)
    for observer in observers:
        observer.wait_statuses(user, ["online", "offline"])
    assert system.fanouts[0].metric("zpresence_fanout_frames_encoded_total") == encoded + 2
