"""`accuracy`: what an accuracy log is worth, against the ground truth and a round's targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note, note_prose, print_json, print_line, print_table
from mlperf_bake.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from mlperf_bake.accuracy.judging import Judged, Judgement
    from mlperf_bake.accuracy.measured import Measured
    from mlperf_bake.accuracy.source import Source as Run

Source = Annotated[
    Path,
    typer.Argument(
        metavar="LOG_OR_RUN",
        help="mlperf_log_accuracy.json, or the directory of an accuracy run that holds it.",
    ),
]
Benchmark = Annotated[
    str | None,
    typer.Option(
        "--benchmark", metavar="NAME", help="The benchmark; else the run's own.", show_default=False
    ),
]
Truth = Annotated[
    str | None,
    typer.Option(
        "--truth",
        metavar="PATH|NAME|sample",
        help="The ground truth: a file, or a prepared data set (directory or name); else that which the run read, if kept.",
        show_default=False,
    ),
]
Tokenizer = Annotated[
    Path | None,
    typer.Option(
        "--tokenizer",
        metavar="PATH",
        help="tokenizer.json of the model, or the directory with it, where responses are tokens.",
        show_default=False,
    ),
]
Features = Annotated[
    Path | None,
    typer.Option(
        "--features",
        metavar="FILE",
        help="Features of generated images (.npz: inception, clip).",
        show_default=False,
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        metavar="TYPE",
        help="Of the numbers in the responses; else the benchmark's.",
        show_default=False,
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(
        "--samples",
        metavar="N",
        min=1,
        help="Samples of the data set, where nothing given tells; else the round's.",
        show_default=False,
    ),
]
Only = Annotated[
    Path | None,
    typer.Option(
        "--only",
        metavar="LOG",
        help="Judge only the samples that this log answers, as TEST01's; both logs can then be compared.",
        show_default=False,
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario", metavar="NAME", help="The scenario; else the run's, else Offline.", show_default=False
    ),
]
RoundName = Annotated[
    str | None,
    typer.Option(
        "--round",
        metavar="NAME",
        help="The MLPerf round; else the run's, else the newest.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="Write accuracy.txt here.", show_default=False),
]


def accuracy(
    source: Source,
    benchmark: Benchmark = None,
    truth_text: Truth = None,
    tokenizer: Tokenizer = None,
    features: Features = None,
    dtype: Dtype = None,
    samples: Samples = None,
    only: Only = None,
    scenario: Scenario = None,
    round_name: RoundName = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure the accuracy of a run, ours or another's, and write accuracy.txt. Exit code 9 if a run of the whole data set
    misses a target of the closed division."""
    from mlperf_bake.accuracy.judging import judge
    from mlperf_bake.accuracy.measured import Given
    from mlperf_bake.accuracy.numbers import check_dtype
    from mlperf_bake.accuracy.registry import task_of
    from mlperf_bake.accuracy.source import answered_samples, open_source
    from mlperf_bake.accuracy.writing import log_sha256, refuse_target, write_accuracy
    from mlperf_bake.rounds import DEFAULT_ROUND, load_round
    from mlperf_bake.rounds.benchmarks import require_benchmark

    run = open_source(source)
    truth = _truth(truth_text, run)
    if out is not None:
        refuse_target(out, (run.log, truth, tokenizer, features, only))
    rules = load_round(round_name or run.round or DEFAULT_ROUND)
    named = benchmark or run.benchmark
    if named is None:
        raise UsageError(
            "the log does not say which benchmark it is of",
            where=str(run.log),
            expected="one of " + ", ".join(sorted(rules.models)),
            remedy="--benchmark NAME",
        )
    chosen = require_benchmark(named, rules, str(run.log))
    if scenario is not None and scenario not in rules.tree.scenarios:
        raise UsageError(
            f'unknown scenario "{scenario}"', expected="one of " + ", ".join(rules.tree.scenarios)
        )
    where = scenario or run.scenario or "Offline"
    task = task_of(chosen.name)
    given = Given(
        truth=truth,
        dtype=check_dtype(dtype) if dtype else None,
        tokenizer=tokenizer,
        features=features,
        samples=samples or chosen.accuracy_sample_count(where),
        only=answered_samples(only) if only else None,
    )
    if truth is None and task.needs_truth:
        raise UsageError(
            "no ground truth was given: the accuracy is not measured",
            where=str(run.log),
            found=f"{run.dataset.name} is not in the cache" if run.dataset else None,
            expected=f"{chosen.name} takes {task.truth}, or a prepared data set",
            remedy="--truth PATH, or the name of a data set: `mlperf-bake data list`",
        )
    measured = task.function()(run.log, given)
    judgement = judge(measured, rules, chosen, where)
    if out is not None:
        write_accuracy(out, measured.line, log_sha256(run.log))
    if json:
        print_json(as_data(run.log, measured, judgement))
    else:
        _print(measured, judgement, out)
    if judgement.missed:
        raise typer.Exit(CheckFailed.exit_code)


