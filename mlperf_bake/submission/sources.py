"""What lies in the places a user names: runs of ours, runs of others, and whole trees."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.results.place import Place
from mlperf_bake.results.run import Runs, read_runs
from mlperf_bake.rounds import Round
from mlperf_bake.submission.foreign_tree import ForeignTree, is_tree, read_tree, refuse_above, refuse_part
from mlperf_bake.unreadable import unreadable


@dataclass(frozen=True, slots=True)
class Sources:
    """What was found: runs, and trees in the order they were named."""

    runs: Runs
    trees: tuple[ForeignTree, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A place that has been opened."""

    label: str
    directory: Path

    def open(self, scratch: Path) -> Path:
        return self.directory


def read_sources(places: Iterable[Place], scratch: Path, rules: Round) -> Sources:
    """Everything in the places.

    Args:
        scratch: an empty directory for copies of tar files and volumes; must outlive what is returned.

    Raises:
        UsageError: a place cannot be read or trusted, is a part of a tree, or two different runs have one id.
    """
    with_runs: list[_Opened] = []
    trees: list[ForeignTree] = []
    for number, given in enumerate(places):
        copy = scratch / f"opened-{number}"
        copy.mkdir()
        directory = _open(given, copy)
        if is_tree(directory, rules):
            trees.append(read_tree(directory, rules, given.label))
        else:
            refuse_part(directory, rules)
            with_runs.append(_Opened(given.label, directory))
    runs = read_runs(with_runs, scratch)
    if not (trees or runs.complete or runs.left_out or runs.foreign):
        for place in with_runs:
            refuse_above(place.directory, rules)
    return Sources(runs, tuple(trees))


def _open(place: Place, copy: Path) -> Path:
    try:
        return place.open(copy)
    except OSError as error:
        where = Path(error.filename or place.label)
        raise unreadable(
            "the results cannot be read", where, error, expected="a directory of results"
        ) from error
