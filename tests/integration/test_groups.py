"""Groups (15 USER_ADD, 16 USER_REMOVE), and watching them, or one's contacts, instead of naming users (33, 34):
proto/WIRE.md, "Groups"."""

import time

import pytest

from harness import http_client as http
from harness.inbox import PRESENCE_ERROR, PRESENCE_SNAPSHOT
from harness.users import new_user
from harness.waiting import eventually, never

STATUS, USER_ADD, USER_REMOVE, SUBSCRIBE, UNSUBSCRIBE = 5, 15, 16, 33, 34
# Nobody hears anything without asking, so that all that comes was asked for.
SYSTEM = {"edges": 2, "cores": 2, "fanouts": 2, "apis": 1, "PRESENCE_AUDIENCE": "none", "GROUP_REFRESH_MS": 100,
          "SNAPSHOT_PAGE": 5, "WATCHES_PER_CLIENT": 12, "GROUPS_PER_CLIENT": 3, "GROUPS_PER_USER": 3, "GROUP_MEMBERS_MAX": 10}


def names(client):
    return [row["userId"] for row in client.named()]


def wait_named(client, *users):
    client.wait(f"{users} are named", lambda: set(users) <= set(names(client)))
    return {row["userId"]: row["status"] for row in client.named()}


def members(system, group):
    return system.redis().smembers(f"presence:group:{group}")


def change(client, kind, group, what, is_done):
    """Said again where no core said in time that it stored it (`unavailable`): ACK_TIMEOUT_MS is short here."""
    message, refusals = {"messageType": kind, "toId": group}, len(client.frames(PRESENCE_ERROR))
    client.send(message)

    def done():
        nonlocal refusals
        told = client.frames(PRESENCE_ERROR)[refusals:]
        if told and told[-1].message["code"] == "unavailable":
            refusals += len(told)
            client.send(message)
        return is_done()

    eventually(f"{client.user} {what} {group}", done)


def join(system, client, group):
    change(client, USER_ADD, group, "is in", lambda: client.user in members(system, group))


def leave(system, client, group):
    change(client, USER_REMOVE, group, "is not in", lambda: client.user not in members(system, group))


def watch(client, *groups, **keys):
    client.send({"messageType": SUBSCRIBE, "groupIds": list(groups), **keys})


def set_status(client, status):
    client.send({"messageType": STATUS, "status": status})


def refusal(client, message):
    before = len(client.frames(PRESENCE_ERROR))
    client.send(message)
    client.wait("it is refused", lambda: len(client.frames(PRESENCE_ERROR)) > before)
    return client.frames(PRESENCE_ERROR)[-1].message["code"]


def group_with(system, count):
    """A new group, and its members' clients, on alternating edges."""
    group = new_user("group")
    clients = [system.connect(new_user("member"), edge=i % 2) for i in range(count)]
    for client in clients:
        join(system, client, group)
    return group, clients


def test_who_is_in_the_group_is_named_and_heard_whether_online_or_not(system):
    group, (here, gone) = group_with(system, 2)
    stranger = system.connect(new_user("stranger"))
    gone.close()
    eventually("it is gone", lambda: system.bulk_status(gone.user) == "offline")
    watcher = system.connect(new_user("watcher"))
    watch(watcher, group)
    assert wait_named(watcher, here.user, gone.user) == {here.user: "online", gone.user: "offline"}
    set_status(here, "busy")
    set_status(stranger, "busy")
    back = system.connect(gone.user, edge=0)
    watcher.wait_statuses(here.user, ["busy"])
    watcher.wait_statuses(gone.user, ["online"])
    back.close()
    watcher.wait_statuses(gone.user, ["online", "offline"])
    assert watcher.updates(stranger.user) == []
    assert sorted(names(watcher)) == sorted([here.user, gone.user]), "each is named once"
    watcher.check_alternation()


