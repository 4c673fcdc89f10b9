"""Makes results of LoadGen's bare logs: runs of other programs, which no manifest explains.

The detail log tells scenario, mode, LoadGen's version and seeds, the size of the data set and when it was; a directory
named like a benchmark tells the model. What was run on, and in which division it is to count, the user says. Of several
VALID performance runs for which there is an accuracy run of the same LoadGen, seeds and data, the first by ``ranking`` counts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.results.run import DETAIL, ForeignLogs, LeftOut, log_faults
from mlperf_bake.rounds import ModelRules, Round
from mlperf_bake.submission.documents import foreign_readme
from mlperf_bake.submission.foreign import ForeignResult, other_round
from mlperf_bake.submission.foreign_parts import TEST, AccuracyText, result_files
from mlperf_bake.submission.layout import Owner
from mlperf_bake.submission.ranking import Rank, rank_of_log, why_not
from mlperf_bake.submission.runs_file import BENCHMARK, Asked
from mlperf_bake.submission.selection import ResultKey


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """One run: its logs, and what is known of it.

    Attributes:
        logs: where they lie.
        detail: LoadGen's detail log.
        scenario: as a tree names it.
        known: what is known of model, system and division.
        benchmark: what the model stands for; None where it is not known.
    """

    logs: ForeignLogs
    detail: DetailLog
    scenario: str
    known: Mapping[str, str]
    benchmark: ModelRules | None

    @property
    def asked(self) -> Asked:
        """It, as the user is asked about it."""
        return Asked(self.logs.name, self.known, facts(self.detail))

    @property
    def key(self) -> ResultKey:
        """System, model and scenario; only of one that nothing is missing of."""
        return ResultKey(self.known["system"], self.known["model"], self.scenario)


@dataclass(frozen=True, slots=True)
class FromRuns:
    """What the runs make: results, runs that something must be said of first, and what is left out."""

    results: tuple[ForeignResult, ...]
    asked: tuple[Asked, ...]
    left_out: tuple[LeftOut, ...]


def facts(detail: DetailLog) -> str:
    """What a log tells of a run, on one line."""
    parts = [
        f"{detail.scenario} {detail.mode}",
        f"of {detail.text('test_datetime') or 'an unknown day'}",
        f"LoadGen {detail.version}",
        f"{detail.integer('qsl_reported_total_count')} samples",
        f"system under test {detail.text('sut_name') or 'unnamed'}",
    ]
    return ", ".join(parts)


def read_foreign_runs(
    found: Iterable[ForeignLogs],
    said: Mapping[str, Mapping[str, str]],
    otherwise: Mapping[str, str],
    submitter: str,
    rules: Round,
    accuracy_text: AccuracyText,
    scratch: Path,
) -> FromRuns:
    """The results that bare logs make.

    Args:
        said: by directory, what the user says of a run (``read_runs_file``).
        otherwise: what the user says of all of them: values of ``model``, ``system``, ``division`` and ``benchmark``.
        submitter: whose they are.
        accuracy_text: gives the accuracy.txt of an accuracy run.
        scratch: an empty directory for files made here; must outlive the results.
    """
    runs: list[ForeignRun] = []
    tests: list[ForeignLogs] = []
    left_out: list[LeftOut] = []
    for logs in found:
        if any(TEST.fullmatch(part) for part in _parts_of_name(logs)):
            tests.append(logs)
            continue
        try:
            runs.append(_run(logs, {**otherwise, **said.get(logs.name, {})}, rules))
        except UsageError as error:
            left_out.append(_left(logs, error))
    groups: dict[tuple[Owner, ResultKey], list[ForeignRun]] = {}
    for run in runs:
        if not run.asked.missing:
            groups.setdefault((Owner(run.known["division"], submitter), run.key), []).append(run)
    results: list[ForeignResult] = []
    for number, ((owner, key), group) in enumerate(sorted(groups.items(), key=lambda item: item[0])):
        made = scratch / str(number)
        made.mkdir()
        try:
            result, without = _result(owner, key, group, rules, accuracy_text, made)
        except UsageError as error:
            left_out += [_left(run.logs, error) for run in group]
        else:
            results.append(result)
            left_out += without
    left_out += _without_result(tests, results)
    return FromRuns(tuple(results), tuple(run.asked for run in runs if run.asked.missing), tuple(left_out))


def _left(logs: ForeignLogs, error: UsageError) -> LeftOut:
    return LeftOut(logs.name, logs.place, _sentence(error))


def _without_result(tests: Iterable[ForeignLogs], results: Iterable[ForeignResult]) -> Iterator[LeftOut]:
    """Compliance runs that belong to none of the results."""
    placed = {part.source.path for result in results for part in result.parts}
    for logs in tests:
        if logs.directory / DETAIL not in placed:
            yield LeftOut(
                logs.name,
                logs.place,
                "a compliance run without its result: TESTnn belongs beside performance/",
            )


def _run(logs: ForeignLogs, known: Mapping[str, str], rules: Round) -> ForeignRun:
    if not logs.name.isprintable():
        raise UsageError(
            "its path holds characters that cannot be printed, nor written to a file",
            remedy="rename the directory",
        )
    detail = read_detail(logs.directory / DETAIL)
    for reason in log_faults(detail):
        raise UsageError(reason)
    if detail.mode not in ("performance", "accuracy"):
        raise UsageError(f"{detail.mode or 'unknown'} runs are not results")
    if detail.mode == "performance" and detail.validity != "VALID":
        raise UsageError(f"LoadGen calls the run {detail.validity}")
    parts = _parts_of_name(logs)
    scenario = detail.scenario
    if scenario == "Server" and any(part.lower() == "interactive" for part in parts):
        scenario = "Interactive"
    if scenario not in rules.tree.scenarios:
        raise UsageError(f"{scenario} is no scenario", expected=" or ".join(rules.tree.scenarios))
    known = {"model": model_of(logs, rules), **{key: value for key, value in known.items() if value}}
    benchmark = _benchmark(known, rules)
    return ForeignRun(logs, detail, scenario, known, benchmark)


def _parts_of_name(logs: ForeignLogs) -> tuple[str, ...]:
    """The names of the directories from the searched one to the run's."""
    return (logs.root.name, *logs.directory.relative_to(logs.root).parts)


