"""A verdict as plain data: what ``check --json`` prints."""

from mlperf_bake.check.official import OfficialVerdict, differences
from mlperf_bake.check.remedies import remedy
from mlperf_bake.check.rule import Finding
from mlperf_bake.check.verdict import Judged, Verdict
from mlperf_bake.program import pasteable
from mlperf_bake.results.headline import Headline


def as_data(verdict: Verdict, official: OfficialVerdict | None = None) -> dict[str, object]:
    """What ``--json`` prints."""
    data: dict[str, object] = {
        "tree": str(verdict.tree),
        "round": verdict.round,
        "verdict": verdict.state.value,
        "exit_code": verdict.exit_code,
        "files": verdict.files,
        "results": [_result_data(result) for result in verdict.results],
        "findings": [_finding_data(finding, verdict) for finding in verdict.findings],
    }
    if official:
        data["official"] = {
            "accepted": official.accepted,
            "crashed": official.crashed,
            "summary": official.summary,
            "errors": list(official.errors),
            "results": dict(official.results),
            "differences": list(differences(official, verdict)),
        }
    return data


def _result_data(result: Judged) -> dict[str, object]:
    return {
        "directory": result.directory,
        "division": result.division,
        "submitter": result.submitter,
        "system": result.system,
        "model": result.model,
        "scenario": result.scenario,
        "verdict": result.state.value,
        "performance": _figure(result.figure),
        "power": _figure(result.power),
        "accuracy": dict(result.accuracy),
    }


def _figure(figure: Headline | None) -> dict[str, object] | None:
    return {"field": figure.field, "value": figure.value, "unit": figure.unit} if figure else None


def _finding_data(finding: Finding, verdict: Verdict) -> dict[str, object]:
    breach = finding.breach
    return {
        "rule": finding.rule,
        "source": finding.source,
        "severity": breach.severity.value,
        "demonstration": breach.demonstration,
        "file": verdict.relative(breach.path),
        "line": breach.line,
        "problem": breach.problem,
        "found": breach.found,
        "expected": breach.expected,
        "fix": pasteable(remedy(finding)),
    }
