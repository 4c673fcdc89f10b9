"""Reasons for people: every run by name while they are few, and never ten thousand lines that say the same."""

from mlperf_bake.results.run import LeftOut
from mlperf_bake.submission.reasons import NAMED, reasons


def test_few_runs_are_named_each_and_many_with_one_reason_are_counted() -> None:
    few = [LeftOut(f"a{number}", "place", "best is newer") for number in range(NAMED)]
    many = [LeftOut(f"b{number}", "place", "it was killed") for number in range(10_000)]
    assert reasons(few) == tuple(f"a{number}: best is newer" for number in range(NAMED))
    assert reasons([*few[:1], *many, *few[1:2]]) == (
        "a0: best is newer",
        "a1: best is newer",
        "b0 and 9,999 more: it was killed",
    )
    assert reasons([]) == ()


def test_a_reason_from_a_log_cannot_write_to_the_terminal() -> None:
    assert reasons([LeftOut("a\x1b[31m", "place", "no\nscenario")]) == (
        "a\N{REPLACEMENT CHARACTER}[31m: no scenario",
    )
