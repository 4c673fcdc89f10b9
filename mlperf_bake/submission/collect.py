"""Collects runs into a submission tree (docs/contracts.md, "Submission tree").

Results are added to a tree that is already there: each (system, model, scenario) is replaced as a whole,
everything else stays as it is. The tree changes in one step or not at all (``replacement``). No value in it
is invented (``system``).
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.errors import BakeError, NothingSelected, UsageError
from mlperf_bake.results.classification import Labels, TopOne, read_labels, top_one
from mlperf_bake.results.manifest import Accuracy, Manifest
from mlperf_bake.results.place import Place
from mlperf_bake.results.printable import printable
from mlperf_bake.results.run import ACCURACY, DETAIL, MANIFEST, SUMMARY, USER_CONF, LeftOut, Run, read_runs
from mlperf_bake.rounds import DEFAULT_ROUND, ModelRules, Round, load_round
from mlperf_bake.submission import documents
from mlperf_bake.submission.completing import completing_commands
from mlperf_bake.submission.describing import (
    MEASUREMENTS,
    Unknown,
    earlier_values,
    manifests_below,
    write_json,
    write_measurements,
    write_system,
)
from mlperf_bake.submission.replacement import replacing
from mlperf_bake.submission.selection import Pair, select
from mlperf_bake.submission.shortening import accuracy_text, shorten
from mlperf_bake.submission.system import system_name

_DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


def _undeclared(manifest: Manifest) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What the user decides about a tree.

    Attributes:
        submitter: name of the organisation; a directory of the tree.
        round: name of the round.
        division: None: each cell's own.
        system: name of the system; None: from processor and runtime.
        given: values for the system description and measurements.json (``read_system_file``).
        data: a prepared data set to count the accuracy again with; None: believe the manifests.
        declared: gives the values for measurements.json that are declared for a run's weights.
    """

    submitter: str
    round: str = DEFAULT_ROUND
    division: str | None = None
    system: str | None = None
    given: Mapping[str, str] | None = None
    data: Path | None = None
    declared: Callable[[Manifest], Mapping[str, str]] = _undeclared


@dataclass(frozen=True, slots=True)
class CollectedResult:
    """One result that is now in the tree."""

    directory: Path
    pair: Pair
    top_one: TopOne


@dataclass(frozen=True, slots=True)
class Collected:
    """What a call did.

    Attributes:
        tree: the submission tree.
        results: what was added or replaced, by system, model and scenario.
        left_out: runs that are not in it, with the reason.
        unknown: by system, what nobody has said yet.
    """

    tree: Path
    results: tuple[CollectedResult, ...]
    left_out: tuple[LeftOut, ...]
    unknown: tuple[Unknown, ...]


def collect(
    places: Sequence[Place], out: Path, options: CollectOptions, waiting: Callable[[], None] | None = None
) -> Collected:
    """Reads the runs in the places and lays their results out below ``out``.

    Args:
        waiting: called once if another collect is writing beside ``out``.

    Raises:
        UsageError: a place cannot be read, options that contradict the runs, or ``out`` is something else.
        NothingSelected: no run makes a result; says why for each.
    """
    rules = load_round(options.round)
    _check_names(options, rules)
    _check_out(out, rules)
    labels = read_labels(options.data) if options.data else None
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-collect-") as scratch:
        runs = read_runs(places, Path(scratch))
        selection = select(runs.complete, lambda run: options.system or system_name(run.manifest), rules)
        counted, uncounted = _count(selection.pairs, labels)
        left_out = (*runs.left_out, *selection.left_out, *uncounted)
        if not counted:
            raise _nothing(places, runs.complete, left_out)
        with replacing(out, waiting) as tree:
            results, unknown = _write(tree, out, counted, rules, options, labels)
    return Collected(out, results, left_out, unknown)


def _nothing(places: Sequence[Place], runs: Sequence[Run], left_out: Sequence[LeftOut]) -> NothingSelected:
    reasons = "\n            ".join(printable(f"{item.run_id}: {item.reason}") for item in left_out)
    return NothingSelected(
        "no run makes a result",
        where=", ".join(place.label for place in places),
        found=reasons or "no runs",
        expected="a valid performance run and an accuracy run of the same image and data in one scenario",
        remedy="\n            ".join(completing_commands(runs)),
    )


def _check_out(out: Path, rules: Round) -> None:
    """Refuses a directory that holds something else, so that nobody's files end up in a submission."""
    if not out.exists():
        return
    children = [child.name for child in out.iterdir()] if out.is_dir() else [""]
    if children and not any(name in rules.tree.divisions for name in children):
        raise UsageError(
            "there is something else where the tree should be",
            where=str(out),
            expected="nothing, or a submission tree with closed/ or open/",
            remedy="give another directory with --out",
        )


def _check_names(options: CollectOptions, rules: Round) -> None:
    """Refuses names that cannot be directories of the tree."""
    for option, name in (("--submitter", options.submitter), ("--system", options.system)):
        if name is not None and not _DIRECTORY.fullmatch(name):
            raise UsageError(
                f"{option} cannot be the name of a directory",
                found=repr(name),
                expected="letters, digits, '.', '_', '+' and '-', a letter or digit first",
            )
    if options.division is not None and options.division not in rules.tree.divisions:
        expected = "one of " + ", ".join(rules.tree.divisions)
        raise UsageError(f'unknown division "{options.division}"', expected=expected)


