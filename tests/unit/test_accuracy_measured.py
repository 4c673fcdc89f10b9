"""Intervals hold what they should, as often as they say."""

import random
from pathlib import Path

import pytest

from mlperf_bake.accuracy.measured import Given, known, mean_interval, ratio_interval, share_interval
from mlperf_bake.errors import UsageError


def test_a_share_in_per_cent_or_of_one() -> None:
    assert [round(end, 2) for end in share_interval(18, 20)] == [69.90, 97.21]
    assert [round(end, 4) for end in share_interval(18, 20, unit=1)] == [0.6990, 0.9721]


def test_a_mean_by_hand() -> None:
    scores = [0.0] * 50 + [100.0] * 50
    assert [round(end, 2) for end in mean_interval(scores) or ()] == [40.15, 59.85]
    assert mean_interval(scores[:29]) is None


def test_a_ratio_of_equal_wholes_is_a_mean() -> None:
    scores = [float(value % 7) for value in range(100)]
    ratio = ratio_interval(scores, [1.0] * 100, unit=1)
    assert ratio is not None
    assert ratio == pytest.approx(mean_interval(scores))
    assert ratio_interval(scores[:29], [1.0] * 29) is None


def test_the_interval_of_a_ratio_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = random.Random(1)
    held = 0
    for _ in range(300):
        wholes = [chance.randint(1, 20) for _ in range(200)]
        parts = [sum(chance.random() < 0.3 for _ in range(whole)) for whole in wholes]
        interval = ratio_interval(parts, wholes)
        assert interval is not None
        held += interval.low <= 30 <= interval.high
    assert 0.91 <= held / 300 <= 0.985


def test_only_intervals_that_mean_something_are_known() -> None:
    interval = share_interval(1, 2)
    assert known(acc=interval, mAP=None) == {"acc": interval}


def test_what_was_not_given_is_asked_for(tmp_path: Path) -> None:
    assert Given(tmp_path).path() == tmp_path
    assert Given(samples=3).count() == 3
    with pytest.raises(UsageError, match="no ground truth was given"):
        Given().path()
    with pytest.raises(UsageError, match="how many samples"):
        Given().count()
