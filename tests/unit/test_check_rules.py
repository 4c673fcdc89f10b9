"""Every rule: a tree that breaks nothing is valid, and each way to break it is named by rule, file and fix."""

import re
import shutil
from pathlib import Path

import pytest

from mlperf_bake.check.engine import rules
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import State
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.submission_trees import (
    CLOSED,
    GIVEN,
    OPEN,
    Break,
    add_compliance,
    build,
    cut,
    edit,
    found,
    json_key,
    judged,
    log_error,
    move,
    remove,
    setting,
    text,
)
from tests.support.synthetic_runs import (
    OTHER_FINGERPRINT,
    ROUND,
    RunSpec,
    official,
    summary_text,
    write_pair,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A valid tree of each division, to be copied."""
    opened = build(tmp_path_factory.mktemp("open"), RunSpec(), "open")
    closed = build(tmp_path_factory.mktemp("closed"), RunSpec(model="resnet50"), "closed")
    add_compliance(closed)
    return {"open": opened, "closed": closed}


@pytest.fixture
def opened(made: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made["open"], tmp_path / "tree"))


@pytest.fixture
def closed(made: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made["closed"], tmp_path / "tree"))


def test_valid_trees_are_valid(opened: Path, made: dict[str, Path]) -> None:
    for tree in (opened, made["closed"]):
        verdict = judged(tree)
        errors = [finding for finding in verdict.findings if finding.breach.severity is Severity.ERROR]
        assert [
            (one.rule, one.breach.problem, one.breach.path) for one in errors if "division" not in one.rule
        ] == []
    assert judged(opened).state is State.VALID
    assert judged(opened).exit_code == 0
    assert judged(opened).findings == ()


BREACHES: list[tuple[str, str, Break]] = [
    (
        "accuracy.metric",
        "accuracy.txt",
        text(f"{OPEN.accuracy}/accuracy.txt", f"good={'9' * 5000}, total={'9' * 5000}\nhash={'a' * 64}"),
    ),
    (
        "provenance.manifest",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "started_at", value="0001-01-01T00:00:00Z"),
    ),
    # rule, file (or its end), how
    ("submitter.src", "src", remove("open/Me/src")),
    (
        "submitter.mapping",
        "model_mapping.json",
        text("open/Me/model_mapping.json", '{"efficientnet-lite0": "best"}'),
    ),
    ("submitter.mapping", "model_mapping.json", text("open/Me/model_mapping.json", '{"a": ')),
    ("submitter.mapping", "model_mapping.json", text("open/Me/model_mapping.json", '{"a": {}}')),
    ("submitter.results", "Other", text("open/Other/LICENSE", "x")),
    ("submitter.results", ".git", lambda tree: (tree / "open/.git").mkdir()),
    ("system.network", "box.json", json_key(OPEN.system, "is_network", value=False)),
    ("system.notes", "box.json", json_key(OPEN.system, "sw_notes", value=["N/A"])),
    ("system.status", "box.json", json_key(OPEN.system, "status", value=" available")),
    ("system.file", "box.json", remove(OPEN.system)),
    ("system.file", "box.json", text(OPEN.system, "[]")),
    ("system.file", "box.json", text(OPEN.system, '{"division": "open", "division": "open"}')),
    ("system.keys", "box.json", json_key(OPEN.system, "cooling", value=...)),
    ("system.keys", "box.json", json_key(OPEN.system, "is_network", value="true")),
    ("system.values", "box.json", json_key(OPEN.system, "cooling", value="")),
    ("system.counts", "box.json", json_key(OPEN.system, "accelerators_per_node", value=0)),
    ("system.counts", "box.json", json_key(OPEN.system, "accelerators_per_node", value="N/A")),
    ("system.counts", "box.json", json_key(OPEN.system, "number_of_nodes", value="one")),
    ("system.counts", "box.json", json_key(OPEN.system, "number_of_nodes", value=None)),
    ("system.status", "box.json", json_key(OPEN.system, "status", value="soon")),
    ("system.type", "box.json", json_key(OPEN.system, "system_type", value="desk")),
    ("system.owner", "box.json", json_key(OPEN.system, "submitter", value="You")),
    ("system.owner", "box.json", json_key(OPEN.system, "submitter", value=" Me")),
    ("system.owner", "box.json", json_key(OPEN.system, "division", value="closed")),
    ("system.empty", "none", lambda tree: (tree / "open/Me/results/none").mkdir()),
    ("model.benchmark", "toaster", move(OPEN.model, f"{OPEN.submitter}/results/box/toaster")),
    ("model.scenario", "Offine", move(OPEN.result, f"{OPEN.model}/Offine")),
    ("model.spelling", "OFFLINE", move(OPEN.result, f"{OPEN.model}/OFFLINE")),
    (
        "accuracy.metric",
        "accuracy.txt",
        edit(f"{OPEN.accuracy}/accuracy.txt", "^", "accuracy=76.4.6%\n"),
    ),
    (
        "accuracy.hash",
        "accuracy.txt",
        edit(f"{OPEN.accuracy}/accuracy.txt", "\n+hash", "\x0chash"),
    ),
    ("model.scenario", "resnet50", lambda tree: (tree / "open/Me/results/box/resnet50").mkdir()),
    ("measurements.files", "user.conf", remove(f"{OPEN.result}/user.conf")),
    ("measurements.files", "README.md", text(f"{OPEN.result}/README.md", "")),
    ("measurements.json", "measurements.json", remove(f"{OPEN.result}/measurements.json")),
    ("measurements.json", "measurements.json", text(f"{OPEN.result}/measurements.json", "{")),
    (
        "measurements.values",
        "measurements.json",
        json_key(f"{OPEN.result}/measurements.json", "retraining", value=""),
    ),
    ("performance.files", "mlperf_log_summary.txt", remove(f"{OPEN.run}/mlperf_log_summary.txt")),
    ("performance.files", "mlperf_log_detail.txt", remove(OPEN.detail)),
    ("performance.files", "mlperf_log_detail.txt", remove(f"{OPEN.result}/performance")),
    ("performance.whole", "mlperf_log_detail.txt", cut(OPEN.detail)),
    ("performance.whole", "mlperf_log_detail.txt", setting(OPEN.detail, "result_validity", None)),
    ("performance.whole", "mlperf_log_detail.txt", text(OPEN.detail, "")),
    (
        "performance.mode",
        "mlperf_log_detail.txt",
        setting(OPEN.detail, "effective_test_mode", "AccuracyOnly"),
    ),
    ("performance.scenario", "mlperf_log_detail.txt", setting(OPEN.detail, "effective_scenario", "Server")),
    ("performance.valid", "mlperf_log_detail.txt", setting(OPEN.detail, "result_validity", "INVALID")),
    ("performance.errors", "mlperf_log_detail.txt", log_error(OPEN.detail)),
    (
        "performance.summary",
        "mlperf_log_summary.txt",
        text(f"{OPEN.run}/mlperf_log_summary.txt", summary_text(RunSpec(scenario="Server"))),
    ),
    (
        "performance.sample_count",
        "mlperf_log_detail.txt",
        setting(OPEN.detail, "effective_performance_sample_count", 1023),
    ),
    ("performance.seeds", "mlperf_log_detail.txt", setting(OPEN.detail, "effective_qsl_rng_seed", 1)),
    ("performance.seeds", "mlperf_log_detail.txt", setting(OPEN.detail, "effective_schedule_rng_seed", None)),
    (
        "performance.duration",
        "mlperf_log_detail.txt",
        setting(OPEN.detail, "effective_min_duration_ms", 599_999),
    ),
    ("performance.queries", "mlperf_log_detail.txt", setting(OPEN.detail, "effective_min_query_count", 0)),
    ("performance.result", "mlperf_log_detail.txt", setting(OPEN.detail, "result_samples_per_second", None)),
    (
        "performance.result",
        "mlperf_log_detail.txt",
        setting(OPEN.detail, "result_samples_per_second", -318.4),
    ),
    (
        "performance.early_stopping",
        "mlperf_log_detail.txt",
        setting(OPEN.detail.replace("Offline", "MultiStream"), "early_stopping_met", False),
    ),
    ("accuracy.files", "accuracy", remove(OPEN.accuracy)),
    ("accuracy.files", "accuracy.txt", remove(f"{OPEN.accuracy}/accuracy.txt")),
    ("accuracy.files", "mlperf_log_summary.txt", remove(f"{OPEN.accuracy}/mlperf_log_summary.txt")),
    ("accuracy.files", "mlperf_log_accuracy.json", remove(f"{OPEN.accuracy}/mlperf_log_accuracy.json")),
    ("accuracy.whole", "mlperf_log_detail.txt", cut(f"{OPEN.accuracy}/mlperf_log_detail.txt")),
    (
        "accuracy.whole",
        "mlperf_log_detail.txt",
        setting(f"{OPEN.accuracy}/mlperf_log_detail.txt", "generated_query_count", 49_999),
    ),
    (
        "accuracy.whole",
        "mlperf_log_detail.txt",
        setting(f"{OPEN.accuracy}/mlperf_log_detail.txt", "effective_test_mode", "PerformanceOnly"),
    ),
    (
        "accuracy.scenario",
        "mlperf_log_detail.txt",
        setting(f"{OPEN.accuracy}/mlperf_log_detail.txt", "effective_scenario", "Server"),
    ),
    ("accuracy.errors", "mlperf_log_detail.txt", log_error(f"{OPEN.accuracy}/mlperf_log_detail.txt")),
    (
        "accuracy.seeds",
        "mlperf_log_detail.txt",
        setting(f"{OPEN.accuracy}/mlperf_log_detail.txt", "effective_qsl_rng_seed", 1),
    ),
    (
        "accuracy.dataset",
        "mlperf_log_detail.txt",
        setting(f"{OPEN.accuracy}/mlperf_log_detail.txt", "qsl_reported_total_count", 49_999),
    ),
    ("accuracy.metric", "accuracy.txt", edit(f"{OPEN.accuracy}/accuracy.txt", "accuracy=.*", "top1=76")),
    ("accuracy.hash", "accuracy.txt", edit(f"{OPEN.accuracy}/accuracy.txt", "hash=.*", "")),
    ("accuracy.hash", "accuracy.txt", edit(f"{OPEN.accuracy}/accuracy.txt", "hash=.*", "hash=abc")),
    ("accuracy.hash", "accuracy.txt", text(f"{OPEN.accuracy}/mlperf_log_accuracy.json", "[\n]\n")),
    ("accuracy.share", "accuracy.txt", edit(f"{OPEN.accuracy}/accuracy.txt", "good=38228", "good=38300")),
    (
        "accuracy.share",
        "accuracy.txt",
        edit(f"{OPEN.accuracy}/accuracy.txt", "76.456.*total=50000", "100%, good=20, total=20"),
    ),
    (
        "accuracy.log_size",
        "mlperf_log_accuracy.json",
        text(f"{OPEN.accuracy}/mlperf_log_accuracy.json", "x" * 10_241),
    ),
    ("accuracy.summary", "mlperf_log_summary.txt", text(f"{OPEN.accuracy}/mlperf_log_summary.txt", "\n")),
    ("provenance.manifest", "manifest.json", remove(f"{OPEN.run}/manifest.json")),
    ("provenance.manifest", "manifest.json", cut(f"{OPEN.run}/manifest.json")),
    (
        "provenance.finished",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "status", value="interrupted"),
    ),
    (
        "provenance.agree",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "loadgen", "version", value="6.0.0"),
    ),
    (
        "provenance.place",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "cell", "model", value="resnet50"),
    ),
    (
        "provenance.place",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "cell", "round", value="v6.0"),
    ),
    (
        "provenance.one_thing",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "fingerprint", value=OTHER_FINGERPRINT),
    ),
    (
        "provenance.one_thing",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "weights", "sha256", value="7" * 64),
    ),
    (
        "provenance.time",
        "manifest.json",
        json_key(f"{OPEN.run}/manifest.json", "ended_at", value="2026-11-22T09:00:00Z"),
    ),
    (
        "provenance.time",
        "mlperf_log_detail.txt",
        setting(OPEN.detail, "test_datetime", "2025-01-01T00:00:00Z"),
    ),
    (
        "provenance.accuracy",
        "accuracy.txt",
        edit(f"{OPEN.accuracy}/accuracy.txt", "76.456%, good=38228", "76.458%, good=38229"),
    ),
    (
        "provenance.run_ids",
        "manifest.json",
        lambda tree: shutil.copy(
            tree / OPEN.run / "manifest.json",
            tree / OPEN.run.replace("Offline", "SingleStream") / "manifest.json",
        ),
    ),
    ("tree.links", "link", lambda tree: (tree / OPEN.result / "link").symlink_to("/etc/hostname")),
]


@pytest.mark.parametrize(
    ("rule", "file", "break_it"),
    BREACHES,
    ids=[f"{rule}-{index}" for index, (rule, _, _) in enumerate(BREACHES)],
)
def test_a_breach_is_named_by_rule_and_file(opened: Path, rule: str, file: str, break_it: Break) -> None:
    break_it(opened)
    verdict = judged(opened)
    assert verdict.state is State.INVALID
    assert verdict.exit_code == 9
    findings = [one.breach for one in found(verdict, rule) if one.breach.severity is Severity.ERROR]
    assert findings
    assert file in {breach.path.name for breach in findings}
    assert all(breach.problem and not breach.demonstration for breach in findings)
    assert all(breach.expected or breach.found for breach in findings)


CLOSED_BREACHES: list[tuple[str, str, Break]] = [
    ("model.required", "resnet50", remove(f"{CLOSED.model}/MultiStream")),
    (
        "model.required",
        "Server",
        lambda tree: shutil.copytree(tree / CLOSED.result, tree / CLOSED.model / "Server"),
    ),
    ("model.required", "box.json", json_key(CLOSED.system, "system_type", value="datacenter")),
    ("system.network", "box.json", json_key(CLOSED.system, "is_network", value="true")),
    (
        "accuracy.target",
        "accuracy.txt",
        edit(f"{CLOSED.accuracy}/accuracy.txt", "76.456%, good=38228", "75.000%, good=37500"),
    ),
    (
        "performance.queries",
        "mlperf_log_detail.txt",
        setting(CLOSED.detail, "effective_samples_per_query", 24_575),
    ),
    ("performance.network", "mlperf_log_detail.txt", json_key(CLOSED.system, "is_network", value="true")),
    ("compliance.tests", "TEST04", remove(f"{CLOSED.result}/TEST04")),
    (
        "compliance.verified",
        "verify_performance.txt",
        remove(f"{CLOSED.result}/TEST04/verify_performance.txt"),
    ),
    (
        "compliance.verified",
        "verify_performance.txt",
        text(f"{CLOSED.result}/TEST04/verify_performance.txt", "TEST FAIL\n"),
    ),
    ("compliance.verified", "accuracy", text(f"{CLOSED.result}/TEST01/verify_accuracy.txt", "TEST FAIL\n")),
    ("compliance.files", "run_1", text(f"{CLOSED.result}/TEST01/performance/run_1/more.txt", "x")),
    ("compliance.files", "run_1", remove(f"{CLOSED.result}/TEST01/performance/run_1")),
    ("compliance.files", "run_1", text(f"{CLOSED.result}/TEST01/performance/run_1/manifest.json", "{}")),
    (
        "compliance.TEST01.seeds",
        "mlperf_log_detail.txt",
        setting(
            f"{CLOSED.result}/TEST01/performance/run_1/mlperf_log_detail.txt", "effective_qsl_rng_seed", 1
        ),
    ),
    (
        "compliance.TEST04.duration",
        "mlperf_log_detail.txt",
        setting(
            f"{CLOSED.result}/TEST04/performance/run_1/mlperf_log_detail.txt", "effective_min_duration_ms", 1
        ),
    ),
    (
        "provenance.division",
        "manifest.json",
        json_key(f"{CLOSED.run}/manifest.json", "cell", "division", value="open"),
    ),
]


@pytest.mark.parametrize(
    ("rule", "file", "break_it"),
    CLOSED_BREACHES,
    ids=[f"{rule}-{index}" for index, (rule, _, _) in enumerate(CLOSED_BREACHES)],
)
def test_a_breach_of_the_closed_division_is_named(
    closed: Path, rule: str, file: str, break_it: Break
) -> None:
    assert judged(closed).state is State.VALID
    break_it(closed)
    verdict = judged(closed)
    assert verdict.state is State.INVALID
    assert file in {one.breach.path.name for one in found(verdict, rule)}


def test_every_line_of_a_metric_is_held_against_its_target(closed: Path) -> None:
    file = closed / CLOSED.accuracy / "accuracy.txt"
    lines = file.read_text(encoding="utf-8")
    file.write_text(lines.replace("\n\nhash", "\naccuracy=12.5%, good=1, total=8\n\nhash"), encoding="utf-8")
    (below,) = found(judged(closed), "accuracy.target")
    assert below.breach.found == "12.5"
    (several,) = found(judged(closed), "accuracy.metric")
    assert several.breach.severity is Severity.WARNING


def test_a_compliance_log_is_mended_by_the_test_and_no_other_run(closed: Path) -> None:
    detail = f"{CLOSED.result}/TEST01/performance/run_1/mlperf_log_detail.txt"
    setting(detail, "effective_qsl_rng_seed", 1)(closed)
    (finding,) = found(judged(closed), "compliance.TEST01.seeds")
    assert finding.breach.fix.startswith("mlperf-bake build resnet50 && mlperf-bake compliance resnet50")
    cut(detail)(closed)
    (damaged, *_) = found(judged(closed), "compliance.TEST01.whole")
    assert "mlperf-bake run" not in damaged.breach.fix


def test_test01_may_pass_by_accuracy(closed: Path) -> None:
    test = closed / CLOSED.result / "TEST01"
    (test / "verify_accuracy.txt").write_text("TEST FAIL\n", encoding="utf-8")
    (test / "accuracy").mkdir()
    for name, figure in (
        ("baseline_accuracy.txt", 76.456),
        ("compliance_accuracy.txt", 76.0),
        ("accuracy.txt", 76.0),
        ("mlperf_log_accuracy.json", 0),
    ):
        (test / "accuracy" / name).write_text(f"accuracy={figure}%, good=1, total=2\n", encoding="utf-8")
    assert judged(closed).state is State.VALID
    (test / "accuracy" / "compliance_accuracy.txt").write_text(
        "accuracy=75.0%, good=1, total=2\n", encoding="utf-8"
    )
    assert "at most 1 % apart" in found(judged(closed), "compliance.verified")[0].breach.expected


def test_the_server_limit_is_judged(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", official(RunSpec(scenario="Server")))
    collect(
        [DirectoryPlace(tmp_path / "results")],
        tmp_path / "tree",
        CollectOptions("Me", system="box", given=GIVEN),
    )
    tree = tmp_path / "tree"
    assert judged(tree).state is State.VALID
    detail = OPEN.detail.replace("Offline", "Server")
    setting(detail, "effective_target_latency_ns", 15_000_001)(tree)
    (finding,) = found(judged(tree), "performance.latency")
    assert finding.breach.expected == "at most 15000000 ns"
    assert finding.breach.line is not None


def test_a_line_number_leads_to_the_line(opened: Path) -> None:
    setting(OPEN.detail, "effective_min_duration_ms", 1)(opened)
    (finding,) = found(judged(opened), "performance.duration")
    lines = finding.breach.path.read_text(encoding="utf-8").splitlines()
    assert finding.breach.line is not None
    assert "effective_min_duration_ms" in lines[finding.breach.line - 1]


WARNINGS: list[tuple[str, Break]] = [
    ("tree.stray", text("notes.txt", "x")),
    ("submitter.stray", text("open/Me/notes.txt", "x")),
    ("submitter.orphans", text("open/Me/systems/other.json", "{}")),
    ("performance.stray", text(f"{OPEN.run}/core.dump", "x")),
    ("performance.stray", text(f"{OPEN.result}/performance/run_2/mlperf_log_detail.txt", "x")),
    ("performance.version", setting(OPEN.detail, "loadgen_version", "5.1.2 @ x")),
    ("accuracy.version", setting(f"{OPEN.accuracy}/mlperf_log_detail.txt", "loadgen_version", "6.0.16 @ x")),
]


@pytest.mark.parametrize(
    ("rule", "break_it"), WARNINGS, ids=[f"{rule}-{index}" for index, (rule, _) in enumerate(WARNINGS)]
)
def test_what_is_only_odd_is_a_warning(opened: Path, rule: str, break_it: Break) -> None:
    break_it(opened)
    findings = found(judged(opened), rule)
    assert [one.breach.severity for one in findings] == [Severity.WARNING]


def test_an_inferred_result_is_marked_and_allowed_on_edge_systems(opened: Path) -> None:
    for kind in ("performance/run_1", "accuracy"):
        source = opened / OPEN.model / "SingleStream" / kind
        shutil.rmtree(opened / OPEN.result / kind)
        shutil.copytree(source, opened / OPEN.result / kind)
        (opened / OPEN.result / kind / "manifest.json").unlink()
    verdict = judged(opened)
    assert [one.breach.severity for one in found(verdict, "performance.scenario")] == [Severity.NOTE]
    offline = next(result for result in verdict.results if result.scenario == "Offline")
    assert offline.figure is not None
    assert offline.figure.inferred_from == "SingleStream"
    json_key(OPEN.system, "system_type", value="datacenter")(opened)
    assert judged(opened).state is State.INVALID


@pytest.mark.parametrize("below", ["open", "open/Me", "open/Me/results/box"])
def test_a_tree_one_level_too_low_is_told_where_its_root_is(opened: Path, below: str) -> None:
    (finding,) = found(judged(opened / below), "tree.root")
    assert finding.breach.fix == f"mlperf-bake check {opened}"


def test_a_tree_one_level_too_high_is_told_where_its_root_is(opened: Path) -> None:
    (finding,) = found(judged(opened.parent), "tree.root")
    assert finding.breach.fix == f"mlperf-bake check {opened}"


def test_a_wrong_root_is_mended_for_the_round_that_was_asked_for(opened: Path) -> None:
    for place in (opened / "open", opened.parent):
        (finding,) = found(judged(place, "v5.1"), "tree.root")
        assert finding.breach.fix == f"mlperf-bake check {opened} --round v5.1"
    shutil.rmtree(opened / OPEN.submitter)
    (finding,) = found(judged(opened, "v5.1"), "tree.results")
    assert finding.breach.fix == f"mlperf-bake collect ./results --out {opened} --round v5.1"


@pytest.mark.parametrize("target", [f"{OPEN.model}/Offine", f"{OPEN.submitter}/results/box/toaster/Offline"])
def test_what_no_rule_of_a_result_can_judge_is_not_called_valid(opened: Path, target: str) -> None:
    (opened / target).parent.mkdir(exist_ok=True)
    (opened / OPEN.result).rename(opened / target)
    (result,) = (one for one in judged(opened).results if target.endswith(f"{one.model}/{one.scenario}"))
    assert result.state is State.INVALID


def test_a_log_that_cannot_be_read_says_what_is_expected(opened: Path) -> None:
    text(f"{OPEN.run}/mlperf_log_summary.txt", "x" * 2**20 + "x")(opened)
    (finding,) = found(judged(opened), "performance.files")
    assert finding.breach.expected == f"at most {2**20} bytes"


def test_a_log_without_a_version_is_no_other_loadgen(opened: Path) -> None:
    text(OPEN.detail, "")(opened)
    assert found(judged(opened), "accuracy.version") == []


def test_a_directory_of_runs_is_told_to_be_collected(tmp_path: Path) -> None:
    write_pair(tmp_path, RunSpec())
    (finding,) = judged(tmp_path).findings
    assert finding.breach.fix == f"mlperf-bake collect {tmp_path} --out submission"


def test_an_empty_directory_and_empty_divisions_are_invalid(tmp_path: Path) -> None:
    assert [one.rule for one in judged(tmp_path).findings] == ["tree.root"]
    (tmp_path / "open").mkdir()
    assert [one.rule for one in judged(tmp_path).findings] == ["tree.results"]
    assert judged(tmp_path).state is State.INVALID


def test_a_tree_of_another_round_breaks_its_seeds_and_layout(opened: Path) -> None:
    verdict = judged(opened, "v5.1")
    broken = {one.rule for one in verdict.findings}
    assert {"performance.seeds", "submitter.src", "measurements.json"} <= broken
    (finding,) = found(verdict, "provenance.round")
    assert finding.breach.fix == f"mlperf-bake check {opened} --round v6.1"
    (next((opened / "open").iterdir()) / "measurements").mkdir()
    (finding,) = found(judged(opened, "v5.1"), "provenance.round")
    again = f"{opened}-v6.1 --round v6.1"
    assert finding.breach.fix == f"mlperf-bake collect {opened} --out {again} && mlperf-bake check {again}"
    setting(OPEN.detail, "effective_qsl_rng_seed", 1)(opened)
    assert found(judged(opened, "v5.1"), "provenance.round") == []


def test_every_rule_has_words_and_a_source() -> None:
    table = rules()
    assert len({rule.id for rule in table}) == len(table)
    for rule in table:
        assert rule.text.endswith(".")
        assert rule.source


def test_every_rule_is_broken_by_some_test() -> None:
    covered = {rule for rule, *_ in (*BREACHES, *CLOSED_BREACHES, *WARNINGS)}
    elsewhere = {
        "tree.root",
        "tree.results",
        "tree.size",
        "submitter.name",
        "performance.latency",
        "performance.audit",
        "performance.tokens",
        "provenance.demonstration",
        "provenance.round",
    }
    bad_input = {
        "tree.names",
        "tree.readable",
        "tree.special",
        "accuracy.outputs",
        "compliance.audit",
        "provenance.copied",
        "provenance.machine",
    }
    power = {rule.id for rule in rules() if rule.id.startswith("power.")} | {"system.nameplate"}
    endpoints = {rule.id for rule in rules() if rule.id.startswith("endpoints.")}
    elsewhere |= bad_input | power | endpoints
    assert {rule.id for rule in rules()} - covered == elsewhere


def test_audit_tokens_and_size_rules(opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detail = opened / OPEN.detail
    lines = detail.read_text(encoding="utf-8").splitlines(keepends=True)
    warning = lines[0].replace('"is_warning": false', '"is_warning": true')
    warning = re.sub('"value": "[^"]*"', '"value": "Found Audit Config file"', warning).replace(
        "loadgen_version", "generic"
    )
    detail.write_text("".join([*lines[:5], warning, *lines[5:]]), encoding="utf-8")
    assert [one.breach.line for one in found(judged(opened), "performance.audit")] == [6]
    monkeypatch.setattr("mlperf_bake.check.tree_rules.LARGE_FILE", 10)
    assert found(judged(opened), "tree.size")
    text("open/Me/model_mapping.json", '{"llama": "llama2-70b-99.9"}')(opened)
    move(OPEN.model, "open/Me/results/box/llama")(opened)
    problems = [one.breach.problem for one in found(judged(opened), "performance.tokens")]
    assert "token latencies were not measured" in problems
    text("open/Me/model_mapping.json", '{"llama": "llama3.1-8b-edge"}')(opened)
    problems = [one.breach.problem for one in found(judged(opened), "performance.tokens")]
    assert set(problems) == {"token latencies were not measured"}


def test_the_rounds_seeds_are_what_the_tests_log() -> None:
    assert load_round("v6.1").seeds == ROUND.seeds


@pytest.mark.parametrize("division", ["open", "closed"])
def test_an_offline_log_says_how_large_its_query_was_in_every_division(
    made: dict[str, Path], tmp_path: Path, division: str
) -> None:
    tree = Path(shutil.copytree(made[division], tmp_path / "tree"))
    detail = OPEN.detail if division == "open" else CLOSED.detail
    setting(detail, "effective_samples_per_query", None)(tree)
    problems = [one.breach.problem for one in found(judged(tree), "performance.queries")]
    assert problems == ["the log does not say how large the Offline query was"]


def test_offline_of_a_benchmark_without_a_least_query_is_refused_as_by_the_official_checker(
    opened: Path,
) -> None:
    text("open/Me/model_mapping.json", '{"thinker": "qwen3.6-27b"}')(opened)
    move(OPEN.model, "open/Me/results/box/thinker")(opened)
    problems = {one.breach.problem for one in found(judged(opened), "performance.queries")}
    assert "v6.1 has no least Offline query of qwen3.6-27b: the official checker ends here" in problems


def test_token_benchmarks_log_their_samples_a_second_too(opened: Path) -> None:
    text("open/Me/model_mapping.json", '{"talker": "deepseek-r1"}')(opened)
    move(OPEN.model, "open/Me/results/box/talker")(opened)
    log = "open/Me/results/box/talker/Offline/performance/run_1/mlperf_log_detail.txt"
    setting(log, "result_samples_per_second", None)(opened)
    problems = {one.breach.problem for one in found(judged(opened), "performance.result")}
    assert "the log holds no result_samples_per_second" in problems
