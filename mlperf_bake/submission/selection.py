"""Which runs make a result: for each system, model and scenario one performance and one accuracy run, and one run of each
compliance test that was made.

Of the valid performance runs for which there is an accuracy run of the same image, weights and data set, the first by
``ranking`` counts, or the one that the user names; of accuracy runs and of each compliance test's, the best that goes with it.
Every other run is left out with its reason. Pure: runs in, pairs and reasons out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mlperf_bake.compliance.audits import tests_of
from mlperf_bake.errors import UsageError
from mlperf_bake.results.run import LeftOut, Run
from mlperf_bake.rounds import Round
from mlperf_bake.submission.ranking import Rank, rank_of, why, why_not


@dataclass(frozen=True, slots=True, order=True)
class ResultKey:
    """What a result is a result of; also its directory in the tree."""

    system: str
    model: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.system}/{self.model}/{self.scenario}"


@dataclass(frozen=True, slots=True)
class Pair:
    """The two runs of a result, and those of its compliance tests in the tests' order.

    Attributes:
        because: why this performance run counts, where others could have.
    """

    key: ResultKey
    performance: Run
    accuracy: Run
    compliance: tuple[Run, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The results there are, and the runs and scenarios that make none."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]


def select(
    runs: Iterable[Run],
    system_of: Callable[[Run], str],
    rules: Round,
    named: Collection[str] = (),
    division: str | None = None,
) -> Selection:
    """Pairs up complete runs.

    Args:
        runs: in order of their start.
        system_of: the name of the system a run was made on.
        rules: the round; runs with other seeds, or of models that are none of its benchmarks, are left out.
        named: ids of runs that the user names: they come before all others of their kind.
        division: of all results; None: each cell's own.

    Raises:
        UsageError: a run that is named is not there, or can be part of no result.
    """
    groups: dict[ResultKey, list[Run]] = {}
    left_out: list[LeftOut] = []
    every = tuple(runs)
    _refuse_unknown(named, every)
    for run in every:
        reason = _unfit(run, rules)
        if reason and run.manifest.run_id in named:
            raise UsageError("the run cannot be part of a result", where=run.manifest.run_id, found=reason)
        if reason:
            left_out.append(_left(run, reason))
            continue
        manifest = run.manifest
        key = ResultKey(system_of(run), manifest.cell.model, manifest.scenario)
        groups.setdefault(key, []).append(run)
    pairs: list[Pair] = []
    for key in sorted(groups):
        pair, reasons = _pair(key, _Candidates(tuple(groups[key]), frozenset(named)), rules, division)
        left_out += reasons
        if pair:
            pairs.append(pair)
    return Selection(tuple(pairs), tuple(left_out))


def _refuse_unknown(named: Collection[str], runs: Sequence[Run]) -> None:
    there = [run.manifest.run_id for run in runs]
    for name in named:
        if name not in there:
            near = get_close_matches(name, there, 1)
            raise UsageError(
                f'there is no run "{name}"' + (f' (did you mean "{near[0]}"?)' if near else ""),
                expected="the id of a complete run in the places given",
                remedy="the ids are the names of the runs' directories",
            )


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The runs of a result, in order of their start, and the ids that the user names."""

    runs: tuple[Run, ...]
    named: frozenset[str]

    def of(self, mode: str) -> list[Run]:
        """Those of a mode, newest first; only those that are named, where any is."""
        newest = [run for run in reversed(self.runs) if run.manifest.mode == mode]
        return [run for run in newest if run.manifest.run_id in self.named] or newest


def _left(run: Run, reason: str) -> LeftOut:
    return LeftOut(run.manifest.run_id, run.place, reason)


def _unfit(run: Run, rules: Round) -> str | None:
    """Why a run cannot be part of any result of the round."""
    manifest = run.manifest
    seeds = rules.seeds_of(manifest.compliance_test or "")
    for (name, found), (_, expected) in zip(manifest.loadgen.seeds.items(), seeds.items(), strict=True):
        if found != expected:
            return f"{name} is {found}, in {rules.name} it is {expected}: run it with an image of that round"
    if manifest.cell.benchmark not in rules.models:
        return f"the model {manifest.cell.model} is none of the benchmarks of {rules.name}"
    test = manifest.compliance_test
    if test and test not in tests_of(rules, manifest.cell.benchmark or ""):
        return f"{test} is no compliance test of {manifest.cell.benchmark} in {rules.name}"
    if manifest.mode != "accuracy" and manifest.result is not None and manifest.result.validity != "VALID":
        said = "; ".join(manifest.result.reasons)
        return "LoadGen calls the run INVALID" + (f": {said}" if said else "")
    if manifest.mode == "accuracy" and manifest.dataset is not None and manifest.dataset.synthetic:
        return "the samples were synthetic: accuracy was not measured"
    return None


def same_thing(one: Run, other: Run) -> str | None:
    """Why two runs do not belong to one result; None if they do."""
    first, second = one.manifest, other.manifest
    if first.fingerprint != second.fingerprint:
        return f"fingerprints differ: {_short(first.fingerprint)} and {_short(second.fingerprint)}"
    pairs = [
        ("cells", first.cell.id, second.cell.id),
        ("backends", first.backend, second.backend),
        ("weights", first.weights, second.weights),
        ("data sets", first.dataset, second.dataset),
    ]
    return next((f"{what} differ" for what, left, right in pairs if left != right), None)


