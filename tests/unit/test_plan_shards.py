"""Shards: every cell in exactly one, whoever computes them, and of nearly equal weight."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.jobs import ci_jobs
from mlperf_bake.plan.shards import Shard, divide, parse_shard
from tests.support.second_matrix import TEXT

MATRIX = parse_matrix(TEXT, "matrix.yaml")
CELLS = MATRIX.every_cell


@given(st.lists(st.sampled_from(CELLS), unique=True), st.integers(1, 12), st.randoms(use_true_random=False))
def test_shards_are_disjoint_complete_and_the_same_in_any_order(
    cells: list[Cell], count: int, chance: random.Random
) -> None:
    seconds = {cell.id: chance.choice((0.0, 0.1, 30.0, 900.0)) for cell in cells if chance.random() < 0.7}
    shards = divide(cells, count, seconds)
    assert len(shards) == count
    assert sorted(cell for shard in shards for cell in shard) == sorted(cells)
    shuffled = chance.sample(cells, len(cells))
    assert [set(shard) for shard in divide(shuffled, count, seconds)] == [set(shard) for shard in shards]


@given(st.integers(1, 12), st.lists(st.floats(0.5, 3600.0), min_size=len(CELLS), max_size=len(CELLS)))
def test_no_shard_takes_longer_than_the_mean_and_one_cell(count: int, taken: list[float]) -> None:
    seconds = {cell.id: one for cell, one in zip(CELLS, taken, strict=True)}
    longest = max(sum(seconds[cell.id] for cell in shard) for shard in divide(CELLS, count, seconds))
    assert longest <= sum(taken) / count + max(taken) + 1e-6


def test_without_durations_shards_differ_by_one_cell_at_most() -> None:
    for count in range(1, len(CELLS) + 1):
        sizes = [len(shard) for shard in divide(CELLS, count)]
        assert max(sizes) - min(sizes) <= 1


def test_cells_that_share_stages_stay_together() -> None:
    shards = divide(CELLS, 2)
    hardware = [{cell.hardware for cell in shard} for shard in shards]
    assert len(hardware[0] & hardware[1]) <= 1


def test_a_cell_without_a_duration_counts_as_the_mean_of_the_others() -> None:
    known = {cell.id: 100.0 for cell in CELLS[1:]}
    assert divide(CELLS, 3, known) == divide(CELLS, 3)


def test_a_new_cell_moves_few_others() -> None:
    before = {cell: number for number, shard in enumerate(divide(CELLS[:-1], 4)) for cell in shard}
    after = {cell: number for number, shard in enumerate(divide(CELLS, 4)) for cell in shard}
    assert sum(before[cell] != after[cell] for cell in before) <= 3


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/9999", "1 / 4"])
def test_what_is_no_shard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_shard(text)
    assert caught.value.remedy == "for example --shard 1/4 on the first of four machines"


def test_a_shard_is_read_as_it_is_printed() -> None:
    assert parse_shard("2/5") == Shard(2, 5)
    assert str(Shard(2, 5)) == "2/5"


def test_jobs_are_for_one_platform_each_and_none_is_empty() -> None:
    jobs = ci_jobs(MATRIX, CELLS, 3)
    assert sorted(cell for job in jobs for cell in job.cells) == sorted(cell.id for cell in CELLS)
    platforms = {cell.id: MATRIX.hardware[cell.hardware].platform for cell in CELLS}
    assert all({platforms[cell] for cell in job.cells} == {job.platform} for job in jobs)
    assert [job.name for job in jobs] == [
        f"{architecture}-{number}-of-3" for architecture in ("amd64", "arm64") for number in (1, 2, 3)
    ]
    one = next(cell for cell in CELLS if cell.hardware == "coral")
    (only,) = ci_jobs(MATRIX, [one], 8)
    assert (only.name, only.architecture, only.cells) == ("arm64-1-of-1", "arm64", (one.id,))
    assert ci_jobs(MATRIX, [], 8) == ()
