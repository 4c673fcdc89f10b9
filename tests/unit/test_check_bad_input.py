"""What nobody meant to submit: links, pipes, odd names, other encodings, two systems in one place, endless logs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.check.data import as_data
from mlperf_bake.check.inventory import Kind, take_inventory
from mlperf_bake.check.report import plain
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import State
from mlperf_bake.cli.output import print_json
from mlperf_bake.compliance.audits import Audit
from tests.support.submission_trees import (
    CLOSED,
    OPEN,
    Break,
    add_compliance,
    build,
    found,
    json_key,
    judged,
    setting,
    text,
)
from tests.support.synthetic_runs import RunSpec, log_line


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A valid tree of each division, to be copied."""
    closed = build(tmp_path_factory.mktemp("closed"), RunSpec(model="resnet50"), "closed")
    add_compliance(closed)
    return {"open": build(tmp_path_factory.mktemp("open"), RunSpec(), "open"), "closed": closed}


@pytest.fixture
def opened(made: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made["open"], tmp_path / "tree"))


def append(path: str, data: bytes) -> Break:
    def apply(tree: Path) -> None:
        with (tree / path).open("ab") as file:
            file.write(data)

    return apply


def encode(path: str, encoding: str) -> Break:
    def apply(tree: Path) -> None:
        (tree / path).write_bytes((tree / path).read_text(encoding="utf-8").encode(encoding))

    return apply


def second_system(tree: Path) -> None:
    """The Offline runs of another machine among the runs of this one."""
    for run in (f"{OPEN.run}/manifest.json", f"{OPEN.accuracy}/manifest.json"):
        json_key(run, "host", "cpu_model", value="Another CPU")(tree)


def two_systems_with_one_log(tree: Path) -> None:
    add_figures = log_line("result_max_latency_ns", 4_000_000)
    with (tree / OPEN.detail).open("a", encoding="utf-8") as file:
        file.write(add_figures)
    for manifest in tree.rglob("manifest.json"):
        manifest.unlink()
    shutil.copytree(tree / "open/Me/results/box", tree / "open/Me/results/box2")
    shutil.copy(tree / OPEN.system, tree / "open/Me/systems/box2.json")


LATER_PROCESS = log_line("late", 1).replace('"pid": 1', '"pid": 2').encode()
LATER_TIME = log_line("late", 1).replace("0.01", "90000.5").encode() + log_line("again", 1).encode()

COMPOSED = ("e\u0301", "\u00e9")
ISSUE_SAME = log_line("effective_performance_issue_same", True).encode()

CASES: list[tuple[str, str, Severity, Break]] = [
    # rule, words of the finding, how
    ("performance.whole", "process 2", Severity.ERROR, append(OPEN.detail, LATER_PROCESS)),
    ("performance.whole", "ms after the start", Severity.ERROR, append(OPEN.detail, LATER_TIME)),
    ("performance.whole", "UTF-16", Severity.ERROR, encode(OPEN.detail, "utf-16")),
    ("performance.whole", "byte-order mark", Severity.ERROR, encode(OPEN.detail, "utf-8-sig")),
    ("performance.whole", "not UTF-8", Severity.ERROR, append(OPEN.detail, b"\xff\xff\n")),
    ("performance.whole", "in many places", Severity.ERROR, append(OPEN.detail, b"x\n" * 80)),
    ("performance.seeds", "of v5.1", Severity.ERROR, setting(OPEN.detail, "effective_qsl_rng_seed", 1780908523862526354)),
    ("performance.audit", "audit.config lies", Severity.ERROR, text(f"{OPEN.run}/audit.config", "x")),
    ("performance.audit", "audit.config lies", Severity.ERROR, text(f"{OPEN.result}/audit.config", "x")),
    ("performance.audit", "audit.config lies", Severity.ERROR, text(f"{OPEN.accuracy}/audit.config", "x")),
    ("performance.audit", "compliance test", Severity.ERROR, append(OPEN.detail, ISSUE_SAME)),
    ("provenance.machine", "different machines", Severity.ERROR, second_system),
    ("provenance.copied", "two systems", Severity.WARNING, two_systems_with_one_log),
    ("tree.names", "only in case", Severity.ERROR, text("open/Me/src/readme.MD", "x")),
    ("tree.names", "composed", Severity.ERROR, lambda tree: [text(f"open/Me/src/{name}", "x")(tree) for name in COMPOSED]),
    ("tree.names", "written everywhere", Severity.ERROR, text("open/Me/src/a\tb", "x")),
    ("tree.names", "written everywhere", Severity.ERROR, text(os.fsdecode(b"open/Me/src/\xff"), "x")),
    ("tree.names", "Windows", Severity.WARNING, text("open/Me/src/a?b", "x")),
    ("tree.special", "pipe", Severity.ERROR, lambda tree: os.mkfifo(tree / OPEN.run / "mlperf_log_trace.json")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "words", "severity", "break_it"),
    CASES,
    ids=[f"{case[0]}-{index}" for index, case in enumerate(CASES)],
)
def test_bad_input_is_a_finding(
    opened: Path,
    capsys: pytest.CaptureFixture[str],
    rule: str,
    words: str,
    severity: Severity,
    break_it: Break,
) -> None:
    (opened / "open/Me/src/README.md").write_text("elsewhere", encoding="utf-8")
    break_it(opened)
    verdict = judged(opened)
    told = [one.breach for one in found(verdict, rule) if words in f"{one.breach.problem} {one.breach.found}"]
    assert [breach.severity for breach in told][:1] == [severity]
    assert (verdict.state is State.INVALID) == (severity is Severity.ERROR)
    plain(verdict).encode("utf-8")
    print_json(as_data(verdict))
    assert capsys.readouterr().out


