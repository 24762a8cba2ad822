"""Edges hear of whom their clients watch, and of nobody else (DESIGN section 5); whatever of it is lost on the way, no
change of theirs is, none is told twice, and none backwards. What a client sees of it: test_subscriptions.py."""

import threading
import time

import pytest

from harness.inbox import PRESENCE_UPDATE
from harness.users import new_user
from harness.waiting import eventually, never
from test_audience import come_and_go, transitions_taken, updates_sent
from test_subscriptions import UNSUBSCRIBE, full_status, online, set_status, subscribe, watch

SYSTEM = {"edges": 2, "fanouts": 2, "PRESENCE_AUDIENCE": "none"}


def named_to(fanouts):
    """How many users edges have named to them."""
    return sum(fanout.metric("zpresence_fanout_watched_users") for fanout in fanouts)


def change(client, status, watchers):
    """One change that every watcher is told."""
    set_status(client, status)
    for watcher in watchers:
        watcher.wait_status(client.user, status)


def attached_fanout(system):
    return next(fanout for fanout in system.fanouts if named_to([fanout]) > 0)


# Who is told of whom


def test_of_whom_nobody_watches_an_edge_is_told_nothing_and_of_the_others_once(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="none")
    watched, other = online(system, new_user("watched")), online(system, new_user("other"))
    here = [system.connect(new_user("watcher"), edge=1) for _ in range(3)]
    for client in here:
        watch(client, watched.user)
    eventually("an edge has named one", lambda: named_to(system.fanouts) == 1)
    assert system.edges[1].metric("zpresence_edge_watched_users") == 1
    assert system.edges[1].metric("zpresence_edge_watches") == 3
    come_and_go(system)
    assert updates_sent(system) == 0
    change(watched, "busy", here)
    assert updates_sent(system) == 1

    there = system.connect(new_user("watcher"), edge=0)
    watch(there, watched.user, other.user)
    eventually("each edge has named its own", lambda: named_to(system.fanouts) == 3)
    change(watched, "away", [*here, there])
    change(other, "away", [there])
    assert updates_sent(system) == 1 + 2 + 1
    assert sum(fanout.metric("zpresence_fanout_frames_encoded_total") for fanout in system.fanouts) == 0
    assert sum(fanout.metric("zpresence_fanout_views_sent_total") for fanout in system.fanouts) == 0


def test_as_long_as_one_watches_the_edge_is_told_and_no_longer(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="none")
    watched = online(system, new_user("watched"))
    first, second = (system.connect(new_user("watcher"), edge=1) for _ in range(2))
    watch(first, watched.user, "a")
    watch(second, watched.user, "b")
    eventually("three are named", lambda: named_to(system.fanouts) == 3)
    first.close()
    eventually("two are", lambda: named_to(system.fanouts) == 2)
    change(watched, "busy", [second])
    second.send({"messageType": UNSUBSCRIBE, "userIds": [watched.user]})
    eventually("one is", lambda: named_to(system.fanouts) == 1)
    sent, taken = updates_sent(system), transitions_taken(system)
    set_status(watched, "away")
    eventually("the fanout has it", lambda: transitions_taken(system) > taken)
    assert updates_sent(system) == sent == 1
    watch(second, watched.user)
    change(watched, "online", [second])
    second.send({"messageType": UNSUBSCRIBE})
    eventually("nobody is", lambda: named_to(system.fanouts) == 0)
    assert system.edges[1].metric("zpresence_edge_watched_users") == 0


def test_an_edge_that_dies_is_forgotten_with_whom_it_named(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="none")
    watch(system.connect(new_user("watcher"), edge=1), "somebody")
    eventually("one is named", lambda: named_to(system.fanouts) == 1)
    system.edges[1].kill()
    eventually("nobody is", lambda: named_to(system.fanouts) == 0)


