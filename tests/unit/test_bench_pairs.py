"""Interleaved pairs: their order, and that they end in time."""

import pytest

from tests.bench.pairs import FEWEST, measure_pairs, ratio


def test_each_pair_turns_the_order_round_after_one_uncounted_run_of_each() -> None:
    called: list[str] = []

    def run(name: str, value: float) -> dict[str, float]:
        called.append(name)
        return {"rate": value}

    pairs = measure_pairs(lambda: run("ours", 2), lambda: run("bare", 1), 3)
    assert called == ["ours", "bare", "bare", "ours", "ours", "bare", "bare", "ours"]
    with pytest.raises(ValueError, match="3 pairs are too few for an interval; 6 can have one"):
        ratio(pairs, "rate")
    found = ratio(pairs * 2, "rate")
    assert (found.median, found.low, found.high, found.pairs) == (2, 2, 2, 6)
    assert (found.ours, found.bare) == (2, 1)


def test_slow_pairs_stop_at_their_time_and_never_before_the_fewest() -> None:
    now = 0.0

    def slow() -> dict[str, float]:
        nonlocal now
        now += 3
        return {"rate": 1.0}

    def measured(within_s: float) -> int:
        nonlocal now
        now = 0.0
        return len(measure_pairs(slow, slow, 20, within_s, lambda: now))

    assert measured(1) == FEWEST
    assert measured(96) == 15  # with the uncounted one, sixteen of 6 s
    assert measured(1000) == 20