def _count(
    pairs: Sequence[Pair], labels: Labels | None
) -> tuple[list[tuple[Pair, TopOne]], tuple[LeftOut, ...]]:
    """The accuracy of each pair: counted again if there are labels, else as the manifest says."""
    counted: list[tuple[Pair, TopOne]] = []
    left_out: list[LeftOut] = []
    for pair in pairs:
        manifest = pair.accuracy.manifest
        try:
            counted.append((pair, _accuracy(pair.accuracy, manifest.accuracy, labels)))
        except BakeError as error:
            left_out.append(LeftOut(manifest.run_id, pair.accuracy.place, str(error).replace("\n ", "; ")))
    return counted, tuple(left_out)


def _accuracy(run: Run, said: Accuracy | None, labels: Labels | None) -> TopOne:
    if labels is None:
        if said is None or said.metric != "top1":
            raise UsageError(
                "the manifest holds no top-1", remedy="give the prepared data set with --data DIR"
            )
        return TopOne(said.correct, said.total)
    dataset = run.manifest.dataset
    if dataset and dataset.labels_sha256 and dataset.labels_sha256 != labels.dataset.labels_sha256:
        raise UsageError(
            "the run used other labels than the data set given",
            found=dataset.labels_sha256,
            expected=labels.dataset.labels_sha256,
        )
    found = top_one(run.file(ACCURACY), labels)
    if said and (said.correct, said.total) != (found.correct, found.total):
        raise UsageError(
            "the accuracy log and the manifest disagree",
            found=f"{found.correct} of {found.total} in the log",
            expected=f"{said.correct} of {said.total} as in the manifest",
        )
    return found


def _write(
    tree: Path,
    out: Path,
    counted: Sequence[tuple[Pair, TopOne]],
    rules: Round,
    options: CollectOptions,
    labels: Labels | None,
) -> tuple[tuple[CollectedResult, ...], tuple[Unknown, ...]]:
    results: list[CollectedResult] = []
    unknown: list[Unknown] = []
    where = f"counted again with {labels.dataset.name}" if labels else "as counted by the harness"
    for division in sorted({_division(pair, options) for pair, _ in counted}):
        submitter = tree / division / options.submitter
        mine = [(pair, share) for pair, share in counted if _division(pair, options) == division]
        missing: dict[str, list[str]] = {}
        for pair, share in mine:
            directory = submitter / "results" / pair.key.system / pair.key.model / pair.key.scenario
            missing.setdefault(pair.key.system, []).extend(
                _write_result(directory, pair, share, rules, options, where)
            )
            results.append(CollectedResult(out / directory.relative_to(tree), pair, share))
        _write_texts(submitter, division, rules)
        for system, keys in missing.items():
            unknown += write_system(submitter, system, rules, options.given or {}, out, keys)
    return tuple(results), tuple(unknown)


def _division(pair: Pair, options: CollectOptions) -> str:
    return options.division or pair.performance.manifest.cell.division


def _model(pair: Pair, rules: Round) -> ModelRules:
    return rules.models[pair.performance.manifest.cell.benchmark or ""]


def _write_result(
    directory: Path, pair: Pair, share: TopOne, rules: Round, options: CollectOptions, counted: str
) -> tuple[str, ...]:
    """One result's directory, new; gives the keys of measurements.json that nobody has said."""
    earlier = earlier_values(directory / MEASUREMENTS)
    if directory.exists():
        shutil.rmtree(directory)
    performance, accuracy = directory / "performance" / "run_1", directory / "accuracy"
    performance.mkdir(parents=True)
    accuracy.mkdir()
    for run, target in ((pair.performance, performance), (pair.accuracy, accuracy)):
        for name in (SUMMARY, DETAIL, MANIFEST):
            shutil.copyfile(run.file(name), target / name)
    shutil.copyfile(pair.performance.file(USER_CONF), directory / USER_CONF)
    sha256 = shorten(pair.accuracy.file(ACCURACY), accuracy / ACCURACY)
    (accuracy / "accuracy.txt").write_text(
        accuracy_text(share.correct, share.total, sha256), encoding="utf-8"
    )
    readme = documents.result_readme(pair, rules, _model(pair, rules), share, counted)
    (directory / "README.md").write_text(readme, encoding="utf-8")
    manifest = pair.performance.manifest
    return write_measurements(directory, manifest, rules, options.given or {}, options.declared, earlier)


def _write_texts(submitter: Path, division: str, rules: Round) -> None:
    """src/, documentation/ and model_mapping.json, for everything that is in the tree now."""
    manifests = manifests_below(submitter)
    (submitter / "src").mkdir(parents=True, exist_ok=True)
    (submitter / "documentation").mkdir(exist_ok=True)
    (submitter / "src" / "README.md").write_text(documents.source_readme(manifests), encoding="utf-8")
    calibration = submitter / "documentation" / "calibration.md"
    if not calibration.exists():
        calibration.write_text(documents.calibration(manifests), encoding="utf-8")
    benchmarks = {manifest.cell.model: manifest.cell.benchmark or "" for manifest in manifests}
    mapped = earlier_values(submitter / "model_mapping.json") | benchmarks
    foreign = {model: name for model, name in mapped.items() if model not in rules.models}
    if division == "open" and foreign:
        write_json(submitter / "model_mapping.json", dict(sorted(foreign.items())))
