"""The rules of lost data (DESIGN section 2): when a new epoch begins, and for how long it is being rebuilt. Part of
Presence, whose data it is."""

from .kinds import Answer

REBUILD_MOST_MS = 60000  # beyond the lease, for which an edge may take to announce (epoch.lua)


class Epochs:
    def check_epoch(self, run_id, forced, seen, complete, heard):
        """`seen`: the highest (epoch, seq) that anybody has seen; `heard`: incarnations that beat lately."""
        lost = (self.epoch == 0 or self.run_id != run_id or (forced and self.epoch <= seen[0])
                or seen > (self.epoch, self.seq))
        if lost:
            self.seq = max(self.seq, seen[1])
            self.epoch, self.run_id = max(self.real, self.epoch + 1, seen[0] + 1), run_id
            self.ticked_at = self.real if self.ticked_at is None else self.ticked_at
            self.awaited = {name: None for name in [*filter(self.leased, self.incarnations), *heard]}
            self.rebuild = None
            if self.awaited or not complete:
                deadline = self.now + self.settings.lease
                self.rebuild = (deadline, deadline + REBUILD_MOST_MS, complete)
        return Answer(lost, unchanged=not lost)

    def _stop_awaiting(self, name):
        self.awaited.pop(name, None)

    def _is_awaiting(self):
        """Whether somebody may still announce."""
        if self.rebuild is None:
            return False
        deadline, limit, complete = self.rebuild
        alive = any(self.leased(successor or name) for name, successor in self.awaited.items())
        return not (complete and not self.awaited) and (deadline > self.now or (limit > self.now and alive))

    def _sweep_holds_still(self):
        """Nobody ends before all have announced, but for longer than a lease they are not waited for."""
        return self._is_awaiting() and self.rebuild[0] > self.now

    def _end_rebuilding(self):
        """After a sweep: what nobody says any more has ended before anybody looks."""
        if not self._is_awaiting():
            self.rebuild, self.awaited = None, {}
