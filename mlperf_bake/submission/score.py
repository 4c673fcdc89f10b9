"""What an accuracy run of ours came to: counted by the harness, counted again, or measured as the benchmark's script does.

Image classification is counted by the harness and, with labels, once more here. Other benchmarks are measured by
mlperf_bake.accuracy: now, where the ground truth is at hand, or before, into accuracy.txt beside the run's log.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlperf_bake.accuracy.prepared_truth import known_truth
from mlperf_bake.datasets.prepared import CONF
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_text import read_figures
from mlperf_bake.results.classification import Labels, TopOne, top_one
from mlperf_bake.results.confidence import wilson
from mlperf_bake.results.run import ACCURACY, Run
from mlperf_bake.rounds import ModelRules, Round

if TYPE_CHECKING:
    from mlperf_bake.accuracy.measured import Measured
    from mlperf_bake.results.manifest import Manifest

TEXT: Final = "accuracy.txt"
TOP_ONE: Final = "acc"
_HASH: Final = "hash="


@dataclass(frozen=True, slots=True)
class Score:
    """The accuracy of one run.

    Attributes:
        line: for accuracy.txt, one or more.
        rows: name and figure, for people.
        correct, total: samples, where the metric counts them.
    """

    line: str
    rows: tuple[tuple[str, str], ...]
    correct: int | None = None
    total: int | None = None


def counts_classes(manifest: Manifest, rules: Round) -> bool:
    """Whether the run's benchmark is judged by top-1, so that labels are its ground truth."""
    model = rules.models.get(manifest.cell.benchmark or "")
    return model is None or TOP_ONE in model.accuracy_target


def labels_needed(manifests: Sequence[Manifest], rules: Round) -> bool:
    """Whether ``--data`` must be labels: for any run that is judged by top-1, or where no run says what it is of."""
    return not manifests or any(counts_classes(manifest, rules) for manifest in manifests)


def score(run: Run, rules: Round, labels: Labels | None, truth: Path | None) -> Score:
    """The run's accuracy.

    Args:
        labels: of the data set that classes are counted with again; None: as the harness counted.
        truth: what the user gives as ground truth of the other benchmarks; None: what is there already.

    Raises:
        UsageError: nobody has measured it, or log, labels and manifest disagree.
    """
    manifest = run.manifest
    if counts_classes(manifest, rules):
        return _top_one_score(_counted(run, labels), labels)
    model = rules.models[manifest.cell.benchmark or ""]
    if truth is not None:
        return _measured_score(_measure(run, model, _opened(truth)), f"measured with {truth.name}")
    beside = run.directory / TEXT
    if beside.is_file():
        return _score_beside(run, beside, model, rules)
    known = known_truth(manifest.dataset)
    if known is not None and manifest.dataset is not None:
        return _measured_score(
            _measure(run, model, known), f"measured with the truth of {manifest.dataset.name}"
        )
    raise UsageError(
        "nobody has measured the accuracy",
        found=f"no {TEXT} beside the log",
        expected=f"the line that the accuracy script of {model.name} prints",
        remedy=f"--data with the ground truth, or {_measuring(run, beside)}",
    )


def _measuring(run: Run, beside: Path) -> str:
    """The command that measures a run's accuracy, for a truth that only the user has."""
    where, out = shlex.quote(str(run.directory)), shlex.quote(str(beside))
    return f"mlperf-bake accuracy {where} --truth PATH --out {out}"


def _counted(run: Run, labels: Labels | None) -> TopOne:
    said = run.manifest.accuracy
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


def _top_one_score(found: TopOne, labels: Labels | None) -> Score:
    where = f"counted again with {labels.dataset.name}" if labels else "as counted by the harness"
    interval = wilson(found.correct, found.total)
    rows = (
        ("Top-1", f"{found.percent:.3f} % ({found.correct} of {found.total}), {where}"),
        ("Top-1, 95 % confidence (Wilson)", f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"),
    )
    return Score(found.line, rows, found.correct, found.total)


def _measure(run: Run, model: ModelRules, truth: Path) -> Measured:
    from mlperf_bake.accuracy.measured import Given
    from mlperf_bake.accuracy.registry import task_of

    given = Given(truth=truth, samples=model.accuracy_sample_count(run.manifest.scenario))
    return task_of(model.name).function()(run.file(ACCURACY), given)


def _opened(truth: Path) -> Path:
    """What the benchmark takes: of a prepared data set, the ground truth that it brings."""
    return truth_of(truth) if (truth / CONF).is_file() else truth


def _measured_score(measured: Measured, where: str) -> Score:
    rows = [(name, f"{value:.6g}, {where}") for name, value in measured.figures.items()]
    rows += [
        (f"{name}, 95 % confidence", f"{one.low:.6g} to {one.high:.6g}")
        for name, one in measured.intervals.items()
    ]
    rows += [(name[:1].upper() + name[1:], f"{value:.6g}") for name, value in measured.also.items()]
    return Score(measured.line, tuple(rows))


def _score_beside(run: Run, beside: Path, model: ModelRules, rules: Round) -> Score:
    """As `mlperf-bake accuracy --out` left it; its hash must be of this run's log.

    Raises:
        UsageError: it is of another log, or holds no figure of the benchmark.
    """
    from mlperf_bake.accuracy.writing import log_sha256

    try:
        text = beside.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{TEXT} cannot be read", where=str(beside), found=str(error)[:200]) from error
    lines = text.splitlines()
    hashes = [line.removeprefix(_HASH).strip() for line in lines if line.startswith(_HASH)]
    expected = log_sha256(run.file(ACCURACY))
    again = _measuring(run, beside)
    if hashes != [expected]:
        raise UsageError(
            f"{TEXT} is of another accuracy log",
            where=str(beside),
            found=f"{_HASH}{hashes[0]}" if hashes else f"no line {_HASH}...",
            expected=f"{_HASH}{expected}",
            remedy=again,
        )
    found = read_figures(text, rules.tree.accuracy_lines, model.accuracy_target)
    if not found:
        raise UsageError(
            f"{TEXT} gives no figure of {model.name}",
            where=str(beside),
            found=lines[0][:80] if lines else "an empty file",
            expected=", ".join(model.accuracy_target),
            remedy=again,
        )
    kept = "\n".join(line for line in lines if line.strip() and not line.startswith(_HASH))
    return Score(
        kept, tuple((name, f"{value:.6g}, as measured beside the run") for name, value in found.items())
    )
