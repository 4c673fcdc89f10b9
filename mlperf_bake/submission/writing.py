"""Writes results of our own runs into a tree of a round: logs, manifests, user.conf, and the texts about them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.accuracy.writing import write_accuracy
from mlperf_bake.compliance.placing import Judged, judge, place
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.run import ACCURACY, DETAIL, MANIFEST, SUMMARY, USER_CONF, Run
from mlperf_bake.rounds import Round
from mlperf_bake.submission import documents
from mlperf_bake.submission.describing import (
    Declared,
    earlier_values,
    manifests_below,
    write_json,
    write_measurements,
)
from mlperf_bake.submission.foreign_tree import MAPPING
from mlperf_bake.submission.layout import Owner, result_paths, source_path
from mlperf_bake.submission.loadgen_conf import complete_conf
from mlperf_bake.submission.power import is_measured, place_power
from mlperf_bake.submission.score import Score
from mlperf_bake.submission.selection import Pair
from mlperf_bake.submission.shortening import shorten
from mlperf_bake.submission.whole_logs import WholeLog


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a pair of runs.

    Attributes:
        directory: the result in the tree.
        unknown: keys of the measurements' JSON that nobody has said.
        log: the accuracy log, if it is in the tree shortened.
        tests: the compliance tests that were made for it.
    """

    directory: Path
    unknown: tuple[str, ...]
    log: WholeLog | None
    tests: tuple[Judged, ...] = ()


def write_pair(
    tree: Path,
    owner: Owner,
    pair: Pair,
    score: Score,
    rules: Round,
    given: Mapping[str, str],
    declared: Declared,
    truth: Path | None = None,
) -> Written:
    """Replaces one result in the tree.

    Args:
        score: its accuracy.
        given: what the user says, of measurements.json among others.
        declared: what is declared of a run's weights.
        truth: the data set with its ground truth, where it is at hand.
    """
    paths = result_paths(tree, rules, owner, pair.key)
    earlier = earlier_values(paths.measurements_json)
    paths.clear()
    performance, accuracy = paths.results / "performance" / "run_1", paths.results / "accuracy"
    for run, target in ((pair.performance, performance), (pair.accuracy, accuracy)):
        target.mkdir(parents=True)
        for name in (SUMMARY, DETAIL, MANIFEST):
            shutil.copyfile(run.file(name), target / name)
    if is_measured(pair.performance.directory):
        place_power(pair.performance.directory, performance.parent)
    paths.measurements.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pair.performance.file(USER_CONF), paths.measurements / USER_CONF)
    complete_conf(paths.measurements, read_detail(pair.performance.file(DETAIL)), rules)
    sha256 = shorten(pair.accuracy.file(ACCURACY), accuracy / ACCURACY)
    write_accuracy(accuracy / "accuracy.txt", score.line, sha256)
    manifest = pair.performance.manifest
    model = rules.models[manifest.cell.benchmark or ""]
    readme = documents.result_readme(pair, rules, model, score)
    (paths.measurements / "README.md").write_text(readme, encoding="utf-8")
    unknown = write_measurements(paths.measurements_json, manifest, rules, given, declared, earlier)
    log = _shortened(pair.accuracy, accuracy / ACCURACY, tree, sha256)
    tests = judge(pair.compliance, pair.performance, pair.accuracy, rules, truth)
    for test in tests:
        place(test.test, test.run.directory, test.texts, paths.compliance)
    return Written(paths.results, unknown, log, tests)


def _shortened(run: Run, target: Path, tree: Path, sha256: str) -> WholeLog | None:
    """A run's accuracy log, where the tree does not hold the whole of it."""
    size = run.file(ACCURACY).stat().st_size
    if size == target.stat().st_size:
        return None
    return WholeLog(sha256, size, whole_log_place(run), target.relative_to(tree).as_posix())


def whole_log_place(run: Run) -> str:
    """Where the user has a run's accuracy log: a path, or the tar file or volume and the run in it."""
    there = run.file(ACCURACY).resolve()
    if there.is_relative_to(Path(run.place).resolve()):
        return str(there)
    return f"{run.place}: {run.manifest.run_id}/{ACCURACY}"


def write_texts(tree: Path, owner: Owner, rules: Round) -> None:
    """The sources' README, documentation/ and model_mapping.json, for our own runs that are in the tree now."""
    submitter = owner.path(tree)
    manifests = manifests_below(submitter)
    source = source_path(tree, rules, owner)
    source.mkdir(parents=True, exist_ok=True)
    (submitter / "documentation").mkdir(exist_ok=True)
    (source / "README.md").write_text(documents.source_readme(manifests), encoding="utf-8")
    calibration = submitter / "documentation" / "calibration.md"
    if not calibration.exists():
        calibration.write_text(documents.calibration(manifests), encoding="utf-8")
    benchmarks = {manifest.cell.model: manifest.cell.benchmark or "" for manifest in manifests}
    mapped = earlier_values(submitter / MAPPING) | benchmarks
    foreign = {model: name for model, name in mapped.items() if model not in rules.models}
    if owner.division == "open" and foreign:
        write_json(submitter / MAPPING, dict(sorted(foreign.items())))
