"""What may happen, as hypothesis draws it: a list of (name, arguments...), each a method of World. Indexes are taken
modulo what there is, so that any list is a history, and any part of a list too: that is how a failure gets short."""

from hypothesis import strategies as st

USERS = ("anna", "bert", "cleo")
EDGES_COUNT = 3
LENGTH = (15, 60)

# Most happens to one user at one edge or two: it takes several things in a row to go wrong.
_edge = st.sampled_from((0, 0, 0, 1, 1, 2))
_user = st.sampled_from(("anna", "anna", "anna", "anna", "bert", "cleo"))
_some_users = st.lists(_user, min_size=1, max_size=3, unique=True).map(tuple)
_which = st.integers(0, 7)
_how = st.sampled_from(("said", "echoed", "sent", "waits", "unheard"))
_letters = st.sampled_from(("o", "b", "a", "i", "oo", "ob", "ao", "oi"))
_reason = st.sampled_from(("closed", "connected", "closed", "pong-timeout", "status-set"))
_leaving = st.sampled_from(("closed", "closed", "pong-timeout"))
# Multiples of one another, so that what ends at a moment is looked at in that moment too.
_short_ms = st.sampled_from((1000, 0, 500, 2000, 3000))
_long_ms = st.sampled_from((5000, 4000, 10000, 15000, 61000))
_age_ms = st.sampled_from((0, 1000, 20000, 40000))
_many = st.sampled_from((100, 1, 2))
_yes_or_no = st.booleans()


def _happens(name, *arguments):
    return st.tuples(st.just(name), *arguments)


_nothing = st.just(None)  # what shrinking puts in place of what does not matter
_clients = (
    _happens("clients", _edge, _user, _letters, _reason, _how),
    _happens("clients", _edge, _user, st.just(""), _leaving, _how),
    _happens("touch", _edge, _some_users, _age_ms, _how),
)
_clients_in_peace = (
    _happens("clients", _edge, _user, _letters, _reason, st.just("echoed")),
    _happens("clients", _edge, _user, st.just(""), _leaving, st.just("echoed")),
    _happens("clients", _edge, _user, st.just(""), _leaving, st.just("unheard")),
)
_clients_under_way = (
    _happens("clients", _edge, _user, _letters, _reason, st.just("sent")),
    _happens("clients", _edge, _user, st.just(""), _leaving, st.just("sent")),
)
_edges = (
    _happens("send", _edge, _age_ms, _many, _how),
    _happens("say_again", _edge, _how),
    _happens("beat", _edge, _how, _how),
    _happens("tend", _edge, _how),
    _happens("beat_all"),
)
_network = (
    _happens("deliver", _which, _yes_or_no, st.sampled_from(("heard", "late", "lost"))),
    _happens("deliver", _which, st.just(True), st.just("heard")),
)
_time = (
    _happens("lives", _short_ms),
    _happens("lives", st.sampled_from((4000, 3000))),
    _happens("passes", _short_ms),
)
_loss = (
    _happens("lose", _which),
    _happens("hear", _which),
    _happens("passes", _long_ms),
    _happens("stalls", st.sampled_from((0, 1000, 30000, -2000))),
    _happens("freeze", _edge),
    _happens("crash", _edge),
    _happens("leave", _edge),
    _happens("drop_mirror", _user),
    _happens("hint", _some_users),
    _happens("stranger", _which),
)
_said_again = _happens("say_again", _edge, _how)
_looks = (
    _happens("drop_mirror", _user),
    _happens("hint", _some_users),
    _happens("touch", _edge, _some_users, _age_ms, st.just("said")),
)
_lost_leases = (
    _happens("passes", _long_ms, st.just(False)),
    _happens("freeze", _edge),
    _happens("passes", _long_ms),
    _happens("crash", _edge),
    _happens("leave", _edge),
)
_renewals = (
    _happens("renew", _edge, _short_ms, _how),
    _happens("renew", _edge, _short_ms, st.just("said")),
    _happens("join_twice", _edge),
)
_data_loss = (
    _happens("check", _yes_or_no, _yes_or_no),
    _happens("flush"),
    _happens("back_up"),
    _happens("restart", _yes_or_no, _yes_or_no),
)
_readers = (
    _happens("explain", _user, st.integers(1, 4)),
    _happens("snapshot", st.sampled_from(("", *USERS)), st.integers(1, 3)),
    _happens("replay", st.integers(0, 9), st.integers(1, 3), st.integers(1, 3)),
)

# A history is about something: where everything happens at once, little of it has consequences.
_subjects = (
    (_clients + _clients_in_peace + _edges + _network + _time) * 2 + _loss + _readers,
    _clients_in_peace * 4 + _network * 3 + (_said_again, _time[0], _time[0]) + _looks,
    _clients_in_peace + _clients_under_way * 2 + _edges + _network * 2 + _time + _lost_leases * 2 + _looks,
    _clients + _clients_in_peace + _edges + _network + _time + _lost_leases + _looks + _readers
    + _renewals + _data_loss * 2,
    _clients_in_peace * 2 + _renewals * 2 + _network + _edges[:1] + _time[:1],
)


def _about(kinds):
    happened = st.lists(st.one_of(_nothing, *kinds), min_size=LENGTH[0], max_size=LENGTH[1])
    return happened.map(lambda all_of_it: [what for what in all_of_it if what])


def histories():
    """Lists of what happens."""
    return st.one_of(*map(_about, _subjects))


def losses():
    """Histories of edges that lose their leases, or are lost."""
    return _about(_clients + _time + _lost_leases)


def statement_sets():
    """Histories in which edges only speak, and nothing that they say has arrived yet."""
    sent = st.just("sent")
    said = st.one_of(_happens("clients", _edge, _user, _letters, _reason, sent),
                     _happens("clients", _edge, _user, st.just(""), _reason, sent),
                     _happens("say_again", _edge, sent), _happens("send", _edge, _age_ms, _many, sent))
    return st.lists(said, max_size=12)


def shuffled(network, random):
    """Each message at least once, in any order."""
    network = network + [message for message in network if random.random() < 0.3]
    random.shuffle(network)
    return network


def play(world, history):
    for name, *arguments in history:
        getattr(world, name)(*arguments)
