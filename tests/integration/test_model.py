"""The transition scripts against the reference model (model/), over random histories.

ZPRESENCE_MODEL_HISTORIES=20000 makes it a long run. A failure prints the shortest history that shows it, and the calls
that it makes; `play(world, history)` plays it again.
"""

import os

import pytest
from hypothesis import HealthCheck, given, note, settings, strategies as st

from model.agreement import Agreement, disagreement
from model.operations import histories, losses, play, shuffled, statement_sets
from model.kinds import OFFLINE
from model.scripts import ScriptRedis
from model.world import World

HISTORIES = int(os.environ.get("ZPRESENCE_MODEL_HISTORIES", 3000))
DEBOUNCES_MS = st.sampled_from((0, 2000))


@pytest.fixture(scope="module")
def scripts():
    with ScriptRedis() as running:
        yield running
        print(f"\n{running.histories_count} histories, {running.calls_count} calls")


def over(share, *drawn):
    """A property over `share` of all histories. A machine that stalls is no failure."""
    limits = settings(max_examples=max(1, int(HISTORIES * share)), deadline=None, database=None,
                      suppress_health_check=list(HealthCheck), print_blob=False)
    return lambda test: limits(given(*drawn)(test))


def check(scripts, world):
    wrong = disagreement(world, scripts.run(world.calls))
    for line in wrong:
        note(line)
    if wrong:
        raise AssertionError(wrong[-1])


def shown(presence):
    return {id_: user.shown for id_, user in presence.users.items() if user.shown != OFFLINE}


@pytest.mark.parametrize("debounce", (0, 2000))
@over(0.4, histories(), st.sampled_from(("cut", "cut", "crash", "leave")))
def test_whatever_happens_the_scripts_do_what_the_model_says(scripts, debounce, history, ending):
    world = World(debounce)
    play(world, history)
    if ending != "cut":
        world.make_peace()
        assert shown(world.presence) == world.shown_by_sockets()
        world.read_all()
        world.go_away(ending == "leave")
        assert shown(world.presence) == {}
    world.read_all()
    check(scripts, world)


@over(0.1, statement_sets(), DEBOUNCES_MS, st.randoms(use_true_random=False))
def test_the_order_in_which_statements_arrive_does_not_matter(scripts, history, debounce, random):
    ends = []
    for order in (lambda network: network, lambda network: shuffled(network, random)):
        world = World(debounce)
        play(world, history)
        world.network = order(world.network)
        world.deliver_all()
        world.wait_out()
        check(scripts, world)
        ends.append(shown(world.presence))
    assert ends[0] == ends[1]


@over(0.1, losses(), DEBOUNCES_MS, st.integers(1, 2))
def test_a_sweep_in_small_steps_ends_the_same(scripts, history, debounce, step):
    """Which of the users that are due a small step takes first is its own choice: so only the end is compared."""
    world = World(debounce)
    play(world, history)
    world.make_peace()
    small = world.with_step(step)
    *_, (_, rows) = scripts.run(small)
    agreement = Agreement(world.settings)
    assert agreement.ends_like(world.calls[-1].view, rows) == []