def model_of(logs: ForeignLogs, rules: Round) -> str:
    """The benchmark that one of the directories is named after; empty where none is, or several are."""
    parts = _parts_of_name(logs)
    found = {part for part in parts if part in rules.models or part in rules.model_aliases}
    return found.pop() if len(found) == 1 else ""


def _benchmark(known: Mapping[str, str], rules: Round) -> ModelRules | None:
    """What a run's model stands for; only in the open division something else than its name says.

    Raises:
        UsageError: a division or benchmark that is none.
    """
    model, division, named = known.get("model", ""), known.get("division", ""), known.get(BENCHMARK, "")
    if division and division not in rules.tree.divisions:
        raise UsageError(f'unknown division "{division}"', expected=" or ".join(rules.tree.divisions))
    found = rules.benchmark_of(named or model) if model else None
    if model and found is None:
        raise UsageError(
            f"{named or model} is none of the benchmarks of {rules.name}",
            expected="one of "
            + ", ".join(rules.models)
            + "; of an open model, --benchmark says what it stands for",
        )
    if found and division not in ("", "open") and rules.benchmark_of(model) is not found:
        raise UsageError(f"{model} stands for {found.name} in the open division only")
    return found


def _result(
    owner: Owner,
    key: ResultKey,
    group: Sequence[ForeignRun],
    rules: Round,
    accuracy_text: AccuracyText,
    made: Path,
) -> tuple[ForeignResult, list[LeftOut]]:
    """The result of the best runs that go together, and the others with the reason."""
    newest = sorted(group, key=_time, reverse=True)
    ranks = {
        run.logs.directory: rank_of_log(
            run.detail, rules, run.benchmark.name if run.benchmark else "", owner.division
        )
        for run in newest
    }
    performance = sorted(
        (run for run in newest if run.detail.mode == "performance"),
        key=lambda run: ranks[run.logs.directory],
        reverse=True,
    )
    accuracy = [run for run in newest if run.detail.mode == "accuracy"]
    pair = next(
        ((fast, right) for fast in performance for right in accuracy if _differ(fast, right) is None), None
    )
    if pair is None:
        raise UsageError(_why_none(performance, accuracy))
    fast, right = pair
    model = fast.benchmark
    assert model is not None  # a group's runs have one: nothing is missing of them
    found = result_files(fast.logs, right.logs, fast.detail.scenario, model, accuracy_text(right.logs, model))
    readme = made / "README.md"
    readme.write_text(foreign_readme(key, fast.detail, rules, model), encoding="utf-8")
    remark = other_round(fast.detail, rules)
    result = ForeignResult(
        owner=owner,
        key=key,
        benchmark=model,
        performance=fast.detail,
        parts=found.with_readme(readme),
        measurements=found.measurements,
        place=fast.logs.name,
        remarks=(remark,) if remark else (),
    )
    others = [run for run in newest if run not in pair]
    return result, [
        LeftOut(run.logs.name, run.logs.place, _beaten(run, fast, right, ranks)) for run in others
    ]


def _beaten(run: ForeignRun, fast: ForeignRun, right: ForeignRun, ranks: Mapping[Path, Rank]) -> str:
    """Why a run does not count."""
    if run.detail.mode == "accuracy":
        return f"{right.logs.name} is taken"
    if _differ(run, right) and ranks[run.logs.directory] > ranks[fast.logs.directory]:
        return f"no accuracy run goes with it: {_differ(run, right)} differ"
    return why_not(fast.logs.name, ranks[run.logs.directory], ranks[fast.logs.directory])


def _time(run: ForeignRun) -> str:
    return run.detail.text("test_datetime") or ""


def _differ(one: ForeignRun, other: ForeignRun) -> str | None:
    """What two runs of one result must have in common and do not; None where they go together."""
    reads: tuple[tuple[str, Callable[[DetailLog], object]], ...] = (
        ("LoadGen versions", lambda log: log.version),
        ("seeds", lambda log: [log.integer(f"effective_{name}") for name in _SEEDS]),
        ("sizes of the data set", lambda log: log.integer("qsl_reported_total_count")),
        ("systems under test", lambda log: log.text("sut_name")),
    )
    return next((what for what, read in reads if read(one.detail) != read(other.detail)), None)


_SEEDS: Final = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")


def _why_none(performance: Sequence[ForeignRun], accuracy: Sequence[ForeignRun]) -> str:
    for kind, runs in (("performance", performance), ("accuracy", accuracy)):
        if not runs:
            return f"there is no {kind} run to go with it"
    return f"no accuracy run goes with a performance run: {_differ(performance[0], accuracy[0])} differ"


def _sentence(error: UsageError) -> str:
    where = Path(error.where).name if error.where else ""
    text = f"{where}: {error.problem}" if where else error.problem
    further = (("expected", error.expected), ("remedy:", error.remedy))
    return "; ".join([text, *(f"{name} {value}" for name, value in further if value)])
