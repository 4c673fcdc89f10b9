"""SARIF, JUnit and HTML: complete, escaped, self-contained, and written whole or not at all."""

import errno
import itertools
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from mlperf_bake.check.engine import rule_of, rules
from mlperf_bake.check.files import FORMS, refuse_places, write
from mlperf_bake.check.junit import as_junit
from mlperf_bake.check.next_steps import next_steps
from mlperf_bake.check.official import OfficialVerdict
from mlperf_bake.check.page import as_page
from mlperf_bake.check.rule import Breach, Finding, Severity
from mlperf_bake.check.sarif import as_sarif
from mlperf_bake.check.verdict import Judged, State, Verdict
from mlperf_bake.cli.app import execute
from mlperf_bake.errors import UsageError
from mlperf_bake.results.headline import Headline
from mlperf_bake.results.printable import printable

HOSTILE = "<script>alert('x')</script>&\x1b[31m\udcff"
TREE = Path("/submission")


def finding(
    rule: str, name: str, *, demonstration: bool = False, severity: Severity = Severity.ERROR
) -> Finding:
    breach = Breach(
        TREE / "open" / name,
        f"problem of {name}",
        "found this",
        "expected that",
        "mlperf-bake run x",
        7,
        severity,
        demonstration,
    )
    return Finding(rule, "a source", breach)


def judged(state: State, scenario: str = "Offline") -> Judged:
    figure = Headline("result_samples_per_second", 318.4, "samples/s")
    return Judged(
        f"open/Me/results/box/m/{scenario}",
        "open",
        "Me",
        "box",
        "m",
        scenario,
        figure,
        {"acc": 76.5},
        None,
        state,
    )


VERDICT = Verdict(
    tree=TREE,
    round="v6.1",
    state=State.INVALID,
    results=(
        judged(State.INVALID),
        judged(State.DEMONSTRATION, "Server"),
        judged(State.VALID, "SingleStream"),
    ),
    findings=(
        finding("performance.seeds", f"a b/é?{HOSTILE}"),
        finding("compliance.TEST01.duration", "c", demonstration=True),
        finding("tree.stray", "d", severity=Severity.WARNING),
        finding("provenance.manifest", "e", severity=Severity.NOTE),
    ),
    files=12,
)