def _short(fingerprint: str | None) -> str:
    return fingerprint.removeprefix("sha256:")[:12] if fingerprint else "none"


def _pair(
    key: ResultKey, candidates: _Candidates, rules: Round, division: str | None
) -> tuple[Pair | None, list[LeftOut]]:
    """The best pair of runs that belong together, and why the others are left out."""
    runs, accuracy = candidates.runs, candidates.of("accuracy")
    performance = candidates.of("performance")
    tests = [run for run in reversed(runs) if run.manifest.compliance_test]
    able = [run for run in performance if any(same_thing(run, other) is None for other in accuracy)]
    if not able:
        return None, [_left(run, _alone(run, performance, accuracy)) for run in runs]
    ranks = {run.manifest.run_id: _rank(run, tests, rules, division) for run in able}
    fast = max(able, key=lambda run: ranks[run.manifest.run_id])
    right = next(run for run in accuracy if same_thing(fast, run) is None)
    chosen, without = _tests_of(fast, tests, rules, division)
    others = [run for run in runs if run not in (fast, right) and not run.manifest.compliance_test]
    reasons = [_left(run, _reason(run, fast, right, candidates.named, ranks)) for run in reversed(others)]
    beaten = [rank for run_id, rank in ranks.items() if run_id != fast.manifest.run_id]
    named = fast.manifest.run_id in candidates.named
    because = "it was named" if named else why("it", ranks[fast.manifest.run_id], beaten)
    return Pair(key, fast, right, chosen, because), [*reasons, *without]


def _rank(run: Run, tests: Sequence[Run], rules: Round, division: str | None) -> Rank:
    going = {test.manifest.compliance_test for test in tests if _belongs(test, run) is None}
    return rank_of(run.manifest, rules, division or run.manifest.cell.division, len(going))


def _belongs(test: Run, fast: Run) -> str | None:
    """Why a compliance test's run says nothing about a performance run; None where it does."""
    return same_thing(test, fast) or _executed_alike(test, fast)


def _tests_of(
    fast: Run, runs: Sequence[Run], rules: Round, division: str | None
) -> tuple[tuple[Run, ...], list[LeftOut]]:
    """The best run of each compliance test that goes with a performance run; the others with the reason."""
    going: dict[str, list[Run]] = {}
    left_out = []
    for run in runs:
        reason = _belongs(run, fast)
        if reason:
            left_out.append(_left(run, f"it does not go with {fast.manifest.run_id}: {reason}"))
        else:
            going.setdefault(run.manifest.compliance_test or "", []).append(run)
    chosen = []
    for _, some in sorted(going.items()):
        ranks = {
            run.manifest.run_id: rank_of(run.manifest, rules, division or run.manifest.cell.division)
            for run in some
        }
        best = max(some, key=lambda run: ranks[run.manifest.run_id])
        chosen.append(best)
        left_out += [
            _left(run, _told(run, best, ranks[run.manifest.run_id], ranks[best.manifest.run_id]))
            for run in some
            if run is not best
        ]
    return tuple(chosen), left_out


def _told(run: Run, chosen: Run, rank: Rank, first: Rank) -> str:
    return why_not(chosen.manifest.run_id, rank, first)


def _executed_alike(one: Run, other: Run) -> str | None:
    """Why a test says nothing about a result: it was run in another way."""
    for name in ("workers", "threads", "batch", "batch_timeout_us", *_rates(one, other)):
        first, second = getattr(one.manifest.settings, name), getattr(other.manifest.settings, name)
        if first != second:
            return f"it was run with {name} {first} instead of {second}"
    return None


def _rates(one: Run, other: Run) -> tuple[str, ...]:
    """What both were told of rate and latency; a rate that the harness found for itself differs from run to run."""
    if one.manifest.scenario not in ("Server", "Interactive"):
        return ()
    told = all(run.manifest.settings.target_qps_source == "user" for run in (one, other))
    return ("target_qps", "target_latency_ms") if told else ("target_latency_ms",)


def _reason(run: Run, fast: Run, right: Run, named: Collection[str], ranks: Mapping[str, Rank]) -> str:
    chosen = fast if run.manifest.mode == "performance" else right
    if chosen.manifest.run_id in named and run.manifest.run_id not in named:
        return f"{chosen.manifest.run_id} was named"
    if chosen is fast and run.manifest.run_id in ranks:
        return _told(run, fast, ranks[run.manifest.run_id], ranks[fast.manifest.run_id])
    unlike = same_thing(run, chosen)
    if chosen is right and unlike is None:
        return f"{chosen.manifest.run_id} is newer"
    return f"no {'accuracy' if chosen is fast else 'performance'} run goes with it: {unlike}"


def _alone(run: Run, performance: Sequence[Run], accuracy: Sequence[Run]) -> str:
    if run.manifest.compliance_test:
        return f"there is no result of {run.manifest.cell.model} in {run.manifest.scenario} to go with it"
    others, kind = (
        (accuracy, "accuracy") if run.manifest.mode == "performance" else (performance, "performance")
    )
    if not others:
        return f"there is no {kind} run of {run.manifest.cell.model} in {run.manifest.scenario} to go with it"
    return f"no {kind} run goes with it: {same_thing(run, others[0])}"
