"""What to type after a run, so that it becomes a result: the run that it still lacks, or `collect`."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.program import shown
from mlperf_bake.results.manifest import Manifest, parse_manifest, read_manifest
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.rounds import DEFAULT_ROUND
from mlperf_bake.run.harness_options import as_typed, of_accuracy
from mlperf_bake.run.request import RunRequest
from mlperf_bake.run.service import RunOutcome
from mlperf_bake.submission.completing import MODES, SAMPLE, missing_modes, round_option, run_command


def next_command(
    outcome: RunOutcome,
    request: RunRequest,
    data: str,
    image: str = "",
    options: Sequence[str] = (),
    round_name: str = "",
) -> str:
    """One command to paste.

    In a directory it is known which runs are there; what a volume holds besides is left to `collect`.

    Args:
        outcome: of a run that is VALID or measured accuracy.
        data: as typed.
        image: as typed; empty for the built one.
        options: the harness's options that the user gave; another run goes with this one only if it has them, too.
        round_name: as typed; empty for the round that the cell follows by itself, which another run of it does, too.
    """
    manifest = parse_manifest(outcome.manifest, outcome.run_id)
    synthetic = manifest.dataset is not None and manifest.dataset.synthetic
    place = request.results if isinstance(request.results, Path) else None
    there = [manifest] if place is None else [manifest, *_manifests_in(place, request.run_id)]
    missing = missing_modes(there, manifest)
    if place is None and manifest.mode == "accuracy":
        missing = ()
    results = outcome.results if place is None else _directory(place)
    if manifest.mode == "find-peak" or synthetic:
        missing = MODES
    if not missing:
        place_of_runs = results if place else f"volume:{results}"
        return shlex.join(["mlperf-bake", "collect", place_of_runs, *round_option(manifest.cell.round)])
    further = options if missing[0] == "performance" else of_accuracy(options)
    named = ("--image", image) if image else ()
    if request.own_class:
        named = (*named, "--class", request.own_class.given)
    return run_command(
        manifest,
        missing[0],
        SAMPLE if synthetic else data,
        results,
        *named,
        *as_typed(further),
        round_name=round_name or DEFAULT_ROUND,
    )


def _directory(place: Path) -> str:
    text = shown(place)
    return text if "/" in text else f"./{text}"


def _manifests_in(place: Path, but: str) -> list[Manifest]:
    """Those of the complete runs beside this one that can be read; `collect` tells what is wrong with others."""
    found = []
    for path in sorted(place.glob(f"[!.]*/{MANIFEST}")):
        if path.parent.name == but:
            continue
        try:
            found.append(read_manifest(path))
        except UsageError:
            continue
    return found
