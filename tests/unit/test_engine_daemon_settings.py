"""daemon.json of an engine that is set up here."""

import json
from pathlib import Path

import pytest

from mlperf_bake.engine import daemon_settings
from mlperf_bake.engine.daemon_settings import LEAST_CACHE, MOST_CACHE, cache_limit, write_daemon_settings
from mlperf_bake.engine.disk import GIB

BEFORE = {"features": {"containerd-snapshotter": True}}
"""What versions without a limit wrote."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file goes, on a disk with 40.5 GiB available."""
    monkeypatch.setattr(daemon_settings, "free_bytes", lambda place: 40 * GIB + GIB // 2)
    file = tmp_path / "etc/docker/daemon.json"
    file.parent.mkdir(parents=True)
    return file


def test_they_choose_the_store_and_limit_the_build_cache_to_half_of_the_room(
    path: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    assert write_daemon_settings(said.append, tmp_path)
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["features"] == {"containerd-snapshotter": True}
    assert written["builder"]["gc"] == {
        "enabled": True,
        "defaultKeepStorage": "20GB",
        "defaultMaxUsedSpace": "20GB",
        "defaultMinFreeSpace": "10GB",
        "defaultReservedSpace": "1GB",
    }
    assert len(said) == 1
    assert "at most 20 GiB of build cache" in said[0]
    assert not write_daemon_settings(said.append, tmp_path), "once"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_an_earlier_version_gets_the_limit(path: Path, tmp_path: Path) -> None:
    path.write_text(json.dumps(BEFORE), encoding="utf-8")
    assert write_daemon_settings(lambda text: None, tmp_path)
    assert "builder" in json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "not json",
        json.dumps({**BEFORE, "registry-mirrors": ["https://mirror.example"]}),
        json.dumps({"features": {"containerd-snapshotter": False}}),
        json.dumps({**BEFORE, "builder": {"gc": {"enabled": False}}}),
    ],
)
def test_a_users_file_is_left_alone_to_the_byte(text: str, path: Path, tmp_path: Path) -> None:
    path.write_text(text, encoding="utf-8")
    assert not write_daemon_settings(print, tmp_path)
    assert path.read_text(encoding="utf-8") == text


def test_the_limit_has_bounds() -> None:
    assert cache_limit(0) == LEAST_CACHE
    assert cache_limit(31 * GIB) == 15 * GIB
    assert cache_limit(1 << 50) == MOST_CACHE
