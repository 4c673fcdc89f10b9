"""docs/checker.md tells every rule and every check of the official checker, as they are."""

import os
import re
from pathlib import Path

import pytest

from mlperf_bake.check.engine import rules
from tests.support import checker_page
from tests.support.official_checks import CHECKS

CHECKOUT = os.environ.get("MLCOMMONS_INFERENCE", "")
"""A checkout of mlcommons/inference, where there is one."""
CHECKER = Path(CHECKOUT) / "tools" / "submission" / "submission_checker"


def test_the_page_is_what_the_rules_say() -> None:
    assert checker_page.PAGE.read_text(encoding="utf-8") == checker_page.page(), (
        "python -m tests.support.checker_page writes it"
    )


def test_every_rule_named_is_one_and_is_broken_by_some_test() -> None:
    known = {rule.id for rule in rules()}
    assert {rule for check in CHECKS for rule in check.rules} <= known
    assert [rule for rule in sorted(known) if not checker_page.tests_of(rule)] == []


@pytest.mark.skipif(not CHECKER.is_dir(), reason="MLCOMMONS_INFERENCE names no checkout")
def test_no_check_of_the_official_checker_is_left_out() -> None:
    registered = {
        (f"checks/{path.name}", name)
        for path in (CHECKER / "checks").glob("*_check*.py")
        for name in re.findall(r"self\.checks\.append\(self\.(\w+)", path.read_text(encoding="utf-8"))
    }
    assert registered <= {(check.module, check.name) for check in CHECKS}
    for check in CHECKS:
        assert f"def {check.name}(" in (CHECKER / check.module).read_text(encoding="utf-8")
