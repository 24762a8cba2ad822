"""What the checker has to say, for people and as JSON; and the exit code."""

from dataclasses import dataclass, field

from .bounds import STALL_S

CLEAN, VIOLATED, UNUSABLE, STALLED = 0, 1, 2, 3

_SHOWN_OF_A_KIND = 10


@dataclass
class Report:
    """`exit_code` as of the program. `counts`: kind of violation -> how many."""

    exit_code: int
    summary: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    violations: list = field(default_factory=list)
    begin: float = 0.0  # of the run, monotonic; times are told relative to it
    unusable: str | None = None

    def as_json(self):
        return {
            "exit_code": self.exit_code,
            "unusable": self.unusable,
            "summary": self.summary,
            "counts": self.counts,
            "violations": [{"kind": each.kind, "invariant": each.invariant, "at_s": round(each.t - self.begin, 3),
                            "user": each.user, "text": each.text, "context": each.context}
                           for each in self.violations],
        }

    def as_text(self):
        if self.unusable is not None:
            return f"not usable: {self.unusable}"
        lines = [*self._summary_lines(), *self._violation_lines()]
        if self.exit_code == STALLED:
            lines.append(f"stalled: this machine kept the run waiting for over {STALL_S * 1000:g} ms; repeat it")
        return "\n".join(lines)

    def _summary_lines(self):
        counts = self.counts

        def of(*kinds):
            return sum(counts.get(kind, 0) for kind in kinds)

        yield from (f"{name:28} {_text(value)}" for name, value in self.summary.items())
        for name, count in (
            ("false offlines", of("false-offline", "device-closed", "unprompted-close")),
            ("ghosts beyond bound", of("ghost")),
            ("duplicates", of("duplicate")),
            ("lost, or holes in the log", of("lost", "log-hole")),
            ("order violations", of("order", "log-chain", "double-offline", "stale-change")),
            ("other violations", of(*counts) - of("false-offline", "device-closed", "unprompted-close", "ghost",
                                                  "duplicate", "lost", "log-hole", "order", "log-chain",
                                                  "double-offline", "stale-change")),
        ):
            yield f"{name:28} {count}"

    def _violation_lines(self):
        shown = {}
        for each in self.violations:
            shown[each.kind] = shown.get(each.kind, 0) + 1
            if shown[each.kind] > _SHOWN_OF_A_KIND:
                continue
            yield (f"\n{each.kind} (invariant {each.invariant}) at {each.t - self.begin:.3f} s, "
                   f"{each.user or 'the run'}: {each.text}")
            for name, value in each.context.items():
                for row in value if isinstance(value, list) else [value]:
                    yield f"    {name}: {row}"
        for kind, count in self.counts.items():
            if count > _SHOWN_OF_A_KIND:
                yield f"\n{kind}: {count - _SHOWN_OF_A_KIND} more"


def _text(value):
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {count}" for key, count in sorted(value.items())) or "none"
    return "-" if value is None else str(value)
