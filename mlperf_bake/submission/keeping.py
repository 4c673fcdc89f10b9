"""What the user's own words and the tree itself say of which runs count: named runs, and better results that stay."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.results.manifest import Manifest, read_manifest
from mlperf_bake.results.place import DirectoryPlace, Place
from mlperf_bake.results.run import MANIFEST, LeftOut
from mlperf_bake.rounds import Round
from mlperf_bake.submission.layout import Owner, result_paths
from mlperf_bake.submission.power import manifest_of
from mlperf_bake.submission.ranking import rank_of
from mlperf_bake.submission.selection import Pair


def named_by_place(places: Iterable[Place]) -> Iterator[str]:
    """The ids of runs whose own directory is a place: the user has named them."""
    for place in places:
        if isinstance(place, DirectoryPlace) and (place.path / MANIFEST).is_file():
            manifest = _manifest(place.path / MANIFEST)
            if manifest:
                yield manifest.run_id


def kept_instead(out: Path, rules: Round, owner: Owner, pair: Pair, named: Collection[str]) -> LeftOut | None:
    """Why a pair's run does not take the place of the result in the tree; None where it does.

    A result that meets the round's minimum is not displaced by a run that does not, unless the run is named.
    """
    run = pair.performance.manifest
    there = None if run.run_id in named else _other_there(out, rules, owner, pair)
    if there is None:
        return None
    ranks = [rank_of(manifest, rules, owner.division) for manifest in (there, run)]
    if not ranks[0].meets or ranks[1].meets:
        return None
    reason = (
        f"the tree's run {there.run_id} meets the round's minimum, and this one does not; "
        f"--run {run.run_id} puts it there all the same"
    )
    return LeftOut(run.run_id, pair.performance.place, reason)


def displaced(out: Path, rules: Round, owner: Owner, pair: Pair) -> str | None:
    """Which run of the tree a pair's takes the place of, in a sentence; None where the tree has no other."""
    there = _other_there(out, rules, owner, pair)
    if there is None:
        return None
    return (
        f"{owner}/{pair.key}: in the place of the run {there.run_id}, which the tree had; "
        f"collected with --run {there.run_id} that one takes it again"
    )


def _other_there(out: Path, rules: Round, owner: Owner, pair: Pair) -> Manifest | None:
    """The manifest of the performance run that the tree has in the place of a pair's, if it is another run."""
    there = _manifest(manifest_of(result_paths(out, rules, owner, pair.key).results / "performance"))
    return there if there and there.run_id != pair.performance.manifest.run_id else None


def _manifest(path: Path) -> Manifest | None:
    try:
        return read_manifest(path) if path.is_file() else None
    except UsageError:
        return None
