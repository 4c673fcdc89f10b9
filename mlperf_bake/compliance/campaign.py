"""Which runs the compliance tests of a benchmark take in a scenario, and which of them are there already. Pure.

A run that is there counts if it would be made again the same: same image, data set, scenario, mode and options, finished and
not INVALID. So a campaign that was interrupted goes on where it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mlperf_bake.compliance.audits import audits_of
from mlperf_bake.compliance.placing import Judged, judge
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.errors import NothingSelected
from mlperf_bake.results.manifest import Dataset
from mlperf_bake.results.run import Run
from mlperf_bake.rounds import Round
from mlperf_bake.run.harness_options import OF_TIME_AND_RATE, options_in
from mlperf_bake.run.request import RunRequest
from mlperf_bake.run.workload import COMPLIANCE

PERFORMANCE: Final = "performance"
ACCURACY: Final = "accuracy"
COMPARING_ANSWERS: Final = ("TEST01", "TEST08")
"""Tests that compare with the accuracy run."""
_FIXED_BY: Final = {"min_duration": "duration", "min_query_count": "min-queries"}


@dataclass(frozen=True, slots=True)
class Campaign:
    """The runs of one scenario.

    Attributes:
        scenario: ``Offline``, ...
        requests: performance, accuracy where a test compares with it, and one for each test.
    """

    scenario: str
    requests: tuple[RunRequest, ...]


def campaign(base: RunRequest, rules: Round, benchmark: str) -> Campaign:
    """The runs that a benchmark's tests take in the scenario of a request.

    Args:
        base: a performance run as the user asks for it; the others differ in mode, and in options that mean nothing to them.
            A run gets its id when it is made.

    Raises:
        NothingSelected: the benchmark has no compliance tests in the round.
    """
    audits = audits_of(rules, benchmark)
    if not audits:
        raise NothingSelected(
            f"{benchmark} has no compliance tests in round {rules.name}", expected="a benchmark that has some"
        )
    compared = any(audit.test in COMPARING_ANSWERS for audit in audits)
    requests = [_request(base, PERFORMANCE, ())]
    if compared:
        requests.append(_request(base, ACCURACY, OF_TIME_AND_RATE))
    for audit in audits:
        fixed = [option for key, option in _FIXED_BY.items() if audit.setting(key, base.scenario) is not None]
        requests.append(_request(base, COMPLIANCE + audit.test, fixed))
    return Campaign(base.scenario, tuple(requests))


def _request(base: RunRequest, mode: str, without: Iterable[str]) -> RunRequest:
    left_out = frozenset(without)
    options = [
        word for name, words in options_in(base.harness_options) if name not in left_out for word in words
    ]
    return replace(base, mode=mode, harness_options=tuple(options))


def made_before(request: RunRequest, runs: Sequence[Run], fingerprint: str) -> Run | None:
    """The newest run that is there and is what the request would make; None where there is none.

    Args:
        runs: complete runs by start time.
        fingerprint: of the request's image; without one nothing is taken for the same.
    """
    if not fingerprint or request.own_class:
        return None
    return next((run for run in reversed(runs) if _is_same(request, run, fingerprint)), None)


def _is_same(request: RunRequest, run: Run, fingerprint: str) -> bool:
    manifest = run.manifest
    return (
        manifest.fingerprint == fingerprint
        and (manifest.scenario, manifest.mode) == (request.scenario, request.mode)
        and (manifest.result is None or manifest.result.validity == "VALID")
        and _without_name(manifest.argv) == _without_name(request.command)
        and _same_data(request, manifest.dataset)
    )


def _without_name(words: Iterable[str]) -> list[tuple[str, ...]]:
    return [option for name, option in options_in(words) if name != "run-id"]


def _same_data(request: RunRequest, dataset: Dataset | None) -> bool:
    if dataset is None or isinstance(request.data, str):
        return dataset is not None and dataset.synthetic
    return load_prepared(request.data, checksums=False).samples_sha256 == dataset.samples_sha256


def judged(runs: Iterable[Run], rules: Round, truth: Path | None = None) -> tuple[Judged, ...]:
    """The judgement on each test, in the tests' order.

    Args:
        runs: one for each request of a campaign.
        truth: the data set with its ground truth; None for generated samples.
    """
    by_mode = {run.manifest.mode: run for run in runs}
    tests = [run for mode, run in sorted(by_mode.items()) if mode.startswith(COMPLIANCE)]
    return judge(tests, by_mode[PERFORMANCE], by_mode.get(ACCURACY), rules, truth)