def test_who_joins_later_is_named_then_and_who_leaves_is_heard_no_more(system):
    group, (first, second) = group_with(system, 2)
    watcher = system.connect(new_user("watcher"), edge=1)
    watch(watcher, group)
    wait_named(watcher, first.user, second.user)
    later = system.connect(new_user("later"))
    set_status(later, "away")
    eventually("it is away", lambda: system.bulk_status(later.user) == "online")
    join(system, later, group)
    wait_named(watcher, later.user)
    watcher.wait("it is away", lambda: "away" in [row["status"] for row in watcher.named() if row["userId"] == later.user]
                 or watcher.status(later.user) == "away")
    set_status(later, "busy")
    watcher.wait_status(later.user, "busy")
    leave(system, later, group)
    eventually("two are watched", lambda: system.edges[1].metric("zpresence_edge_watches") == 2)
    set_status(later, "online")
    set_status(first, "away")
    watcher.wait_status(first.user, "away")
    assert watcher.status(later.user) == "busy"
    assert sorted(names(watcher)) == sorted([first.user, second.user, later.user])
    watcher.close()
    eventually("nobody is watched", lambda: system.edges[1].metric("zpresence_edge_watches") == 0)
    eventually("no group is", lambda: system.edges[1].metric("zpresence_edge_rosters") == 0)


def test_users_and_groups_are_watched_together_and_whoever_is_in_two_is_watched_until_the_last_goes(system):
    group, (both, one) = group_with(system, 2)
    other, (third,) = group_with(system, 1)
    join(system, both, other)
    alone = system.connect(new_user("alone"))
    watcher = system.connect(new_user("watcher"))
    watch(watcher, group, other, group, userIds=[alone.user, one.user])
    wait_named(watcher, alone.user, both.user, one.user, third.user)
    assert names(watcher)[:2] == [alone.user, one.user], "who is named comes first"
    assert len(names(watcher)) == 4
    watcher.send({"messageType": UNSUBSCRIBE, "groupIds": [group]})
    watcher.send({"messageType": UNSUBSCRIBE, "userIds": [alone.user]})
    eventually("three are watched", lambda: system.edges[0].metric("zpresence_edge_watches") == 3)
    for client in (alone, both, one, third):
        set_status(client, "away")
    for client in (both, one, third):
        watcher.wait_status(client.user, "away")
    leave(system, both, other)
    eventually("two are watched", lambda: system.edges[0].metric("zpresence_edge_watches") == 2)
    assert watcher.updates(alone.user) == []
    watcher.send({"messageType": UNSUBSCRIBE, "groupIds": [other], "userIds": [one.user]})
    eventually("nobody is watched", lambda: system.edges[0].metric("zpresence_edge_watches") == 0)


def test_a_group_of_nobody_is_answered_by_one_empty_frame_and_who_comes_is_named(system):
    watcher = system.connect(new_user("watcher"))
    group = new_user("group")
    watch(watcher, group)
    assert watcher.wait_frame(PRESENCE_SNAPSHOT).rows == []
    comer = system.connect(new_user("comer"), edge=1)
    join(system, comer, group)
    assert wait_named(watcher, comer.user) == {comer.user: "online"}
    assert len(watcher.frames(PRESENCE_SNAPSHOT)) == 2


def test_a_group_that_is_known_here_is_named_to_the_next_one_at_once(system):
    group, clients = group_with(system, 6)
    users = {client.user for client in clients}
    for i in range(3):
        watcher = system.connect(new_user("watcher"))
        watch(watcher, group)
        wait_named(watcher, *users)
        assert len(names(watcher)) == 6
    eventually("it is held once", lambda: system.edges[0].metric("zpresence_edge_rosters") == 1)


def post(system, path, **body):
    answer = http.post_json(system.api_address, path, body)
    assert answer.status in (200, 201), answer


def test_contacts_are_watched_as_they_are_added_and_removed(system):
    user, friend, later = new_user("user"), new_user("friend"), new_user("later")
    for name in (user, friend, later):
        post(system, "/api/users/register", username=name, display_name=name)
    post(system, f"/api/users/{user}/contacts", contact=friend)
    watcher = system.connect(user)
    watch(watcher, contacts=True)
    assert wait_named(watcher, friend) == {friend: "offline"}
    client = system.connect(friend, edge=1)
    watcher.wait_statuses(friend, ["online"])
    post(system, f"/api/users/{user}/contacts", contact=later)
    wait_named(watcher, later)
    removed = http.request(system.api_address, "DELETE", f"/api/users/{user}/contacts/{friend}")
    assert removed.status == 200, removed
    eventually("one is watched", lambda: system.edges[0].metric("zpresence_edge_watches") == 1)
    client.close()
    never("it is told", lambda: watcher.status(friend) == "offline", 0.3)