def test_a_fanout_without_room_for_the_users_of_an_edge_sends_it_everything(own_system):
    system = own_system(edges=2, PRESENCE_AUDIENCE="none", WATCHED_USERS_MAX=10)
    fanout = system.fanouts[0]
    watched = online(system, new_user("watched"))
    few, many = system.connect(new_user("few"), edge=0), system.connect(new_user("many"), edge=1)
    watch(few, watched.user, "a")
    eventually("two are named", lambda: named_to([fanout]) == 2)
    watch(many, watched.user, *(f"u{i}" for i in range(15)))
    eventually("it was refused", lambda: fanout.metric("zpresence_fanout_watch_sets_refused_total") == 1)
    system.wait_log("subscriber.users_refused name=ws-edge-2")
    eventually("it was sent a view", lambda: fanout.metric("zpresence_fanout_views_sent_total") == 1)
    change(watched, "busy", [few, many])
    sent = updates_sent(system)
    come_and_go(system)
    assert updates_sent(system) == sent + 10, "to one edge"
    assert named_to([fanout]) == 2
    many.send({"messageType": UNSUBSCRIBE})
    eventually("one edge listens", lambda: fanout.metric("zpresence_fanout_listeners") == 1)
    watch(many, watched.user)
    eventually("it names its users again", lambda: named_to([fanout]) == 3)
    change(watched, "away", [few, many])
    assert fanout.metric("zpresence_fanout_watch_sets_refused_total") == 1


# Losses


@pytest.mark.parametrize("then", ["nothing follows", "the next one shows the gap"])
def test_a_user_whose_naming_was_lost_is_named_again(system, then):
    watched = online(system, new_user("watched"))
    watcher = system.connect(new_user("watcher"))
    watch(watcher, "somebody")
    eventually("one is named", lambda: named_to(system.fanouts) == 1)
    dropped = system.edges[0].fault_hits("drop-watches")
    system.edges[0].arm("drop-watches", 1)
    watch(watcher, watched.user)
    assert system.edges[0].fault_hits("drop-watches") == dropped + 1
    set_status(watched, "busy")
    if then == "the next one shows the gap":
        watch(system.connect(new_user("watcher")), "somebody else")
    watcher.wait_statuses(watched.user, ["busy"])
    change(watched, "away", [watcher])


def test_without_repair_a_user_whose_naming_was_lost_is_never_told_of(system):
    watched = online(system, new_user("watched"))
    watcher = system.connect(new_user("watcher"))
    watch(watcher, "somebody")
    eventually("one is named", lambda: named_to(system.fanouts) == 1)
    system.edges[0].arm("no-resync", -1)
    system.edges[0].arm("drop-watches", 1)
    watch(watcher, watched.user)
    set_status(watched, "busy")
    never("it is told", lambda: watcher.updates(watched.user), 1.5)
    system.edges[0].disarm()
    watcher.wait_statuses(watched.user, ["busy"])


@pytest.mark.parametrize("then", ["nothing follows", "the next one shows the gap"])
def test_lost_updates_of_watched_users_are_made_good(system, then):
    watched, other = online(system, new_user("watched")), online(system, new_user("other"))
    watcher = system.connect(new_user("watcher"))
    watch(watcher, watched.user, other.user)
    eventually("two are named", lambda: named_to(system.fanouts) == 2)
    fanout = attached_fanout(system)
    dropped = fanout.fault_hits("drop-updates")
    fanout.arm("drop-updates", 1)
    set_status(watched, "busy")
    eventually("it was dropped", lambda: fanout.fault_hits("drop-updates") == dropped + 1)
    if then == "the next one shows the gap":
        set_status(other, "busy")
        watcher.wait_statuses(other.user, ["busy"])
    watcher.wait_statuses(watched.user, ["busy"])


