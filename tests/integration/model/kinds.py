"""What the model speaks of: statements, voices, users, incarnations, and what a script answers. Times are ms."""

from dataclasses import dataclass, field
from typing import NamedTuple, Optional

OFFLINE, ONLINE, AWAY, BUSY, INVISIBLE = "f", "o", "a", "b", "i"


class Settings(NamedTuple):
    """What the cores are configured with, in ms."""
    ttl: int = 60000
    meta_ttl: int = 2592000000
    lease: int = 5000
    grace: int = 10000
    debounce: int = 0


class Statement(NamedTuple):
    user: str
    number: int
    reason: str
    age: int      # ms since the user's last sign of life
    letters: str  # one for each connection, "" for none


class Transition(NamedTuple):
    user: str
    was: str
    now: str
    at: int
    last_seen: int
    reason: str
    edge: str


class Answer(NamedTuple):
    accepted: bool = True
    transitions: tuple = ()
    stale: int = 0         # statements that were too late
    swept: bool = False    # nothing that is due is left
    restored: int = 0      # mirrors that were missing under a live connection
    unchanged: bool = False  # not a byte may differ afterwards


@dataclass
class Incarnation:
    edge: str
    lease_end: int
    floor: int = 0
    beat: int = -1                   # number of the newest one
    successor: Optional[str] = None  # that is announcing the same users
    is_void: bool = False            # one has announced in its place
    ended: Optional[int] = None      # when a tick found its lease over


@dataclass
class Voice:
    """What one incarnation says of one user who has connections there, or had until a moment ago."""
    letters: str
    ends_at: Optional[int] = None  # None while a lease holds it
    lingers: bool = False          # a debounced close


@dataclass
class Mirror:
    activity: int  # the newest sign of life
    px: int        # how long it was to live when it was set
    expires: int   # real time


@dataclass
class User:
    shown: str = OFFLINE
    since: int = 0
    last_seen: Optional[int] = None
    mirror: Optional[Mirror] = None
    voices: dict = field(default_factory=dict)  # incarnation -> Voice
    newest: dict = field(default_factory=dict)  # incarnation -> number of the newest statement applied

    def status(self):
        """busy > online > away; invisible on any connection hides; no connection is offline."""
        letters = "".join(voice.letters for voice in self.voices.values())
        if INVISIBLE in letters:
            return OFFLINE
        return next((status for status in (BUSY, ONLINE, AWAY) if status in letters), OFFLINE)