def test_texts_of_another_encoding_are_findings(made: dict[str, Path], tmp_path: Path) -> None:
    tree = Path(shutil.copytree(made["closed"], tmp_path / "tree"))
    append(f"{CLOSED.accuracy}/accuracy.txt", b"\xb2")(tree)
    append(f"{CLOSED.result}/TEST04/verify_performance.txt", b"\xb2")(tree)
    told = [one for one in judged(tree).findings if one.breach.problem == "the file is not UTF-8"]
    assert {one.rule for one in told} == {"accuracy.files", "compliance.verified"}
    assert all(one.breach.found.startswith("the byte 0xb2 at ") for one in told)


def test_of_a_damaged_log_the_first_faults_and_their_number_are_told(opened: Path) -> None:
    append(OPEN.detail, b"x\n" * 80)(opened)
    told = found(judged(opened), "performance.whole")
    assert len(told) == 6
    assert told[-1].breach.found == "80 faults, of which the first 5 are shown"


@pytest.mark.parametrize("name", ["a system", "système-ÅΩ", "机器 4×H100", "a'b$c;d"])
def test_names_with_spaces_and_unicode_are_names(opened: Path, name: str) -> None:
    (opened / "open/Me/results/box").rename(opened / "open/Me/results" / name)
    (opened / "open/Me/systems/box.json").rename(opened / "open/Me/systems" / f"{name}.json")
    verdict = judged(opened)
    assert verdict.state is State.VALID
    assert {result.system for result in verdict.results} == {name}


