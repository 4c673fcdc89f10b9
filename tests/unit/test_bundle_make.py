"""Where a bundle may be made: its files replace and remove what is there, so never over what is another's."""

from pathlib import Path

import pytest

from mlperf_bake.bundle.make import UNFINISHED, _claim
from mlperf_bake.bundle.record import RECORD
from mlperf_bake.errors import UsageError


@pytest.mark.parametrize("held", [(), (RECORD, "blobs"), (UNFINISHED, "blobs")])
def test_a_new_place_an_empty_one_and_a_bundle_are_taken(tmp_path: Path, held: tuple[str, ...]) -> None:
    place = tmp_path / "bundle"
    if held:
        place.mkdir()
    for name in held:
        (place / name).touch()
    _claim(place)
    assert (place / UNFINISHED).exists()
    _claim(place)


def test_what_is_another_s_is_refused_and_stays(tmp_path: Path) -> None:
    blob = tmp_path / "layout" / "blobs" / "sha256" / "ab"
    blob.parent.mkdir(parents=True)
    blob.write_text("theirs")
    with pytest.raises(UsageError, match="something else"):
        _claim(tmp_path / "layout")
    with pytest.raises(UsageError, match="no directory"):
        _claim(blob)
    assert blob.read_text() == "theirs" and not (tmp_path / "layout" / UNFINISHED).exists()
