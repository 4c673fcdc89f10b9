"""A verdict as JUnit XML, which every CI system shows: a test for each rule and one for each result.

A rule is passed where nothing breaks it, failed where something does, and skipped where only a demonstration
does; warnings and notes are its output. A result is failed where any of its own findings makes it invalid.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mlperf_bake.check.engine import rules
from mlperf_bake.check.remedies import remedy
from mlperf_bake.check.rule import Finding, Severity
from mlperf_bake.check.verdict import Judged, State, Verdict
from mlperf_bake.program import pasteable
from mlperf_bake.results.printable import printable


def as_junit(verdict: Verdict) -> bytes:
    """The document, UTF-8."""
    root = Element("testsuites", name=f"mlperf-bake check, {verdict.round}: {verdict.state.value}")
    broken: dict[str, list[Finding]] = {rule.id: [] for rule in rules()}
    for finding in verdict.findings:
        broken.setdefault(finding.rule, []).append(finding)
    suites = [
        _suite("rules", [_rule_case(rule, findings, verdict) for rule, findings in broken.items()]),
        _suite("results", [_result_case(result) for result in verdict.results]),
    ]
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(name: str, cases: Iterable[Element]) -> Element:
    suite = Element("testsuite", name=name)
    suite.extend(cases)
    for count, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in suite)))
    suite.set("tests", str(len(suite)))
    suite.set("errors", "0")
    return suite


def _rule_case(rule: str, findings: list[Finding], verdict: Verdict) -> Element:
    case = Element("testcase", classname=f"rules.{rule.rpartition('.')[0]}", name=rule)
    errors = [one for one in findings if one.breach.severity is Severity.ERROR]
    serious = [one for one in errors if not one.breach.demonstration]
    others = [one for one in findings if one.breach.severity is not Severity.ERROR]
    if serious:
        failure = SubElement(case, "failure", message=printable(serious[0].breach.problem), type=rule)
        failure.text = _told(errors, verdict)
    elif errors:
        SubElement(case, "skipped", message=printable(f"a demonstration: {errors[0].breach.problem}"))
    if others:
        SubElement(case, "system-out").text = _told(others, verdict)
    return case


def _result_case(result: Judged) -> Element:
    name = printable(f"{result.system} {result.model} {result.scenario}")
    case = Element("testcase", classname=printable(f"{result.division}.{result.submitter}"), name=name)
    if result.state is State.INVALID:
        SubElement(case, "failure", message=result.state.meaning, type=result.state.value)
    elif result.state is State.DEMONSTRATION:
        SubElement(case, "skipped", message=result.state.meaning)
    SubElement(case, "system-out").text = printable(result.figures)
    return case


def _told(findings: Iterable[Finding], verdict: Verdict) -> str:
    lines = []
    for finding in findings:
        breach = finding.breach
        lines.append(f"{verdict.place(finding)}: {breach.problem}")
        pairs = (("found", breach.found), ("expected", breach.expected), ("fix", pasteable(remedy(finding))))
        lines += [f"  {label:<9}{value}" for label, value in pairs if value]
    return "\n".join(map(printable, lines))
