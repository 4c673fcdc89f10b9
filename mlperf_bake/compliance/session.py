"""Makes the runs of a campaign that are not there yet, and judges the tests by them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlperf_bake.compliance.campaign import ACCURACY, PERFORMANCE, Campaign, judged, made_before
from mlperf_bake.compliance.placing import Judged
from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.results.place import DirectoryPlace, Place, VolumePlace
from mlperf_bake.results.run import Run, read_runs
from mlperf_bake.rounds import Round
from mlperf_bake.run.request import RunRequest, Volume, new_run_id

Make = Callable[[RunRequest], None]
"""Makes one run. Errors: BakeError where it failed, or where it is a performance run that is INVALID."""


def conduct(
    campaign: Campaign,
    make: Make,
    fingerprint: str,
    rules: Round,
    scratch: Path,
    say: Callable[[str], None],
    *,
    again: bool = False,
) -> tuple[Judged, ...]:
    """Makes what is missing and judges every test.

    Args:
        fingerprint: of the image.
        scratch: an empty directory, for copies of what lies in a volume.
        say: told of each run that need not be made.
        again: makes every run, whatever is there.

    Raises:
        RunFailed: a run left nothing that counts.
        UsageError: the results cannot be read.
    """
    there = () if again else _there(campaign.requests[0], scratch / "before")
    runs: dict[str, Run] = {}
    made: list[RunRequest] = []
    for request in campaign.requests:
        before = made_before(request, there, fingerprint)
        # A test says something of the performance run that it is compared with: a new one needs new tests.
        compared_anew = request.mode != ACCURACY and any(one.mode == PERFORMANCE for one in made)
        if before and not compared_anew:
            say(f"{request.scenario} {request.mode}: {before.manifest.run_id} is there")
            runs[request.mode] = before
            continue
        named = replace(request, run_id=new_run_id(request.scenario, request.mode))  # the name tells the time
        make(named)
        made.append(named)
    runs |= {request.mode: run for request, run in _made(made, scratch / "made")}
    data = campaign.requests[0].data
    return judged(runs.values(), rules, data if isinstance(data, Path) else None)


def _there(request: RunRequest, scratch: Path) -> tuple[Run, ...]:
    """The runs that the results hold already; none where there is no such place yet."""
    try:
        return read_runs([_place(request)], scratch).complete
    except UsageError:  # what is wrong with a place that is there, reading the new runs will say
        return ()


def _made(requests: list[RunRequest], scratch: Path) -> list[tuple[RunRequest, Run]]:
    """The runs that were made now, in order."""
    if not requests:
        return []
    results = requests[0].results
    places: list[Place] = (
        [_place(requests[0])]
        if isinstance(results, Volume)
        else [DirectoryPlace(results / request.run_id) for request in requests]
    )
    runs = read_runs(places, scratch)
    by_id = {run.manifest.run_id: run for run in runs.complete}
    for request in requests:
        if request.run_id not in by_id:
            why = next(
                (one.reason for one in runs.left_out if one.run_id == request.run_id), "it is not there"
            )
            raise RunFailed("a run does not count", where=request.run_id, found=why, remedy="run it again")
    return [(request, by_id[request.run_id]) for request in requests]


def _place(request: RunRequest) -> Place:
    results = request.results
    return (
        VolumePlace(results.name, request.image) if isinstance(results, Volume) else DirectoryPlace(results)
    )
