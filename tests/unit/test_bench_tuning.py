"""What the bench says of a tuning: a gain, none and why, or a loss, which it does not hide."""

import pytest

from tests.bench.bench_tuning import Gain
from tests.bench.pairs import Ratio


@pytest.mark.parametrize(
    ("median", "why_none", "says"),
    [
        (2.5, "", "met"),
        (0.99, "", "**missed**"),
        (
            0.99,
            "the untuned default was the best of 5",
            "nothing to gain: the untuned default was the best of 5",
        ),
    ],
)
def test_a_gain_is_judged_by_its_pairs_unless_the_defaults_stay(
    median: float, why_none: str, says: str
) -> None:
    assert Gain(Ratio(median, 0.9, 1.1, 20, 1, 1), "--batch 1", why_none).judged == says
