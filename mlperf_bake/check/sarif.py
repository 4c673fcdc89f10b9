"""A verdict in SARIF 2.1.0, the form in which code-review services show findings beside the files.

Paths are relative to the root of the tree (``uriBaseId`` TREE). A breach that only a demonstration makes is a
``warning``; with every result stand its rule, what was found, what was expected and what mends it.
Format: OASIS SARIF 2.1.0.
"""

from typing import Final
from urllib.parse import quote

from mlperf_bake import __version__
from mlperf_bake.check.engine import rule_of, rules
from mlperf_bake.check.remedies import remedy
from mlperf_bake.check.rule import Finding, Severity
from mlperf_bake.check.verdict import Verdict
from mlperf_bake.program import pasteable
from mlperf_bake.results.printable import printable

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def as_sarif(verdict: Verdict) -> dict[str, object]:
    """The whole log, with one run."""
    ids = [rule.id for rule in rules()]
    ids += sorted({finding.rule for finding in verdict.findings} - set(ids))
    number = {identity: index for index, identity in enumerate(ids)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mlperf-bake",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(identity) for identity in ids],
                    }
                },
                "originalUriBaseIds": {"TREE": {"description": {"text": "The root of the submission tree."}}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, verdict, number[finding.rule]) for finding in verdict.findings],
                "properties": {"round": verdict.round, "verdict": verdict.state.value},
            }
        ],
    }


def _rule(identity: str) -> dict[str, object]:
    rule = rule_of(identity)
    return {
        "id": identity,
        "shortDescription": {"text": rule.text},
        "help": {"text": f"Source: {rule.source}"},
        "properties": {"tags": [identity.partition(".")[0]]},
    }


def _result(finding: Finding, verdict: Verdict, index: int) -> dict[str, object]:
    breach = finding.breach
    words = [breach.problem]
    words += [f"found: {breach.found}"] if breach.found else []
    words += [f"expected: {breach.expected}"] if breach.expected else []
    words += [f"fix: {pasteable(remedy(finding))}"]
    place: dict[str, object] = {"artifactLocation": _artifact(finding, verdict)}
    if breach.line:
        place["region"] = {"startLine": breach.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "warning" if breach.demonstration else _LEVEL[breach.severity],
        "message": {"text": printable("; ".join(words))},
        "locations": [{"physicalLocation": place}],
        "properties": {"demonstration": breach.demonstration},
    }


def _artifact(finding: Finding, verdict: Verdict) -> dict[str, object]:
    path = finding.breach.path
    name = "." if path == verdict.tree else verdict.relative(path)
    return {"uri": quote(name.encode("utf-8", "surrogateescape")), "uriBaseId": "TREE"}
