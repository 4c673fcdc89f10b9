"""The cache keeps what it was given, notices what was changed, and survives processes that die at any point."""

import errno
import hashlib
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.cache.store import Cache, ChecksumMismatch, default_root, publish
from mlperf_bake.cache.workspace import PREFIX, workspace
from mlperf_bake.errors import DiskFull, UsageError


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def store(cache: Cache, content: bytes) -> Path:
    with cache.workspace() as scratch:
        file = scratch / "file"
        file.write_bytes(content)
        return cache.admit(file, sha256(content))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(content=st.binary(max_size=5000))
def test_what_is_admitted_is_found_again(tmp_path: Path, content: bytes) -> None:
    cache = Cache(tmp_path)
    store(cache, content)
    found = cache.find(sha256(content))
    assert found is not None
    assert found.read_bytes() == content
    assert stat.S_IMODE(found.stat().st_mode) == 0o444


def test_an_object_that_was_never_stored_is_not_found(tmp_path: Path) -> None:
    assert Cache(tmp_path / "nothing").find("0" * 64) is None


@pytest.mark.parametrize("damage", [b"", b"conten", b"Content", b"content and more"])
def test_a_truncated_or_changed_object_is_removed_and_can_be_stored_again(
    tmp_path: Path, damage: bytes
) -> None:
    cache = Cache(tmp_path)
    file = store(cache, b"content")
    file.chmod(0o644)
    file.write_bytes(damage)
    assert cache.find(sha256(b"content")) is None
    assert not file.exists()
    store(cache, b"content")
    assert cache.find(sha256(b"content")) == file


def test_a_file_with_another_checksum_is_refused_with_both_sums(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.workspace() as scratch:
        (scratch / "file").write_bytes(b"other")
        with pytest.raises(ChecksumMismatch) as refusal:
            cache.admit(scratch / "file", sha256(b"content"))
    assert sha256(b"other") in str(refusal.value)
    assert sha256(b"content") in str(refusal.value)
    assert cache.find(sha256(b"content")) is None
    assert not any((tmp_path / "work").iterdir())


def test_a_checksum_mismatch_crosses_processes_unchanged() -> None:
    error = ChecksumMismatch("file", "1" * 64, "2" * 64)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_many_threads_storing_one_object_all_find_it_whole(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    content = os.urandom(100_000)
    with ThreadPoolExecutor(8) as pool:
        files = set(pool.map(lambda _: store(cache, content), range(16)))
    assert files == {cache.find(sha256(content))}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"MLPERF_BAKE_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/mlperf-bake"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/c"}, "/c/.cache/mlperf-bake"),
        ({"HOME": "/c"}, "/c/.cache/mlperf-bake"),
    ],
)
def test_the_root_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("MLPERF_BAKE_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_root() == Path(expected)


def test_a_workspace_leaves_nothing_behind_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), workspace(tmp_path) as scratch:
        (scratch / "part").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_leftovers_of_a_killed_process_are_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from mlperf_bake.cache.workspace import workspace\n"
        "with workspace(Path(sys.argv[1])) as scratch:\n"
        "    (scratch / 'half').write_bytes(b'x' * 1000); print('ready', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    with workspace(tmp_path):
        alive = [entry for entry in tmp_path.iterdir() if (entry / "half").exists()]
        assert len(alive) == 1, "the workspace of a living process was removed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert alive[0].exists()
    with workspace(tmp_path) as scratch:
        remaining = {entry.name for entry in tmp_path.iterdir()}
        assert remaining == {scratch.name, f"{scratch.name}.lock"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_as_such(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFull, match="no room"), workspace(tmp_path):
        raise OSError(number, os.strerror(number))


def test_a_parent_that_is_a_file_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot be written") as refusal,
        workspace(tmp_path / "file" / "cache"),
    ):
        pass
    assert str(tmp_path / "file") in str(refusal.value)


def test_a_cache_that_cannot_be_made_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot be written") as refusal,
        Cache(tmp_path / "file").making("things", "key"),
    ):
        pass
    assert "MLPERF_BAKE_CACHE" in str(refusal.value)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError

    for name in ("MLPERF_BAKE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(UsageError, match="no home directory"):
        default_root()


def test_publishing_makes_everything_readable_by_others(tmp_path: Path) -> None:
    with workspace(tmp_path) as scratch:
        (scratch / "inner").mkdir(mode=0o700)
        (scratch / "inner" / "file").touch(mode=0o600)
        publish(scratch, tmp_path / "done")
    assert stat.S_IMODE((tmp_path / "done").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "done" / "inner").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "done" / "inner" / "file").stat().st_mode) == 0o644


def test_publishing_never_overwrites_a_directory_with_content(tmp_path: Path) -> None:
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "kept").write_text("kept")
    with workspace(tmp_path) as scratch, pytest.raises(UsageError, match="another process"):
        publish(scratch, tmp_path / "done")
    assert (tmp_path / "done" / "kept").read_text() == "kept"
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(PREFIX)]


def test_one_process_at_a_time_makes_a_directory(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    inside: list[int] = []
    seen: list[int] = []
    waited: list[str] = []

    def make(number: int) -> None:
        with cache.making("things", "key", lambda step, done, total: waited.append(step)):
            inside.append(number)
            seen.append(len(inside))
            time.sleep(0.005)
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(8)))
    assert seen == [1] * 8
    assert set(waited) == {"waiting for another process that makes key"}