def outside(tree: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every file opened while the tree is judged that does not lie in it."""
    read: list[str] = []
    open_file = Path.open

    def spy(path: Path, *arguments: object, **options: object) -> object:
        read.append(os.path.realpath(path))
        return open_file(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", spy)
    assert judged(tree).state is State.INVALID
    return [
        path for path in read if not path.startswith(os.path.realpath(tree)) and "mlperf_bake" not in path
    ]


@pytest.mark.parametrize(
    "place",
    [
        OPEN.detail,
        OPEN.run,
        OPEN.result,
        OPEN.system,
        "open/Me/results/box",
        "open/Me",
        f"{OPEN.run}/manifest.json",
    ],
)
def test_no_link_leads_out_of_the_tree(
    opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    shutil.move(opened / place, tmp_path / "elsewhere")
    (opened / place).symlink_to(tmp_path / "elsewhere")
    assert outside(opened, monkeypatch) == []
    monkeypatch.undo()
    (link,) = found(judged(opened), "tree.links")
    assert link.breach.path == opened / place
    assert link.breach.found == f"to {tmp_path / 'elsewhere'}"


def test_a_link_that_leads_to_itself_and_one_to_the_root_end(opened: Path) -> None:
    (opened / "open/Me/src/loop").symlink_to("loop")
    (opened / "open/Me/src/root").symlink_to("/")
    assert len(found(judged(opened), "tree.links")) == 2


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def test_an_accuracy_log_of_100_gb_is_never_read(opened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened / OPEN.accuracy / "mlperf_log_accuracy.json"
    sparse(log, 100 * 2**30)
    monkeypatch.setattr(Path, "open", refusing(Path.open, log))
    (finding,) = [
        one for one in judged(opened).findings if one.breach.path == log and one.rule != "tree.size"
    ]
    assert finding.rule == "accuracy.log_size"
    assert finding.breach.found == f"{100 * 2**30} bytes"


def test_a_detail_log_of_100_gb_is_refused_by_its_length(opened: Path) -> None:
    sparse(opened / OPEN.detail, 100 * 2**30)
    (finding,) = found(judged(opened), "performance.files")
    assert finding.breach.problem == "the LoadGen log is too long to be one"


def refusing(original: Callable[..., object], refused: Path) -> Callable[..., object]:
    def call(path: "os.PathLike[str] | str", *arguments: object, **options: object) -> object:
        if os.fspath(path) == os.fspath(refused):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return original(path, *arguments, **options)

    return call


def test_a_directory_that_cannot_be_listed_is_a_finding(
    opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "scandir", refusing(os.scandir, opened / OPEN.run))
    (finding,) = found(judged(opened), "tree.readable")
    assert (finding.breach.path, finding.breach.found) == (opened / OPEN.run, "Permission denied")


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        (OPEN.detail, "performance.files"),
        (OPEN.system, "system.file"),
        (f"{OPEN.accuracy}/accuracy.txt", "accuracy.files"),
        (f"{OPEN.run}/manifest.json", "provenance.manifest"),
        (f"{OPEN.result}/measurements.json", "measurements.json"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding(
    opened: Path, monkeypatch: pytest.MonkeyPatch, file: str, rule: str
) -> None:
    monkeypatch.setattr(Path, "open", refusing(Path.open, opened / file))
    told = [one for one in found(judged(opened), rule) if one.breach.path == opened / file]
    assert [one.breach.found.partition(":")[0] for one in told] == ["a file that this user may not read"]


def test_pictures_that_reviewers_look_at_must_be_there(made: dict[str, Path], tmp_path: Path) -> None:
    tree = Path(shutil.copytree(made["open"], tmp_path / "tree"))
    text("open/Me/model_mapping.json", '{"painter": "wan-2.2-t2v-a14b"}')(tree)
    (tree / OPEN.model).rename(tree / "open/Me/results/box/painter")
    told = found(judged(tree), "accuracy.outputs")
    assert len(told) == 3
    assert all(one.breach.found.startswith("130, 106,") for one in told)
    for directory in (tree / "open/Me/results/box/painter").glob("*/accuracy"):
        (directory / "videos").mkdir()
        for name in (130, 106, 84, 59, 12, 123, 43, 22, 238, 32):
            (directory / "videos" / f"{name}.mp4").touch()
    assert found(judged(tree), "accuracy.outputs") == []


def test_the_audit_settings_of_a_compliance_test_are_in_its_log(
    made: dict[str, Path], tmp_path: Path
) -> None:
    tree = Path(shutil.copytree(made["closed"], tmp_path / "tree"))
    assert judged(tree).state is State.VALID
    log = f"{CLOSED.result}/TEST04/performance/run_1/mlperf_log_detail.txt"
    setting(log, "effective_performance_issue_same", False)(tree)
    (finding,) = found(judged(tree), "compliance.audit")
    assert finding.breach.found == "effective_performance_issue_same False"
    log = log.replace("TEST04", "TEST01")
    setting(log, "effective_accuracy_log_sampling_target", None)(tree)
    told = [one.breach.found for one in found(judged(tree), "compliance.audit")]
    assert "effective_accuracy_log_sampling_target not logged" in told


def test_more_queries_than_a_compliance_test_asks_for_are_no_other_test(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Path(shutil.copytree(made["closed"], tmp_path / "tree"))
    asking = Audit("TEST04", {"min_query_count": 500}, {})
    monkeypatch.setattr("mlperf_bake.check.compliance_rules.audit_of", lambda *_: asking)
    log = f"{CLOSED.result}/TEST04/performance/run_1/mlperf_log_detail.txt"
    for asked, told in ((5000, []), (500, []), (499, ["requested_min_query_count 499"])):
        text(log, log_line("requested_min_query_count", asked))(tree)
        findings = found(judged(tree), "compliance.audit")
        assert [one.breach.found for one in findings if one.breach.path == tree / log] == told


def test_an_inventory_counts_what_it_lists_and_enters_only_what_it_is_told_to(tmp_path: Path) -> None:
    for path in ("open/a/b.txt", "other/c.txt", "d.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1234", encoding="utf-8")
    inventory = take_inventory(tmp_path, ["open"])
    assert len(inventory) == 2
    assert inventory.size(tmp_path / "open/a/b.txt") == 4
    assert inventory.find(tmp_path / "other/c.txt") is None
    assert [entry.kind for entry in inventory.entries(tmp_path)] == [
        Kind.FILE,
        Kind.DIRECTORY,
        Kind.DIRECTORY,
    ]
    assert inventory.files(tmp_path) == ("d.txt",)