def _truth(text: str | None, run: Run) -> Path | None:
    """The ground truth that was asked for, else that of the data set which the run read."""
    from mlperf_bake.accuracy.prepared_truth import given_truth, known_truth
    from mlperf_bake.cli.asset_progress import StepLine

    if text is None:
        found = known_truth(run.dataset)
        if found is not None:
            note(f"held against the data set that the run read: {found}")
        return found
    with StepLine() as progress:
        return given_truth(text, run.dataset, progress)


def as_data(log: Path, measured: Measured, judgement: Judgement) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "log": str(log),
        "benchmark": judgement.benchmark,
        "round": judgement.round,
        "scenario": judgement.scenario,
        "samples": judgement.samples,
        "expected_samples": judgement.expected,
        "repeated": measured.repeated,
        "line": measured.line,
        "metrics": [
            {
                "metric": figure.metric,
                "value": figure.value,
                "least": figure.least,
                "most": figure.most,
                "interval": list(figure.interval) if figure.interval else None,
                "verdict": figure.verdict.value,
                "reason": figure.reason,
            }
            for figure in judgement.figures
        ],
        "figures": dict(measured.figures),
        "also": dict(measured.also),
        "unmeasured": dict(measured.unmeasured),
    }


def _print(measured: Measured, judgement: Judgement, out: Path | None) -> None:
    whole = f" of {judgement.expected}" if judgement.expected not in (None, judgement.samples) else ""
    print_line(
        f"{judgement.benchmark}, {judgement.round}, {judgement.scenario}: {judgement.samples}{whole} samples"
    )
    rows = [
        (figure.metric, _number(figure.value), _limits(figure), _interval(figure), _verdict(figure))
        for figure in judgement.figures
    ]
    print_table(("metric", "value", "target", "95 % interval", "verdict"), rows, least=("95 % interval",))
    for name, value in measured.also.items():
        print_line(f"{name}: {_number(value)}")
    if measured.repeated:
        note(f"{measured.repeated} samples were answered more than once; the first answers count")
    if judgement.samples != judgement.expected and judgement.expected is not None:
        note_prose("The targets are for the whole data set; a part of it gives no verdict.")
    for line in measured.line.splitlines():
        print_line(line)
    if out is not None:
        note(f"written to {out}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}" if abs(value) < 1e6 else f"{value:.1f}"


def _limits(figure: Judged) -> str:
    if figure.least is not None and figure.most is not None:
        return f"{_number(figure.least)} to {_number(figure.most)}"
    return (
        f"at least {_number(figure.least)}" if figure.least is not None else f"at most {_number(figure.most)}"
    )


def _interval(figure: Judged) -> str:
    return f"{_number(figure.interval.low)} to {_number(figure.interval.high)}" if figure.interval else "-"


def _verdict(figure: Judged) -> str:
    return f"{figure.verdict.value}: {figure.reason}" if figure.reason else figure.verdict.value
