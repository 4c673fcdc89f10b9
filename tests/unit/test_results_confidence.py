"""The Wilson interval: known values, bounds, and that it narrows with more samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.results.confidence import wilson


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (18, 20, 0.69897, 0.97213),
        (0, 10, 0.0, 0.27753),
        (10, 10, 0.72247, 1.0),
        (38_228, 50_000, 0.76082, 0.76830),
    ],
)
def test_known_intervals(correct: int, total: int, low: float, high: float) -> None:
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_eighteen_of_twenty_reads_as_the_documents_say() -> None:
    assert wilson(18, 20).percent() == "70-97 %"


@given(st.integers(1, 10**9).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_holds_the_share_and_stays_between_0_and_1(sample: tuple[int, int]) -> None:
    correct, total = sample
    interval = wilson(correct, total)
    assert 0 <= interval.low <= correct / total <= interval.high <= 1


def test_more_samples_and_less_confidence_narrow_it() -> None:
    wide, narrow, unsure = wilson(18, 20), wilson(180, 200), wilson(18, 20, 0.5)
    assert narrow.high - narrow.low < wide.high - wide.low
    assert unsure.high - unsure.low < wide.high - wide.low


@pytest.mark.parametrize(
    ("correct", "total", "confidence"), [(1, 0, 0.95), (2, 1, 0.95), (-1, 1, 0.95), (1, 1, 1.0)]
)
def test_what_is_no_share_is_refused(correct: int, total: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(correct, total, confidence)