def test_who_has_no_account_has_no_contacts(system):
    watcher = system.connect(new_user("watcher"))
    watch(watcher, contacts=True)
    assert watcher.wait_frame(PRESENCE_SNAPSHOT).rows == []


@pytest.mark.parametrize("message", [
    {}, {"toId": None}, {"toId": ""}, {"toId": "g" * 129}, {"toId": "a\nb"}, {"toId": ["g"]}, {"toId": 1.5},
])
@pytest.mark.parametrize("kind", [USER_ADD, USER_REMOVE])
def test_what_is_no_group_is_refused_and_changes_nothing(system, kind, message):
    client = system.connect(new_user("client"))
    before = system.redis().keys("presence:group*")
    assert refusal(client, {"messageType": kind, **message}) == "invalid_group"
    assert sorted(system.redis().keys("presence:group*")) == sorted(before)
    assert client.is_open()


def test_the_user_of_the_connection_joins_whoever_the_message_names(system):
    client, group = system.connect(new_user("client")), new_user("group")
    client.send({"messageType": USER_ADD, "fromId": "somebody else", "toId": group})
    eventually("it is in", lambda: members(system, group) == {client.user})


def test_the_limits_of_users_groups_and_clients_are_counted_and_said_in_the_log(own_system):
    system = own_system(**SYSTEM)
    client = system.connect(new_user("client"))
    for i in range(3):
        join(system, client, f"g{i}")
    assert refusal(client, {"messageType": USER_ADD, "toId": "g3"}) == "too_many_groups"
    leave(system, client, "g0")
    join(system, client, "g3")
    for _ in range(10):
        join(system, system.connect(new_user("member")), "full")
    assert refusal(system.connect(new_user("eleventh")), {"messageType": USER_ADD, "toId": "full"}) == "group_full"
    assert len(members(system, "full")) == 10
    watcher = system.connect(new_user("watcher"))
    assert refusal(watcher, {"messageType": SUBSCRIBE, "groupIds": ["a", "b", "c", "d"]}) == "too_many_groups"
    edge = system.edges[0]
    assert edge.metric("zpresence_edge_group_changes_total", result="too_many_groups") == 1
    assert edge.metric("zpresence_edge_group_changes_total", result="group_full") == 1
    assert edge.metric("zpresence_edge_subscriptions_total", result="too_many_groups") == 1
    assert f"edge.group.limited code=too_many_groups user={client.user} group=g3" in edge.log()
    assert "edge.subscription.limited code=too_many_groups" in edge.log()
    refused = {limit: sum(core.metric("zpresence_core_groups_refused_total", limit=limit) for core in system.cores)
               for limit in ("groups_per_user", "group_members")}
    assert refused == {"groups_per_user": 1, "group_members": 1}
    assert max(core.metric("zpresence_core_memberships") for core in system.cores) == 13


def test_who_does_not_fit_on_the_list_is_left_out_which_is_told_once_and_comes_when_there_is_room(system):
    group, clients = group_with(system, 9)
    others = [new_user("named") for _ in range(5)]
    watcher = system.connect(new_user("watcher"))
    watch(watcher, group, userIds=others)
    watcher.wait("twelve are named", lambda: len(names(watcher)) == 12)
    assert watcher.wait_frame(PRESENCE_ERROR).message["code"] == "too_many_watches"
    left_out = [client for client in clients if client.user not in names(watcher)]
    assert len(left_out) == 2
    gone = next(client for client in clients if client.user in names(watcher))
    leave(system, gone, group)
    watcher.wait("another is named", lambda: len(names(watcher)) == 13)
    assert len([client for client in left_out if client.user in names(watcher)]) == 1
    assert len(watcher.frames(PRESENCE_ERROR)) == 1
    assert system.edges[0].metric("zpresence_edge_watches_left_out_total") > 0


def test_where_presence_is_disabled_there_are_no_groups(own_system):
    client = own_system(PRESENCE_ENABLED=False).connect(new_user("client"))
    assert refusal(client, {"messageType": USER_ADD, "toId": "g"}) == "presence_disabled"
    assert refusal(client, {"messageType": SUBSCRIBE, "groupIds": ["g"]}) == "presence_disabled"