class Page(HTMLParser):
    """The tags of a page, each with its attributes, and its text; refuses what is not closed in order."""

    VOID = frozenset({"meta", "br", "col", "link", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_sarif_names_rule_place_line_and_weight_of_every_finding() -> None:
    log = json.loads(json.dumps(as_sarif(VERDICT)))
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "mlperf-bake")
    described = run["tool"]["driver"]["rules"]
    assert {rule.id for rule in rules()} < {rule["id"] for rule in described}
    assert [result["level"] for result in run["results"]] == ["error", "warning", "warning", "note"]
    for result, told in zip(run["results"], VERDICT.findings, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert described[result["ruleIndex"]]["id"] == result["ruleId"] == told.rule
        uri = place["artifactLocation"]["uri"]
        assert uri.isascii()
        assert unquote(uri, errors="surrogateescape") == str(told.breach.path.relative_to(TREE))
        assert place["region"] == {"startLine": 7}
        assert "expected: expected that" in result["message"]["text"]


def test_the_rule_of_a_compliance_run_is_that_of_performance_runs() -> None:
    assert rule_of("compliance.TEST01.duration").id == "performance.duration"
    assert rule_of("compliance.tests").id == "compliance.tests"
    with pytest.raises(KeyError):
        rule_of("compliance.TEST01.nothing")


def test_junit_counts_what_failed_and_what_was_skipped() -> None:
    root = ElementTree.fromstring(as_junit(VERDICT))
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"rules", "results"}
    cases = {case.get("name"): case for suite in root for case in suite}
    failure = cases["performance.seeds"].find("failure")
    assert failure is not None
    assert failure.text is not None
    assert ":7: problem of a b" in failure.text
    assert cases["compliance.TEST01.duration"].find("skipped") is not None
    assert cases["tree.stray"].find("failure") is None
    assert "problem of d" in (cases["tree.stray"].findtext("system-out") or "")
    assert (suites["rules"].get("failures"), suites["rules"].get("skipped")) == ("1", "1")
    assert (suites["results"].get("failures"), suites["results"].get("skipped")) == ("1", "1")
    assert root.get("tests") == str(len(rules()) + 1 + 3)


def test_the_page_is_well_formed_and_shows_every_finding_and_result() -> None:
    page = Page(as_page(VERDICT))
    for told in VERDICT.findings:
        assert told.rule in page.text
    assert "318.4 samples/s" in page.text
    assert "top-1 76.5 %" in page.text
    for word in ("invalid", "Errors", "Breaches of a demonstration", "Warnings", "Notes"):
        assert word in page.text
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = [
        attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes
    ]
    assert set(referred) <= set(ids)


def test_the_page_begins_with_what_to_do_first() -> None:
    text = Page(as_page(VERDICT)).text
    before = text.partition("What to do first")[2].partition("Results")[0]
    steps = next_steps(VERDICT)
    assert steps
    assert all(printable(step.problem).strip() in before for step in steps)


def test_the_page_folds_a_command_between_its_words() -> None:
    text = as_page(VERDICT)
    assert "<span>mlperf-bake</span> <span>run</span> <span>x</span>" in text
    assert "mlperf-bake run x" in Page(text).text
    assert re.search(r"code > span {[^}]*display: inline-block", text)


def test_the_page_has_room_for_each_verdict_and_scenario_beside_the_others() -> None:
    text = as_page(VERDICT)
    board = text.partition("<colgroup>")[2].partition("</table>")[0]
    wide = {name: float(em) for name, em in re.findall(r"col\.(\w+) { width: ([0-9.]+)em; }", text)}
    headings = re.findall(r'<th scope="col">(\w+)</th>', board)
    columns = dict(zip(headings, re.findall(r'<col(?: class="(\w+)")?>', board), strict=True))
    assert wide[columns["Verdict"]] >= 0.65 * len(f"◐ {State.DEMONSTRATION.value}") + 1.4, (
        "bold letters, padding"
    )
    assert wide[columns["Scenario"]] >= 0.58 * len("SingleStream") + 1.4


def test_the_page_runs_nothing_and_asks_for_nothing() -> None:
    text = as_page(VERDICT, OfficialVerdict(False, HOSTILE, (HOSTILE,), True))
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    addresses = [
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("href", "src")
    ]
    assert addresses == ["#results"]
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "\x1b" not in text
    text.encode("utf-8")


def test_the_page_puts_both_verdicts_side_by_side_with_what_differs() -> None:
    official = OfficialVerdict(
        True, "submission looks OK", (), False, {"open/Me/results/box/m/Offline": 300.0}
    )
    page = Page(as_page(VERDICT, official))
    assert "submission looks OK" in page.text
    assert "open/Me/results/box/m/Offline: the official checker takes 300, mlperf-bake 318.4" in page.text


def test_a_tree_without_results_has_a_page_too() -> None:
    empty = Verdict(TREE, "v6.1", State.INVALID, (), (), 0)
    assert "The tree holds no result." in Page(as_page(empty)).text


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    path = tmp_path / "report"
    write(form, path, VERDICT)
    before = path.read_bytes()
    assert before.endswith(b"\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space") as refused:
        write(form, path, VERDICT)
    assert refused.value.filename == str(path)
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["report"]


def test_places_that_cannot_be_written_are_refused_before_anything_is_judged(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for places, problem in (
        ({"html": tmp_path / "pipe"}, "cannot be written there"),
        ({"html": tmp_path / "link"}, "cannot be written there"),
        ({"html": Path("/dev/null")}, "cannot be written there"),
        ({"html": tree / "page.html"}, "in the tree that it judges"),
        ({"html": tmp_path}, "cannot be written there"),
        ({"sarif": tmp_path / "none" / "x"}, "cannot be written there"),
        ({"sarif": tmp_path / "x", "junit": tmp_path / "x"}, "the same file as for --sarif"),
    ):
        with pytest.raises(UsageError, match=problem):
            refuse_places(places, tree)
    refuse_places({"html": tmp_path / "x", "junit": tmp_path / "y"}, tree)


def test_the_command_writes_every_form_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tree" / "open").mkdir(parents=True)
    options = [f"--{form}={tmp_path / form}" for form in FORMS]
    assert execute(["check", str(tmp_path / "tree"), "--json", *options]) == 9
    said = capsys.readouterr()
    assert json.loads(said.out)["verdict"] == "invalid"
    assert [f"wrote {tmp_path / form}" in said.err for form in FORMS] == [True] * 3
    assert all((tmp_path / form).stat().st_size > 500 for form in FORMS)
