"""What is no file is refused at once: a pipe that nobody writes to would be waited for without end."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.loadgen_log import read_detail, read_summary
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.regular import open_regular
from mlperf_bake.results.run import DETAIL
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.submission_trees import build
from tests.support.synthetic_runs import RunSpec

WAITED_S = 10


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Ends whoever waits, so that the test fails and does not hang."""

    def waited(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("a pipe was waited for")

    before = signal.signal(signal.SIGALRM, waited)
    signal.alarm(WAITED_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["pipe", "link to a pipe", "device"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "special"
    if request.param == "device":
        path.symlink_to("/dev/zero")
        return path
    os.mkfifo(tmp_path / "pipe")
    path.symlink_to("pipe")
    return path if request.param == "link to a pipe" else tmp_path / "pipe"


def test_a_pipe_or_device_is_not_opened(special: Path) -> None:
    with pytest.raises(OSError, match="a pipe or a device"):
        open_regular(special)


def test_a_file_is_opened_also_through_a_link_and_a_directory_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


@pytest.mark.parametrize("read", [read_detail, read_summary, strict_json.read])
def test_readers_of_results_refuse_it_in_words(special: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(UsageError, match="cannot be read") as refused:
        read(special)
    assert refused.value.found == "a pipe or a device"


def test_collect_names_a_log_that_is_a_pipe_and_opens_none_that_lies_outside(tmp_path: Path) -> None:
    tree = build(tmp_path / "tree", RunSpec(model="resnet50"), "open")
    (log,) = (path for path in tree.rglob(DETAIL) if path.parent.name == "run_1" and "Offline" in path.parts)
    log.unlink()
    os.mkfifo(log)
    (left,) = collect([DirectoryPlace(tree)], tmp_path / "new", CollectOptions()).left_out
    assert "mlperf_log_detail.txt: neither a file nor a directory" in left.reason
    os.mkfifo(tmp_path / "outside")
    log.unlink()
    log.symlink_to(tmp_path / "outside")
    (left,) = collect([DirectoryPlace(tree)], tmp_path / "new", CollectOptions()).left_out
    assert "mlperf_log_detail.txt: a link leads out of the results" in left.reason
