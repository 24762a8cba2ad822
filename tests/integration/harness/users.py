"""User ids that no other test uses."""

import itertools

_numbers = itertools.count(1)


def new_user(name="user"):
    return f"{name}-{next(_numbers)}"
