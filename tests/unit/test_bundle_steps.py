"""What a cache of BuildKit's lacks, by the forms that BuildKit 0.13 wrote for a Dockerfile of three steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.bundle.record import CACHE_CONFIG
from mlperf_bake.bundle.steps import lacking_steps
from mlperf_bake.oci.layout import INDEX, Layout

Record = dict[str, Any]

BASE = 0
CONTEXT = 4


def record(name: str, sources: Sequence[Sequence[int]] = (), layers: int | None = None) -> Record:
    """A step, what it was made from (equal records by their places), and the layer with its files."""
    made: Record = {"digest": f"sha256:{name}"}
    if sources:
        made["inputs"] = [[{"link": link} for link in equal] for equal in sources]
    if layers is not None:
        made["layers"] = [{"layer": layers, "createdAt": "2026-11-22T19:30:44Z"}]
    return made


def cache(fetched: int | None, copied: int | None, made: int | None) -> list[Record]:
    """base; RUN (fetch); COPY source; RUN (make); COPY --link --from the last, by its name and by its content."""
    return [
        record("base"),
        record("fetch", [[BASE]], fetched),
        record("copy", [[1], [CONTEXT]], copied),
        record("make", [[2]], made),
        record("context"),
        record("content"),
        record("link", [[3, 5]], 3),
        record("image", [[BASE], [6]], 4),
    ]


def lacking(tmp_path: Path, records: list[Record]) -> int:
    store = Layout(tmp_path)
    config = store.add({"layers": [], "records": records}, CACHE_CONFIG)
    top = store.add({"manifests": [config.json()]}, INDEX)
    return lacking_steps(store, [top, top])


@pytest.mark.parametrize(
    ("held", "expected"),
    [((0, 1, 2), 0), ((None, None, None), 3), ((0, 1, None), 1), ((0, None, None), 2), ((None, None, 2), 2)],
)
def test_a_step_known_by_name_alone_is_counted_once(
    held: tuple[int | None, int | None, int | None], expected: int, tmp_path: Path
) -> None:
    assert lacking(tmp_path, cache(*held)) == expected


def test_an_older_step_of_the_same_outcome_need_not_be_there(tmp_path: Path) -> None:
    records = cache(0, 1, 2)
    records.append(record("fetch as it was last week", [[BASE]]))
    records[2] = record("copy", [[1, 8], [CONTEXT]], 1)
    assert lacking(tmp_path, records) == 0
    records[1] = record("fetch", [[BASE]])
    assert lacking(tmp_path, records) == 1


def test_a_step_that_was_met_in_two_ways_is_there_if_one_of_them_is(tmp_path: Path) -> None:
    records = [*cache(None, 1, 2), record("fetch", [[BASE]], 0)]
    assert lacking(tmp_path, records) == 0


def test_a_cache_without_a_word_about_steps_lacks_none(tmp_path: Path) -> None:
    assert lacking(tmp_path, []) == 0
