"""Whether all views agree with the load now: what every observer believes and what every http-api answers, of the users
who have not changed for a while."""

import time

from .users import basic

# A user who changed later than that is still on the way to the observers, in health too.
SETTLED_S = 1.0
# Who left with the fault is compared from SETTLED_S later on: agreement counts where it outlives that.
HOLD_S = 1.3
_POLL_S = 0.15


def disagreements(world):
    """Texts, none where all agree."""
    before = world.settled(SETTLED_S)
    expected = list(before.items())
    found = []
    for name, users in world.children["observers"].ask("compare", expected=expected).items():
        found += [(name, user) for user in (users if users is not None else [None])]
    for api in world.system.apis:
        if api.name in world.down:
            continue
        answer = world.ask_bulk(api, list(before))
        if answer is None:
            found.append((api.name, None))
        else:
            found += [(api.name, user) for user, status in expected if answer[user] != basic(status)]
    if not found:
        return []
    # Who changed while we asked is no disagreement.
    still = world.settled(SETTLED_S)
    return [f"{name}: {user} is not {still[user]}" if user else f"{name} cannot say"
            for name, user in found if user is None or still.get(user) == before[user]]


def wait_agreement(world, since, within_s, watch=lambda: None):
    """Seconds from `since` (monotonic) until everything agreed, and went on to for HOLD_S; (None, the last
    disagreements) where it does not by `within_s`."""
    agreed_at = None
    while True:
        asked = time.monotonic()
        found = disagreements(world)
        if found:
            agreed_at = None
        elif agreed_at is None:
            agreed_at = asked
        elif asked - agreed_at >= HOLD_S:
            return agreed_at - since, []
        if found and asked - since > within_s:
            return None, found
        watch()
        time.sleep(_POLL_S)
