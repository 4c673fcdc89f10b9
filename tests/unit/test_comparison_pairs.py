"""Pairs: the interval that they give, held against chance itself, and what they show."""

from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.comparison.pairs import Pairs, Shown, fewest_pairs, pairs


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(6, 1, 6), (8, 1, 8), (9, 2, 8), (12, 3, 10), (15, 4, 12), (20, 6, 15), (30, 10, 21)],
)
def test_the_interval_ends_at_the_ranks_of_the_published_tables(count: int, low: int, high: int) -> None:
    """Ranks of the 95 % interval of a median, as tables of the sign test give them."""
    found = pairs([float(value) for value in range(1, count + 1)])
    assert (found.low, found.high, found.count) == (low, high, count)


def test_five_pairs_show_nothing_and_six_may() -> None:
    assert fewest_pairs() == 6
    assert pairs([2.0] * 5) == Pairs(2.0, None, None, 5)
    assert pairs([2.0] * 5).shown is Shown.TOO_FEW
    assert pairs([2.0] * 6).shown is Shown.FASTER
    assert pairs([0.5] * 6).shown is Shown.SLOWER
    assert pairs([0.9, *[2.0] * 5]).shown is Shown.NOTHING
    assert pairs([1.0] * 20).shown is Shown.NOTHING


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_order_means_nothing_and_the_median_lies_in_its_interval(ratios: list[float], random: Random) -> None:
    found = pairs(ratios)
    shuffled = list(ratios)
    random.shuffle(shuffled)
    assert pairs(shuffled) == found and found.ratio == median(ratios)
    if found.low is not None and found.high is not None:
        assert found.low <= found.ratio <= found.high


@pytest.mark.parametrize("count", [6, 10, 20])
def test_two_that_are_alike_are_told_apart_at_most_one_time_in_twenty(count: int) -> None:
    random = Random(count)
    trials = 4000
    wrong = sum(
        pairs([random.lognormvariate(0, 0.5) for _ in range(count)]).shown is not Shown.NOTHING
        for _ in range(trials)
    )
    assert 0 < wrong / trials <= 0.055
