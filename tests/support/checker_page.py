"""docs/checker.md out of the table of rules, the official checker's checks and the tests that break each rule.

Usage: python -m tests.support.checker_page
"""

from pathlib import Path

from mlperf_bake.check.engine import rules
from tests.support.official_checks import CHECKS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "checker.md"
HEAD = """\
# What `check` judges

Written by `python -m tests.support.checker_page` out of the rules' own words; a test holds it against them.

`mlperf-bake check TREE --round vX.Y` reads a submission tree and changes nothing. It follows no link, reads no accuracy log
longer than 16 MiB, and calls nothing valid that it could not read. Verdicts and exit codes: [contracts](contracts.md).

| option | gives |
|---|---|
| `--json` | everything, on stdout |
| `--html FILE` | a page to read and to forward: no script, nothing fetched, light, dark and printable |
| `--sarif FILE` | SARIF 2.1.0 for code review; what only a demonstration breaks is a warning there |
| `--junit FILE` | JUnit XML: a test for each rule and each result; what only a demonstration breaks is skipped |
| `--official CHECKOUT` | the official checker beside ours, and each figure of a result compared with its |

## The official checker, check by check
mlcommons/inference at b66003e1, `tools/submission/submission_checker`; the same for v5.0, v5.1, v6.0 and v6.1, whose figures are
data (`mlperf_bake/rounds/data`).

| official check | demands | our rules | broken in |
|---|---|---|---|
"""
BEYOND = """
## Beyond the official checker

| rule | in words | source | broken in |
|---|---|---|---|
"""


def tests_of(rule: str) -> tuple[str, ...]:
    """Names of the test files that name a rule."""
    files = sorted((ROOT / "tests" / "unit").glob("test_check_*.py"))
    return tuple(file.name for file in files if f'"{rule}"' in file.read_text(encoding="utf-8"))


def page() -> str:
    """The whole page."""
    lines = []
    for check in CHECKS:
        ours = ", ".join(f"`{rule}`" for rule in check.rules) or "none"
        where = sorted({name for rule in check.rules for name in tests_of(rule)})
        demands = f"{check.demands} ({check.remark})" if check.remark else check.demands
        lines.append(f"| `{check.module} {check.name}` | {demands} | {ours} | {', '.join(where)} |")
    named = {rule for check in CHECKS for rule in check.rules}
    beyond = [
        f"| `{rule.id}` | {rule.text} | {rule.source} | {', '.join(tests_of(rule.id))} |"
        for rule in rules()
        if rule.id not in named
    ]
    return HEAD + "\n".join(lines) + "\n" + BEYOND + "\n".join(beyond) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
