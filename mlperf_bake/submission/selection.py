"""Which runs make a result: for each system, model and scenario one performance and one accuracy run, and one run of each
compliance test that was made.

The newest valid performance run wins for which there is an accuracy run of the same image, weights and data
set; of each compliance test the newest valid run that goes with it. Every other run is left out with its reason. Pure:
runs in, pairs and reasons out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mlperf_bake.compliance.audits import tests_of
from mlperf_bake.results.run import LeftOut, Run
from mlperf_bake.rounds import Round


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
    """The two runs of a result, and those of its compliance tests in the tests' order."""

    key: ResultKey
    performance: Run
    accuracy: Run
    compliance: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The results there are, and the runs and scenarios that make none."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]


def select(runs: Iterable[Run], system_of: Callable[[Run], str], rules: Round) -> Selection:
    """Pairs up complete runs.

    Args:
        runs: in order of their start.
        system_of: the name of the system a run was made on.
        rules: the round; runs with other seeds, or of models that are none of its benchmarks, are left out.
    """
    groups: dict[ResultKey, list[Run]] = {}
    left_out: list[LeftOut] = []
    for run in runs:
        reason = _unfit(run, rules)
        if reason:
            left_out.append(_left(run, reason))
            continue
        manifest = run.manifest
        key = ResultKey(system_of(run), manifest.cell.model, manifest.scenario)
        groups.setdefault(key, []).append(run)
    pairs: list[Pair] = []
    for key in sorted(groups):
        pair, reasons = _pair(key, groups[key])
        left_out += reasons
        if pair:
            pairs.append(pair)
    return Selection(tuple(pairs), tuple(left_out))


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


def _pair(key: ResultKey, runs: Sequence[Run]) -> tuple[Pair | None, list[LeftOut]]:
    """The newest pair of runs that belong together, and why the others are left out."""
    performance = [run for run in reversed(runs) if run.manifest.mode == "performance"]
    accuracy = [run for run in reversed(runs) if run.manifest.mode == "accuracy"]
    for fast in performance:
        right = next((run for run in accuracy if same_thing(fast, run) is None), None)
        if right:
            others = [run for run in (*performance, *accuracy) if run not in (fast, right)]
            tests, without = _tests_of(fast, [run for run in reversed(runs) if run.manifest.compliance_test])
            reasons = [_left(run, _reason(run, fast, right)) for run in others]
            return Pair(key, fast, right, tests), [*reasons, *without]
    return None, [_left(run, _alone(run, performance, accuracy)) for run in runs]


def _tests_of(fast: Run, runs: Sequence[Run]) -> tuple[tuple[Run, ...], list[LeftOut]]:
    """The newest run of each compliance test that goes with a performance run; the others with the reason."""
    chosen: dict[str, Run] = {}
    left_out = []
    for run in runs:
        test = run.manifest.compliance_test or ""
        reason = same_thing(run, fast) or _executed_alike(run, fast)
        if reason:
            left_out.append(_left(run, f"it does not go with {fast.manifest.run_id}: {reason}"))
        elif test in chosen:
            left_out.append(_left(run, f"{chosen[test].manifest.run_id} is newer"))
        else:
            chosen[test] = run
    return tuple(chosen[test] for test in sorted(chosen)), left_out


def _executed_alike(one: Run, other: Run) -> str | None:
    """Why a test says nothing about a result: it was run in another way."""
    for name in ("workers", "threads", "batch", "batch_timeout_us"):
        first, second = getattr(one.manifest.settings, name), getattr(other.manifest.settings, name)
        if first != second:
            return f"it was run with {name} {first} instead of {second}"
    return None


def _reason(run: Run, fast: Run, right: Run) -> str:
    chosen = fast if run.manifest.mode == "performance" else right
    if run.manifest.started_at <= chosen.manifest.started_at:
        return f"{chosen.manifest.run_id} is newer"
    return f"no {'accuracy' if chosen is fast else 'performance'} run goes with it: {same_thing(run, chosen)}"


def _alone(run: Run, performance: Sequence[Run], accuracy: Sequence[Run]) -> str:
    if run.manifest.compliance_test:
        return f"there is no result of {run.manifest.cell.model} in {run.manifest.scenario} to go with it"
    others, kind = (
        (accuracy, "accuracy") if run.manifest.mode == "performance" else (performance, "performance")
    )
    if not others:
        return f"there is no {kind} run of {run.manifest.cell.model} in {run.manifest.scenario} to go with it"
    return f"no {kind} run goes with it: {same_thing(run, others[0])}"
