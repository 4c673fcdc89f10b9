"""Performance figures from anywhere: runs of ours, bare logs and whole trees, each as one typed row.

Figures come from LoadGen's detail logs, the round from their seeds; the data set is known by its hash where there is a
manifest, else by its size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.results import figures
from mlperf_bake.results.headline import Headline, headline
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.results.manifest import Manifest, read_manifest
from mlperf_bake.results.place import Place
from mlperf_bake.results.run import DETAIL, ForeignLogs, Run
from mlperf_bake.rounds import ModelRules, Round
from mlperf_bake.submission.foreign import ForeignResult, round_of
from mlperf_bake.submission.foreign_runs import model_of
from mlperf_bake.submission.power import manifest_of
from mlperf_bake.submission.sources import read_sources
from mlperf_bake.submission.system import system_name

_QUERY_LIMIT: Final = {"": "effective_target_latency_ns"}
_TOKEN_LIMITS: Final = {"TTFT ": "requested_server_ttft_latency", "TPOT ": "requested_server_tpot_latency"}
"""The keys of LoadGen's detail log, in nanoseconds (loadgen/test_settings_internal.cc)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One performance run and what it is a run of.

    Attributes:
        place: where the user has it.
        benchmark: the official benchmark that the model stands for.
        network: what computed: the benchmark where it is the official network itself, else the model's own name.
        figure: what it is quoted with; None where the log does not hold it.
        validity: ``VALID`` or ``INVALID``; None in a log cut before its end.
        round: whose seeds it has; None for seeds of no round known here.
        samples: size of the data set; ``data`` is the SHA-256 of its samples where a manifest gives it.
        duration_ms: the least time it was told to run.
        limits: of a Server run, the latencies that its queries had to keep; empty in the other scenarios.
    """

    place: str
    system: str
    model: str
    benchmark: str
    network: str
    scenario: str
    figure: Headline | None
    validity: str | None
    round: str | None
    samples: int | None
    data: str | None
    duration_ms: int | None
    limits: str


def measured(
    places: Sequence[Place], scratch: Path, rules: Round, model: str | None = None
) -> tuple[tuple[Measured, ...], tuple[str, ...]]:
    """The performance runs in the places in the order of these, and in words what was left out.

    Args:
        scratch: an empty directory for copies of tar files and volumes.
        rules: the round whose benchmarks and result fields count.
        model: the benchmark of bare logs that nothing else tells it of.

    Raises:
        UsageError: a place cannot be read, or is a part of a tree.
    """
    found: list[Measured] = []
    left_out: list[str] = []
    for number, place in enumerate(places):
        copy = scratch / f"compared-{number}"
        copy.mkdir()
        sources = read_sources([place], copy, rules)
        for run in sources.runs.complete:
            if run.manifest.mode == "performance":
                rows = list(_of_run(run, rules))
                found += rows
                left_out += [] if rows else [f"{run.manifest.run_id}: {_unknown(run.manifest, rules)}"]
        for logs in sources.runs.foreign:
            rows = list(_of_logs(logs, rules, model))
            found += rows
            left_out += (
                [] if rows else [f"{logs.name}: no performance run of a known model (--model names it)"]
            )
        for tree in sources.trees:
            found += [_of_result(result, rules) for result in tree.results]
            left_out += [f"{item.run_id}: {item.reason}" for item in tree.left_out]
        left_out += [f"{item.run_id}: {item.reason}" for item in sources.runs.left_out]
    return tuple(found), tuple(left_out)


def _of_run(run: Run, rules: Round) -> Iterator[Measured]:
    manifest = run.manifest
    benchmark = rules.models.get(manifest.cell.benchmark or "")
    if benchmark:
        place = run.place.rstrip("/")
        name = place if Path(place).name == manifest.run_id else f"{place}/{manifest.run_id}"
        system, model = system_name(manifest), manifest.cell.model
        yield _row(name, system, model, benchmark, manifest.scenario, run.detail, manifest, rules)


def _unknown(manifest: Manifest, rules: Round) -> str:
    """Why a round has no figure for a run."""
    return f"{manifest.cell.model} stands for {manifest.cell.benchmark or 'no benchmark'}, which {rules.name} does not have"


def _of_logs(logs: ForeignLogs, rules: Round, model: str | None) -> Iterator[Measured]:
    detail = read_detail(logs.directory / DETAIL)
    name = model_of(logs, rules) or model or ""
    benchmark = rules.benchmark_of(name) if name else None
    if detail.mode == "performance" and benchmark and detail.scenario:
        yield _row(logs.name, "", name, benchmark, detail.scenario, detail, None, rules)


def _of_result(result: ForeignResult, rules: Round) -> Measured:
    key, detail = result.key, result.performance
    path = manifest_of(detail.path.parent.parent)
    manifest = read_manifest(path) if path.is_file() else None
    benchmark = result.benchmark
    return _row(result.place, key.system, key.model, benchmark, key.scenario, detail, manifest, rules)


def _row(
    place: str,
    system: str,
    model: str,
    benchmark: ModelRules,
    scenario: str,
    detail: DetailLog,
    manifest: Manifest | None,
    rules: Round,
) -> Measured:
    official = rules.model_aliases.get(model, model) == benchmark.name
    return Measured(
        place=place,
        system=system,
        model=model,
        benchmark=benchmark.name,
        network=benchmark.name if official else model,
        scenario=scenario,
        figure=headline(detail, rules, benchmark, scenario),
        validity=detail.validity,
        round=round_of(detail),
        samples=detail.integer("qsl_reported_total_count"),
        data=manifest.dataset.samples_sha256 if manifest and manifest.dataset else None,
        duration_ms=detail.integer("effective_min_duration_ms"),
        limits=_limits(detail),
    )


def _limits(detail: DetailLog) -> str:
    """What LoadGen held a Server run to: one latency, or of tokens that to the first and that of each further one."""
    if detail.scenario != "Server":
        return ""
    limits = _TOKEN_LIMITS if detail.flag("requested_use_token_latencies") else _QUERY_LIMIT
    known = ((name, detail.number(key)) for name, key in limits.items())
    return ", ".join(f"{name}{figures.duration(value)}" for name, value in known if value is not None)