def test_when_its_fanout_dies_an_edge_names_everybody_to_the_other(system):
    steady, watched = online(system, new_user("steady"), edge=1), online(system, new_user("watched"), edge=1)
    gone = new_user("gone")
    watcher = system.connect(new_user("watcher"))
    watch(watcher, steady.user, watched.user, gone)
    eventually("three are named", lambda: named_to(system.fanouts) == 3)
    fanout = attached_fanout(system)
    others = [each for each in system.fanouts if each is not fanout]
    fanout.kill()
    change(watched, "busy", [watcher])
    assert named_to(others) == 3
    fanout.restart()
    for status in ("away", "online", "busy"):
        change(watched, status, [watcher])
    assert watcher.statuses(watched.user) == ["busy", "away", "online", "busy"]
    assert watcher.updates(steady.user) == watcher.updates(gone) == []


def test_after_flushall_watched_users_never_left_and_those_who_left_have(system):
    steady, goes = online(system, new_user("steady"), edge=1), online(system, new_user("goes"), edge=1)
    comes = new_user("comes")
    watcher = system.connect(new_user("watcher"))
    watch(watcher, steady.user, goes.user, comes)
    eventually("three are named", lambda: named_to(system.fanouts) == 3)
    system.redis().flushall()
    goes.close()
    coming = system.connect(comes, edge=1)
    watcher.wait_statuses(goes.user, ["offline"])
    watcher.wait_statuses(comes, ["online"])
    change(coming, "busy", [watcher])
    change(steady, "away", [watcher])
    assert watcher.statuses(steady.user) == ["away"]
    assert sum(fanout.metric("zpresence_fanout_views_sent_total") for fanout in system.fanouts) == 0


@pytest.mark.parametrize("dashboard", [False, True], ids=["told by name", "told of everybody"])
def test_who_left_and_came_back_while_a_fanout_heard_nothing_is_told_to_who_was_told_that_he_left(own_system, dashboard):
    """After a snapshot a fanout tells differences to its old view, which has nothing of that. Its edge holds on to it."""
    system = own_system(edges=2, PRESENCE_AUDIENCE="all" if dashboard else "none", PEER_TIMEOUT_MS=15000)
    core, fanout = system.cores[0], system.fanouts[0]
    present = online(system, new_user("present"), edge=0)
    early, late = (system.connect(new_user("watcher"), edge=1) for _ in range(2))
    watch(early, present.user)
    told = [len(client.updates(present.user)) for client in (early, late)]  # where everybody hears all until he names some
    observer = system.observe(edge=1) if dashboard else None
    eventually("its edge is told", lambda: named_to(system.fanouts) == (0 if dashboard else 1))
    fanout.freeze()
    core.arm("drop-pub", -1)
    present.close()
    eventually("it has left", lambda: system.bulk_status(present.user) == "offline")
    assert [row["status"] for row in watch(late, present.user)] == ["offline"]
    online(system, present.user, edge=0)
    core.disarm()
    system.redis().flushall()  # what the log had of it is gone
    eventually("all have been announced", lambda: system.bulk_status(present.user) == "online")
    fanout.thaw()
    late.wait("it is told", lambda: late.statuses(present.user)[told[1]:] == ["online"])
    assert early.statuses(present.user)[told[0]:] == []
    assert observer is None or observer.status(present.user) != "offline"


# Somebody watches everybody, and does not any more, while others watch by name


class Dashboards:
    """Come and go on that edge as long as this is entered: each changes what the edge asks of its fanout."""

    def __init__(self, system, edge):
        self._system, self._edge = system, edge
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0
        self.trouble = None

    def _run(self):
        try:
            while not self._ended.is_set():
                client = self._system.observe(self._edge)
                time.sleep(0.02 * (self.count % 4))
                client.check_alternation()
                client.close()
                self.count += 1
                time.sleep(0.35 * (self.count % 2))  # an edge goes on as it is for two beats
        except BaseException as trouble:  # the test says so
            self.trouble = trouble

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, traceback):
        self._ended.set()
        self._thread.join()
        if kind is None:
            assert self.trouble is None, self.trouble


STATUSES = ["busy", "away", "online"]


