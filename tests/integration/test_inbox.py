"""What the tests hold against every observer at its end: the check finds what it is there for, and no more."""

import msgpack
import pytest
from harness.inbox import PRESENCE_SNAPSHOT, PRESENCE_UPDATE, Inbox

UPDATE_ARRAY = [2, PRESENCE_UPDATE, "", ""]


def update(user, status):
    return {"messageType": PRESENCE_UPDATE, "fromId": user, "status": status}


def snapshot(**statuses):
    return {"messageType": PRESENCE_SNAPSHOT, "users": [{"userId": user, "status": status} for user, status in statuses.items()]}


def inbox_with(*messages):
    inbox = Inbox()
    for message in messages:
        inbox.receive(msgpack.packb(message))
    return inbox


@pytest.mark.parametrize("messages", [
    (update("ann", "busy"), update("ann", "busy")),
    (update("ann", "busy"), update("bob", "away"), update("ann", "busy")),
    (update("ann", "busy"), snapshot(bob="away"), update("ann", "busy")),
    (update("ann", "busy"), [*UPDATE_ARRAY, {"userId": "ann", "status": "busy"}]),
])
def test_a_status_that_is_told_twice_in_a_row_is_found(messages):
    with pytest.raises(AssertionError, match="ann seen busy twice in a row"):
        inbox_with(*messages).check_alternation()


@pytest.mark.parametrize("messages", [
    (update("ann", "busy"), update("ann", "away"), update("ann", "busy")),
    (update("ann", "busy"), update("bob", "busy")),
    # Nobody told that ann was away: it happened between two lists.
    (update("ann", "busy"), snapshot(ann="away"), update("ann", "busy")),
])
def test_what_may_happen_is_not_taken_for_it(messages):
    inbox_with(*messages).check_alternation()


def test_the_newest_word_on_each_is_believed():
    inbox = inbox_with(snapshot(ann="online", bob="away"), update("ann", "busy"), update("bob", "online"), snapshot(bob="offline"))
    assert inbox.believed() == {"ann": "busy", "bob": "offline"}
