"""A journal with all that is derived from it: what every rule gets."""

from functools import cached_property

from .bounds import Bounds
from .clock import ServiceClock, WallClock
from .edges import Edges
from .faults import Calendar
from .journal import OFFLINE
from .timeline import Timelines
from .transitions import TransitionLog
from .truth import Truth
from .views import View


class Run:
    def __init__(self, journal):
        self.journal = journal
        self.bounds = Bounds(journal.settings)
        self.wall = WallClock(journal)
        self.service = ServiceClock(journal.clock)
        self.edges = Edges(journal)
        self.log = TransitionLog(journal, self.wall)
        self.calendar = Calendar(journal, self.bounds, self.edges, self.log)
        self.timelines = Timelines(journal, self.bounds, self.service, self.edges, self.calendar, self.log)
        self.truth = Truth(journal, self.timelines, self.calendar)
        self.views = [View(session, self.log) for session in journal.sessions]

    @cached_property
    def told_offline(self):
        """(user, at) -> the observers that had an offline of that time."""
        told = {}
        for session in self.journal.sessions:
            for _, user, status, at in session.frames:
                if status == OFFLINE:
                    told.setdefault((user, at), set()).add(session.observer)
        return told
