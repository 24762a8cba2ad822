"""The checker: replays the journal of a run (JOURNAL.md) against the twelve invariants of DESIGN section 8.

    report = checker.check(folder)      report.exit_code, .counts, .violations, .summary, .as_text(), .as_json()
    python3 -m checker FOLDER [--json]

The way through it: journal.py reads; clock.py, faults.py, edges.py, transitions.py say what time it was, what was
broken and what was decided; timeline.py judges every connection and truth.py every user; rules/ compare. bounds.py has
every bound and tolerance. Standard library only."""

from . import journal as _journal
from .bounds import CLOCKS_AGREE_S, RECOVERY_S, STALL_S
from .measures import measure, staleness
from .report import CLEAN, STALLED, UNUSABLE, VIOLATED, Report
from .rules import agreement, answers, closes, false_offline, frames, growth, log_rules, redis_state, traces
from .run import Run

RULES = (false_offline, agreement, frames, answers, log_rules, redis_state, traces, closes, growth)


def check(folder, despite_stalls=False):
    """Never raises for what a journal says: an unusable one is a Report with exit code 2. `despite_stalls`: a machine that
    stood still voids nothing."""
    try:
        journal = _journal.read(folder)
        if journal.end < journal.quiet + RECOVERY_S:
            raise _journal.Unusable(f"the run ends before the views had {RECOVERY_S:g} s to agree after quiet")
    except _journal.Unusable as error:
        return Report(UNUSABLE, unusable=str(error))
    run = Run(journal)
    early_s = -min(staleness(run)[1], default=0.0)
    if early_s > CLOCKS_AGREE_S:
        return Report(UNUSABLE, unusable=f"clocks disagree: a frame was seen {early_s:.3f} s before it was decided")
    violations = sorted((violation for rule in RULES for violation in rule.check(run)), key=lambda each: each.t)
    counts = {}
    for violation in violations:
        counts[violation.kind] = counts.get(violation.kind, 0) + 1
    stalled = not despite_stalls and any(ms > STALL_S * 1000 for _, ms, _ in journal.stalls)
    code = STALLED if stalled else VIOLATED if violations else CLEAN
    return Report(code, measure(run), counts, violations, journal.begin)