@pytest.mark.parametrize("dashboard", ["comes", "goes"])
def test_what_happens_in_the_moment_of_a_change_of_interest_is_told(own_system, dashboard):
    """The fanout stands still meanwhile: what it then says of it belongs to the interest before."""
    system = own_system(edges=2, PRESENCE_AUDIENCE="all")
    watched = online(system, new_user("watched"))
    watcher = system.connect(new_user("watcher"), edge=1)
    watch(watcher, watched.user)
    told = watcher.statuses(watched.user)  # as one of those who watch everybody, until then
    before = system.observe(1) if dashboard == "goes" else None
    eventually("the edge hears of it", lambda: named_to(system.fanouts) == (0 if before else 1))
    interests = system.edges[1].metric("zpresence_edge_interests_total")
    system.fanouts[0].freeze()
    set_status(watched, "busy")
    eventually("Redis has it", lambda: full_status(system, watched.user) == "busy")
    time.sleep(3 * system.seconds("BEAT_INTERVAL_MS"))  # the edge knows by a core how far the log goes
    if before:
        before.close()
    else:
        system.connect(new_user("dashboard"), edge=1)
    eventually("it has asked", lambda: system.edges[1].metric("zpresence_edge_interests_total") > interests
               or "live=false" in system.edges[1].log())
    system.fanouts[0].thaw()
    watcher.wait_statuses(watched.user, [*told, "busy"])
    change(watched, "away", [watcher])


def test_no_change_is_lost_twice_or_backwards_while_dashboards_come_and_go(own_system):
    system = own_system(edges=2, fanouts=2, PRESENCE_AUDIENCE="all", MESSAGES_PER_SECOND=0)
    slow, fast = online(system, new_user("slow")), online(system, new_user("fast"))
    watcher = system.connect(new_user("watcher"), edge=1)
    watch(watcher, slow.user, fast.user)
    before = len(watcher.frames(PRESENCE_UPDATE))
    interests = system.edges[1].metric("zpresence_edge_interests_total")
    told = []
    with Dashboards(system, edge=1) as dashboards:
        while len(told) <= 100 or system.edges[1].metric("zpresence_edge_interests_total") < interests + 20:
            set_status(fast, STATUSES[(len(told) + 1) % 3])
            told.append(STATUSES[len(told) % 3])
            change(slow, told[-1], [watcher])
            set_status(fast, STATUSES[(len(told) + 1) % 3])
            assert dashboards.trouble is None and len(told) < 5000
    frames = watcher.frames(PRESENCE_UPDATE)[before:]
    assert [frame.status for frame in frames if frame.user == slow.user] == told
    set_status(fast, "away")
    eventually("all see it", lambda: full_status(system, fast.user) == "away")
    watcher.wait_status(fast.user, "away")


def test_lists_that_come_and_go_are_told_all_that_happens_to_whom_they_name(own_system):
    """Users are named and taken back at every moment of their changes: what a list ends with is how it is."""
    system = own_system(edges=2, PRESENCE_AUDIENCE="none", MESSAGES_PER_SECOND=0)
    users = [online(system, new_user("user")) for _ in range(4)]
    ids = [user.user for user in users]
    watcher = system.connect(new_user("watcher"), edge=1)
    for i in range(40):
        for j, user in enumerate(users):
            set_status(user, STATUSES[(i + j) % 3])
        subscribe(watcher, *ids[i % 4:])
        if i % 5 == 0:
            watcher.send({"messageType": UNSUBSCRIBE, "userIds": ids[2:]})
        if i % 7 == 0:
            watcher.send({"messageType": UNSUBSCRIBE})
    watcher.send({"messageType": UNSUBSCRIBE})
    # What was told of whom until now stays in the inbox, and is no belief of who was taken off the list.
    eventually("nobody is named", lambda: named_to(system.fanouts) == 0)
    watch(watcher, *ids)
    for user in users:
        set_status(user, "busy")

    def all_are_seen_busy():
        believed = watcher.believed()
        return all(believed.get(user) == "busy" for user in ids)

    eventually("all are seen busy", all_are_seen_busy)
    eventually("four are named", lambda: named_to(system.fanouts) == 4)
    never("anything else is seen", lambda: not all_are_seen_busy(), 0.3)
