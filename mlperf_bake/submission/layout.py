"""Where the parts of a result lie in a tree of a round: the round's layout with the names filled in. Pure.

From v6.0 on everything lies below results/; the rounds before it keep measurements/ and compliance/ beside it and call
the sources code/ (mlperf_bake/rounds/data/layout.yaml).
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.rounds import Round
from mlperf_bake.submission.selection import ResultKey


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Whose results these are: a division's directory and a submitter's in it."""

    division: str
    submitter: str

    def path(self, tree: Path) -> Path:
        """The submitter's directory in a tree."""
        return tree / self.division / self.submitter

    def __str__(self) -> str:
        return f"{self.division}/{self.submitter}"


@dataclass(frozen=True, slots=True)
class ResultPaths:
    """Directories of one result's parts; in newer rounds all three are the same.

    Attributes:
        results: performance/ and accuracy/.
        measurements: user.conf, README.md and the measurements' JSON.
        measurements_json: that JSON.
        compliance: TEST01/ and the like.
    """

    results: Path
    measurements: Path
    measurements_json: Path
    compliance: Path

    def clear(self) -> None:
        """Removes whatever is there of the result."""
        for path in dict.fromkeys((self.results, self.measurements, self.compliance)):
            if path.exists():
                shutil.rmtree(path)


def result_paths(tree: Path, rules: Round, owner: Owner, key: ResultKey) -> ResultPaths:
    """Where a result's parts belong in a tree of the round."""
    names = {"system": key.system, "model": key.model, "scenario": key.scenario}
    places = {"division": owner.division, "submitter": owner.submitter, **names}
    measurements = tree / rules.layout.measurements.format(**places)
    return ResultPaths(
        results=owner.path(tree) / "results" / key.system / key.model / key.scenario,
        measurements=measurements,
        measurements_json=measurements / rules.layout.measurements_json[0].format(**names),
        compliance=tree / rules.layout.compliance.format(**places),
    )


def source_path(tree: Path, rules: Round, owner: Owner) -> Path:
    """Where a submitter's sources belong."""
    return tree / rules.layout.src.format(division=owner.division, submitter=owner.submitter)
