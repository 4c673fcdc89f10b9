"""The texts of a submission tree, written from the manifests and logs: README of a result, src/,
documentation/.

Every figure in them comes from a run's own files. A demonstration says so in its first line.
"""

import shlex
from collections.abc import Iterable, Sequence

from mlperf_bake import __version__
from mlperf_bake.results.headline import headline
from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.results.manifest import Manifest
from mlperf_bake.results.run import Run
from mlperf_bake.rounds import ModelRules, Round
from mlperf_bake.submission.score import Score
from mlperf_bake.submission.selection import Pair, ResultKey

UNKNOWN = "unknown"


def _table(rows: Iterable[tuple[str, object]]) -> list[str]:
    lines = ["| | |", "|---|---|"]
    return lines + [f"| {name} | {_cell(value)} |" for name, value in rows if value not in (None, "")]


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _code(value: object) -> str | None:
    return f"`{value}`" if value else None


def demonstration_reasons(runs: Iterable[Run]) -> tuple[str, ...]:
    """Why the runs are a demonstration, each reason once."""
    return tuple(dict.fromkeys(reason for run in runs for reason in run.manifest.demonstration))


def result_readme(pair: Pair, rules: Round, model: ModelRules, score: Score) -> str:
    """README.md of one result."""
    manifest = pair.performance.manifest
    lines = [f"# {manifest.cell.model}, {manifest.scenario}", ""]
    reasons = demonstration_reasons((pair.performance, pair.accuracy))
    if reasons:
        lines += [
            "**This is a demonstration and no MLPerf result:**",
            *(f"- {reason}" for reason in reasons),
            "",
        ]
    lines += _figures(pair, rules, model, score)
    lines += _how(pair)
    lines += _setting(manifest)
    return "\n".join(lines) + "\n"


def _figures(pair: Pair, rules: Round, model: ModelRules, score: Score) -> list[str]:
    detail = pair.performance.detail
    figure = headline(detail, rules, model, pair.key.scenario)
    percentiles = [f"p{float(name):g} {value / 1e6:.3f}" for name, value in detail.percentiles_ns.items()]
    rows = [
        (f"Performance (`{figure.field}`)" if figure else "Performance", figure),
        ("LoadGen says", detail.validity),
        ("Latency, ms", ", ".join(percentiles)),
        *score.rows,
    ]
    return ["## Figures", "", *_table(rows), ""]


def _how(pair: Pair) -> list[str]:
    lines = ["## How it was run", ""]
    manifest = pair.performance.manifest
    rows = [
        ("Cell", _code(manifest.cell.id)),
        ("Image fingerprint", _code(manifest.fingerprint)),
        ("Image digest", _code(manifest.image_digest)),
        ("Performance run", _run(pair.performance)),
        ("Accuracy run", _run(pair.accuracy)),
    ]
    lines += [*_table(rows), "", "Arguments of the image, performance then accuracy:", ""]
    lines += [f"    {shlex.join(run.manifest.argv)}" for run in (pair.performance, pair.accuracy)]
    lines += [
        "",
        "`accuracy/mlperf_log_accuracy.json` may be shortened; `accuracy/accuracy.txt` holds the hash of the",
    ]
    lines += ["whole log, which stays with the accuracy run.", ""]
    return lines


def _run(run: Run) -> str:
    manifest = run.manifest
    ended = f" to {manifest.ended_at:%H:%M:%S}" if manifest.ended_at else ""
    return f"`{manifest.run_id}`, {manifest.started_at:%Y-%m-%d %H:%M:%S}{ended} UTC"


def _setting(manifest: Manifest) -> list[str]:
    settings, dataset, weights = manifest.settings, manifest.dataset, manifest.weights
    host = manifest.host
    rows: list[tuple[str, object]] = [
        ("Backend", " ".join(filter(None, (manifest.backend.name, manifest.backend.version)))),
        ("Execution provider", manifest.backend.provider),
        ("LoadGen", f"{manifest.loadgen.version} @ {manifest.loadgen.revision or UNKNOWN}"),
        *((name, value) for name, value in manifest.loadgen.seeds.items()),
        ("Workers x threads", f"{settings.workers} x {settings.threads}"),
        ("Batch, time-out in us", f"{settings.batch}, {settings.batch_timeout_us}"),
        ("Pinning", settings.pin),
        ("Minimum duration, ms", settings.duration_ms),
        ("Target QPS", settings.target_qps),
        ("Weights", f"`{weights.file}`, sha256 `{weights.sha256 or UNKNOWN}`" if weights else None),
        (
            "Data set",
            f"{dataset.name}, {dataset.count} samples, {dataset.preprocessing}" if dataset else None,
        ),
        ("Processor", host.cpu_model),
        ("Logical processors used", host.usable_cpus),
        ("Operating system in the image", host.os),
        ("Kernel", host.kernel),
    ]
    return ["## Setting", "", *_table(rows)]


def source_readme(manifests: Sequence[Manifest]) -> str:
    """src/README.md: what the results of these runs were made with, so that anyone can make them again."""
    images = dict.fromkeys((manifest.cell.id, manifest.fingerprint) for manifest in manifests)
    lines = [
        "# Source",
        "",
        f"The results were collected by mlperf-bake {__version__} (Apache-2.0) from runs of its images. The Dockerfile of",
        "each image is `images/<hardware>/<cell>/Dockerfile` of the mlperf-bake repository, the harness is in its",
        "`harness/`. `mlperf-bake plan` prints an image's fingerprint; the same fingerprint is the same image.",
        "",
        "| cell | fingerprint |",
        "|---|---|",
    ]
    lines += [
        f"| `{cell}` | {_code(fingerprint) or 'built without mlperf-bake'} |" for cell, fingerprint in images
    ]
    return "\n".join(lines) + "\n"


def calibration(manifests: Sequence[Manifest]) -> str:
    """documentation/calibration.md: the precision of each model; how it was quantized is the user's to say."""
    lines = ["# Calibration", ""]
    precisions = dict.fromkeys((manifest.cell.model, manifest.cell.precision) for manifest in manifests)
    for model, precision in precisions:
        if precision == "fp32":
            lines.append(f"- {model}: weights in fp32, not quantized; no calibration.")
        else:
            lines.append(
                f"- {model}: weights in {precision or UNKNOWN}. Describe here how they were calibrated."
            )
    return "\n".join(lines) + "\n"


def foreign_readme(key: ResultKey, detail: DetailLog, rules: Round, model: ModelRules) -> str:
    """README.md of a result of another program's runs: what its log tells; how to run it again is the user's to say."""
    rows: list[tuple[str, object]] = [
        ("Performance", headline(detail, rules, model, key.scenario)),
        ("LoadGen says", detail.validity),
        ("LoadGen", f"{detail.version} @ {detail.revision or UNKNOWN}"),
        ("Measured", detail.text("test_datetime")),
        ("System under test, as it calls itself", detail.text("sut_name")),
        ("Samples of the data set", detail.integer("qsl_reported_total_count")),
    ]
    lines = [f"# {key.model}, {key.scenario}", "", *_table(rows), ""]
    lines.append("Measured with another program than mlperf-bake. Describe here how to run it again.")
    return "\n".join(lines) + "\n"