def test_while_no_core_answers_joining_is_refused_and_a_group_waits_to_be_named(own_system):
    system = own_system(PRESENCE_AUDIENCE="none", GROUP_REFRESH_MS=100)
    group, (member,) = group_with_one_edge(system)
    watcher = system.connect(new_user("watcher"))
    system.cores[0].freeze()
    watch(watcher, group)
    assert refusal(member, {"messageType": USER_ADD, "toId": "another"}) == "unavailable"
    never("it is named", lambda: watcher.named(), 0.5)
    system.cores[0].thaw()
    assert wait_named(watcher, member.user) == {member.user: "online"}
    never("what was refused is done after all", lambda: members(system, "another"), 0.5)


def group_with_one_edge(system):
    client, group = system.connect(new_user("member")), new_user("group")
    join(system, client, group)
    return group, [client]


def kill_a_core(system):
    system.cores[0].kill()


def restart_redis(system):
    # Redis keeps back what it would write while an fsync is under way: what was said before that is lost with it.
    eventually("all is written", lambda: system.redis().info("persistence")["aof_buffer_length"] == 0)
    system.redis_server.process.kill()
    system.redis_server.start()


@pytest.mark.parametrize("break_it", [kill_a_core, restart_redis])
def test_what_was_joined_outlives_a_core_and_redis(own_system, break_it):
    system = own_system(**SYSTEM)
    group, clients = group_with(system, 4)
    watcher = system.connect(new_user("watcher"))
    watch(watcher, group)
    wait_named(watcher, *(client.user for client in clients))
    break_it(system)
    system.heal()
    assert members(system, group) == {client.user for client in clients}
    later = system.connect(new_user("later"))
    eventually("it is in", lambda: (later.send({"messageType": USER_ADD, "toId": group}),
                                    later.user in members(system, group))[1])
    wait_named(watcher, later.user)
    set_status(clients[0], "busy")
    watcher.wait_status(clients[0].user, "busy")
    watcher.check_alternation()


def test_after_redis_has_lost_its_data_a_group_is_who_joins_it_anew(own_system):
    system = own_system(**SYSTEM)
    group, (stays, returns) = group_with(system, 2)
    watcher = system.connect(new_user("watcher"))
    watch(watcher, group)
    wait_named(watcher, stays.user, returns.user)
    system.redis().flushall()
    eventually("nobody is watched", lambda: system.edges[0].metric("zpresence_edge_watches") == 0)
    eventually("it is in again", lambda: (returns.send({"messageType": USER_ADD, "toId": group}),
                                          returns.user in members(system, group))[1])
    watcher.wait("it is named again", lambda: names(watcher).count(returns.user) == 2)
    assert names(watcher).count(stays.user) == 1
    assert "offline" not in watcher.statuses(stays.user) + watcher.statuses(returns.user)


def test_what_one_user_says_of_groups_is_carried_out_in_that_order(own_system):
    """Also where a core stands still with the first of it, and another one is there for the second."""
    system = own_system(**{**SYSTEM, "ACK_TIMEOUT_MS": 2000, "PEER_TIMEOUT_MS": 4000, "GROUP_MEMBERS_MAX": 20})
    clients = [system.connect(new_user("member")) for _ in range(16)]
    group = new_user("group")
    system.cores[0].freeze()
    for client in clients:
        client.send({"messageType": USER_ADD, "toId": group})
    time.sleep(0.06)  # longer than CORE_SUSPECT_MS
    for client in clients:
        client.send({"messageType": USER_REMOVE, "toId": group})
    time.sleep(0.1)
    system.cores[0].thaw()
    eventually("all is done",
               lambda: system.edges[0].metric("zpresence_edge_group_changes_total", result="done") == 32)
    assert members(system, group) == set()


def test_too_many_changes_at_once_are_refused_to_their_user_alone(own_system):
    system = own_system(**{**SYSTEM, "MESSAGES_PER_SECOND": 0, "GROUPS_PER_USER": 1000, "ACK_TIMEOUT_MS": 5000,
                           "PEER_TIMEOUT_MS": 8000, "cores": 1})
    busy, other = system.connect(new_user("busy")), system.connect(new_user("other"))
    system.cores[0].freeze()
    for i in range(201):
        busy.send({"messageType": USER_ADD, "toId": i})
    assert busy.wait_frame(PRESENCE_ERROR).message["code"] == "too_many_waiting"
    assert f"edge.group.limited code=too_many_waiting user={busy.user} group=200" in system.edges[0].log()
    other.send({"messageType": USER_ADD, "toId": "g"})
    system.cores[0].thaw()
    eventually("the other one is in", lambda: members(system, "g") == {other.user})
    eventually("the others are done", lambda: system.redis().scard(f"presence:groups:{busy.user}") == 200)
    assert len(busy.frames(PRESENCE_ERROR)) == 1 and other.frames(PRESENCE_ERROR) == []


