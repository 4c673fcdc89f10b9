"""Findings that say the same of several files, together: what people read once."""

from dataclasses import dataclass

from mlperf_bake.check.remedies import remedy
from mlperf_bake.check.rule import Finding
from mlperf_bake.check.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that differ only in where they are, and so in the command that mends them."""

    first: Finding
    places: tuple[str, ...]
    fixes: tuple[str, ...] = ()

    @property
    def remedies(self) -> tuple[str, ...]:
        """The commands, or where there is none what to do in words."""
        return self.fixes or (remedy(self.first),)

    @property
    def title(self) -> str:
        """The weight in words."""
        if self.first.breach.demonstration:
            return "demonstration"
        return self.first.breach.severity.value


def groups(verdict: Verdict) -> tuple[Group, ...]:
    """The findings, equal ones together, in the verdict's order."""
    places: dict[tuple[object, ...], list[tuple[Finding, str]]] = {}
    for finding in verdict.findings:
        breach = finding.breach
        key = (
            finding.rule,
            breach.severity,
            breach.demonstration,
            breach.problem,
            breach.found,
            breach.expected,
        )
        places.setdefault(key, []).append((finding, verdict.place(finding)))
    return tuple(
        Group(
            members[0][0],
            tuple(where for _, where in members),
            tuple(dict.fromkeys(finding.breach.fix for finding, _ in members if finding.breach.fix)),
        )
        for members in places.values()
    )
