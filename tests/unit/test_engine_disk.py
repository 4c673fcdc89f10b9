"""Room on disk."""

from pathlib import Path

import pytest

from mlperf_bake.engine import disk
from mlperf_bake.engine.disk import GIB, free_bytes, require_room
from mlperf_bake.errors import DiskFull


def test_too_little_room_is_said_with_both_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda path: 2 * GIB)
    require_room(tmp_path, 2 * GIB, "a build")
    with pytest.raises(DiskFull) as caught:
        require_room(tmp_path, 3 * GIB, "a build", remedy="prune")
    assert (caught.value.exit_code, caught.value.found, caught.value.expected, caught.value.remedy) == (
        8,
        "2.0 GiB free",
        "3.0 GiB",
        "prune",
    )


def test_a_directory_that_is_not_there_yet_is_measured_by_its_parent(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