def test_many_users_who_are_named_cost_more_than_one_message(own_system):
    system = own_system(**{**SYSTEM, "MESSAGES_PER_SECOND": 5, "WATCHES_PER_CLIENT": 500})
    watcher = system.connect(new_user("watcher"))
    for _ in range(2):  # each one message, and four for its users: the burst of two seconds
        watcher.send({"messageType": SUBSCRIBE, "userIds": [f"u{i}" for i in range(200)]})
    eventually("both are taken",
               lambda: system.edges[0].metric("zpresence_edge_subscriptions_total", result="taken") == 2)
    assert watcher.frames(PRESENCE_ERROR) == []
    watcher.send({"messageType": SUBSCRIBE, "userIds": [f"u{i}" for i in range(500)]})
    assert watcher.wait_frame(PRESENCE_ERROR).message["code"] == "rate_limited"


def test_a_group_that_is_named_costs_as_much_as_a_message(own_system):
    system = own_system(**{**SYSTEM, "MESSAGES_PER_SECOND": 10, "GROUPS_PER_CLIENT": 50})
    watcher = system.connect(new_user("watcher"))
    watch(watcher, *range(9))
    for _ in range(3):  # as much as a second's worth each; two in a row are more than there is, however slowly they come
        watch(watcher, *range(50))
    assert watcher.wait_frame(PRESENCE_ERROR).message["code"] == "rate_limited"
    time.sleep(2.1)  # the bucket is full again
    before = len(watcher.frames(PRESENCE_SNAPSHOT))
    watch(watcher, *range(50))
    watcher.wait("it is taken", lambda: len(watcher.frames(PRESENCE_SNAPSHOT)) > before)


def test_who_was_left_out_of_another_group_comes_when_there_is_room(system):
    big, clients = group_with(system, 10)
    small, others = group_with(system, 5)
    watcher = system.connect(new_user("watcher"))
    watch(watcher, big)
    watcher.wait("ten are named", lambda: len(names(watcher)) == 10)
    watch(watcher, big, small)
    watcher.wait_frame(PRESENCE_ERROR)
    for client in clients[:5]:
        leave(system, client, big)
    watcher.wait("all are named", lambda: {client.user for client in others} <= set(names(watcher)))
    eventually("ten are watched", lambda: system.edges[0].metric("zpresence_edge_watches") == 10)


def test_room_that_a_client_makes_is_filled_though_no_group_is_looked_at_again(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="none", GROUP_REFRESH_MS=600000, WATCHES_PER_CLIENT=4)
    group, clients = group_with(system, 3)
    others = [new_user("named") for _ in range(3)]
    watcher = system.connect(new_user("watcher"))
    watch(watcher, group, userIds=others)
    watcher.wait("four are named", lambda: len(names(watcher)) == 4)
    watcher.send({"messageType": UNSUBSCRIBE, "userIds": others})
    wait_named(watcher, *(client.user for client in clients))


def test_many_groups_are_asked_for_in_pieces(own_system):
    """More than one question holds, of groups and of users."""
    system = own_system(PRESENCE_AUDIENCE="none", GROUP_REFRESH_MS=100, GROUPS_PER_CLIENT=250, GROUPS_PER_USER=250,
                        WATCHES_PER_CLIENT=1000, MESSAGES_PER_SECOND=0)
    member = system.connect(new_user("member"))
    redis = system.redis()
    for i in range(250):
        member.send({"messageType": USER_ADD, "toId": i})
        if i % 50 == 49:
            eventually("it is in all so far", lambda: redis.scard(f"presence:groups:{member.user}") == i + 1)
    for group in range(4):
        redis.sadd(f"presence:group:{group}", *(f"of{group}-{i}" for i in range(240)))
        redis.hincrby("presence:group-versions", group, 1)
    watcher = system.connect(new_user("watcher"))
    watch(watcher, *range(250))
    watcher.wait("all are named", lambda: len(names(watcher)) == 4 * 240 + 1)
    assert len(set(names(watcher))) == 4 * 240 + 1
