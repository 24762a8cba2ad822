"""A transition each way, through everything: the proof that a system works again."""

from .users import new_user


def come_and_go(system, observers):
    """A transition each way arrives, at every observer, once."""
    client = system.connect(new_user("passer"), edge=1)
    for observer in observers:
        observer.wait_status(client.user, "online")
    client.close()
    for observer in observers:
        observer.wait_statuses(client.user, ["online", "offline"])
