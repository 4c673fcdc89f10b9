"""`judge`: one compliance test from logs that are there, ours or another program's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import print_json, print_line
from mlperf_bake.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from mlperf_bake.compliance.evidence import Evidence

Test = Annotated[str, typer.Argument(metavar="TESTnn", help="The test: TEST01, TEST04, ...")]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="The directory of the test's run, with LoadGen's logs.")
]
Performance = Annotated[
    Path | None,
    typer.Option("--performance", metavar="DIR", help="The result's performance run.", show_default=False),
]
Accuracy = Annotated[
    Path | None,
    typer.Option("--accuracy", metavar="DIR", help="The result's accuracy run.", show_default=False),
]
Benchmark = Annotated[
    str | None,
    typer.Option(
        "--benchmark", metavar="NAME", help="The benchmark; else the run's own.", show_default=False
    ),
]
Scenario = Annotated[
    str | None, typer.Option("--scenario", "-s", help="The scenario; else the run's own.", show_default=False)
]
Truth = Annotated[
    str | None,
    typer.Option(
        "--truth",
        metavar="PATH",
        help="The ground truth, as mlperf-bake accuracy takes it.",
        show_default=False,
    ),
]
Tokenizer = Annotated[
    Path | None,
    typer.Option(
        "--tokenizer", metavar="PATH", help="tokenizer.json, where responses are tokens.", show_default=False
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
    typer.Option(
        "--out", "-o", metavar="DIR", help="Lay the test out in this directory of a tree.", show_default=False
    ),
]


def judge(
    test: Test,
    run: Run,
    performance: Performance = None,
    accuracy: Accuracy = None,
    benchmark: Benchmark = None,
    scenario: Scenario = None,
    truth: Truth = None,
    tokenizer: Tokenizer = None,
    round_name: RoundName = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Judge one compliance test by its logs, whichever program made them, and write the files of a submission.

    Exit code 9 where it did not pass.
    """
    from mlperf_bake.compliance.placing import place
    from mlperf_bake.compliance.verify import verify

    evidence = _evidence(test, run, performance, accuracy, benchmark, scenario, truth, tokenizer, round_name)
    if out and (out / test).exists():
        raise UsageError(
            "the test is there already", where=str(out / test), remedy="give another --out, or remove it"
        )
    found = verify(evidence)
    if out:
        place(test, run, found.texts, out)
    if json:
        print_json(
            {
                "test": test,
                "benchmark": evidence.benchmark.name,
                "scenario": evidence.scenario,
                "round": evidence.rules.name,
                "verdict": "passed" if found.passed else "failed",
                "reasons": list(found.reasons),
                "remarks": list(found.remarks),
                "files": dict(found.texts),
            }
        )
    else:
        for name, text in found.texts.items():
            print_line(f"{name}:")
            for line in text.splitlines():
                print_line(f"  {line}")
        for remark in found.remarks:
            print_line(remark)
    if not found.passed:
        raise CheckFailed(f"{test} did not pass", where=str(run), found="; ".join(found.reasons))


def _evidence(
    test: str,
    run: Path,
    performance: Path | None,
    accuracy: Path | None,
    benchmark: str | None,
    scenario: str | None,
    truth: str | None,
    tokenizer: Path | None,
    round_name: str | None,
) -> Evidence:
    from mlperf_bake.accuracy.measured import Given
    from mlperf_bake.accuracy.prepared_truth import given_truth
    from mlperf_bake.compliance.accuracies import measuring
    from mlperf_bake.compliance.audits import audit
    from mlperf_bake.compliance.evidence import Evidence
    from mlperf_bake.progress import silent
    from mlperf_bake.results.loadgen_log import read_detail
    from mlperf_bake.results.manifest import read_manifest
    from mlperf_bake.results.run import DETAIL, MANIFEST
    from mlperf_bake.rounds import DEFAULT_ROUND, load_round
    from mlperf_bake.rounds.benchmarks import require_benchmark
    from mlperf_bake.run.workload import scenario_from

    for option, given in (("RUN", run), ("--performance", performance), ("--accuracy", accuracy)):
        if given is not None and not given.is_dir():
            raise UsageError(
                f"{option} is no directory of a run",
                where=str(given),
                found="a file" if given.exists() else "nothing",
                expected=f"a directory with LoadGen's logs, {DETAIL} among them",
                remedy=f"{given.parent}, where that is it" if given.is_file() else "check the path",
            )
    manifest = read_manifest(run / MANIFEST) if (run / MANIFEST).is_file() else None
    rules = load_round(round_name or (manifest.cell.round if manifest else DEFAULT_ROUND))
    named = benchmark or (manifest.cell.benchmark if manifest else None)
    if not named:
        raise UsageError(
            "the run does not say which benchmark it is of",
            where=str(run),
            expected="one of " + ", ".join(sorted(rules.models)),
            remedy="--benchmark NAME",
        )
    rules_of = require_benchmark(named, rules, str(run))
    settings = audit(test, rules, rules_of.name)
    logged = manifest.scenario if manifest else read_detail(run / DETAIL).scenario
    held = given_truth(truth, manifest.dataset if manifest else None, silent) if truth else None
    return Evidence(
        settings,
        rules,
        rules_of,
        scenario_from(scenario or logged or ""),
        run,
        performance,
        accuracy,
        measuring(rules_of.name, Given(truth=held, tokenizer=tokenizer)) if held else None,
    )
