"""The scheduler, with a program in buildx's place: many builds, failures, turns, room, and what is left behind."""

import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build import scheduler, service
from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.journal import Entry, Journal
from mlperf_bake.build.room import UNKNOWN, estimate, warning
from mlperf_bake.build.service import BuildOptions, BuildReport, build_images
from mlperf_bake.engine.disk import BUILD_NEEDS, GIB
from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import BuildFailed, DiskFull, Interrupted
from mlperf_bake.plan.image import PlannedImage
from tests.support.small_disk_engine import SmallDisk, small_disk_engine
from tests.support.stand_in_buildx import calls, stand_in_engine

TAKEN = 'image "docker.io/mlperf-bake/c1:aaaaaaaaaaaa": already exists'


def planned(cell: str) -> PlannedImage:
    return PlannedImage(
        cell_id=cell,
        sections=("FROM base\n",),
        dockerfile_path=f"images/cpu/{cell}/Dockerfile",
        platform="linux/amd64",
        fingerprint="sha256:" + "a" * 64,
        ingredients=(),
        tags=(f"mlperf-bake/{cell}:aaaaaaaaaaaa", f"mlperf-bake/{cell}:latest"),
        labels=(),
        build_args=(),
        contexts=(),
    )


@pytest.fixture
def buildx(tmp_path: Path) -> Path:
    folder = tmp_path / "buildx"
    folder.mkdir()
    return folder


@pytest.fixture
def engine(buildx: Path) -> Engine:
    return stand_in_engine(buildx)


@pytest.fixture
def options(tmp_path: Path) -> BuildOptions:
    return BuildOptions(checkout=tmp_path, state=tmp_path / "state", jobs=4, force=True)


def build(engine: Engine, options: BuildOptions, *cells: str, said: list[str] | None = None) -> BuildReport:
    return build_images(
        [planned(cell) for cell in cells], engine, options, say=(said if said is not None else []).append
    )


def test_of_sixty_cells_with_three_broken_ones_all_others_are_built(
    buildx: Path, engine: Engine, options: BuildOptions
) -> None:
    cells = [f"c{number}" for number in range(60)]
    for broken in ("c0", "c31", "c59"):
        (buildx / f"{broken}.fails").write_text("exit code: 2", encoding="utf-8")
    report = build(engine, options, *cells)
    assert [one.cell_id for one in report.done] == [
        cell for cell in cells if cell not in ("c0", "c31", "c59")
    ]
    assert sorted(failure.cell_id for failure in report.failures) == ["c0", "c31", "c59"]
    assert sorted(calls(buildx)) == sorted(cells), "one call a cell"
    with pytest.raises(BuildFailed, match="3 of 60 images were not built"):
        report.raise_if_failed()
    ends = [entry.what for entry in options.journal.entries() if entry.what != "started"]
    assert (ends.count("built"), ends.count("failed")) == (57, 3)


def test_a_name_that_another_build_took_at_that_moment_is_no_failure(
    buildx: Path, engine: Engine, options: BuildOptions
) -> None:
    (buildx / "c1.fails").write_text(TAKEN + "once", encoding="utf-8")
    report = build(engine, options, "c1")
    assert [one.cell_id for one in report.done] == ["c1"]
    assert calls(buildx) == ["c1", "c1"]


def test_a_name_that_stays_taken_ends_with_a_sentence(
    buildx: Path, engine: Engine, options: BuildOptions
) -> None:
    (buildx / "c1.fails").write_text(TAKEN, encoding="utf-8")
    (failure,) = build(engine, options, "c1").failures
    assert failure.message == "another build of the same image ended at the same moment"
    assert calls(buildx) == ["c1"] * 3


def test_two_builds_of_one_cell_in_one_checkout_take_turns(
    buildx: Path, engine: Engine, options: BuildOptions
) -> None:
    gate = buildx / "c1.waits"
    gate.touch()
    reports: list[BuildReport] = []
    threads = [
        threading.Thread(target=lambda: reports.append(build(engine, options, "c1"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 10
    while not calls(buildx) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.4)
    assert calls(buildx) == ["c1"], "the other one waits"
    gate.unlink()
    for thread in threads:
        thread.join(timeout=10)
    assert [len(report.done) for report in reports] == [1, 1]
    assert calls(buildx) == ["c1", "c1"]
    log = (options.state / "logs" / "c1.log").read_text(encoding="utf-8")
    assert "another build of this cell was at work in this checkout" in log


def test_no_more_builds_start_on_a_full_disk_and_what_runs_is_finished(
    buildx: Path, engine: Engine, options: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(engine: Engine, say: object) -> None:
        if len(calls(buildx)) >= 2:
            raise DiskFull("not enough room for another image", found="0.5 GiB free")

    monkeypatch.setattr(service, "require_room_for_one_more", full)
    report = build(engine, replace(options, jobs=1), "c1", "c2", "c3", "c4")
    assert [one.cell_id for one in report.done] == ["c1", "c2"]
    assert report.not_started == ("c3", "c4")
    with pytest.raises(DiskFull, match="another image") as caught:
        report.raise_if_failed()
    assert caught.value.exit_code == 8


def test_a_build_that_takes_longer_than_it_may_is_ended_and_the_others_go_on(
    buildx: Path, engine: Engine, options: BuildOptions
) -> None:
    (buildx / "c1.waits").touch()
    started = time.monotonic()
    report = build(engine, replace(options, jobs=1, limit_s=1.5), "c1", "c2")
    assert time.monotonic() - started < 10
    assert [one.cell_id for one in report.done] == ["c2"]
    (failure,) = report.failures
    assert (failure.cell_id, failure.message) == (
        "c1",
        "it took longer than the 0.025 minutes of --time-limit",
    )
    assert [line.what for line in options.journal.entries()] == ["started", "failed", "started", "built"]
    assert calls(buildx) == ["c1", "c2"], "it is not tried again"


@pytest.mark.parametrize("end", ["fails", "waits"])
def test_a_build_that_fails_or_is_ended_leaves_nothing_of_a_layout(
    end: str, buildx: Path, engine: Engine, options: BuildOptions
) -> None:
    layouts = options.state / "layouts"
    (buildx / "c1.begins").write_text(str(layouts / "c1"), encoding="utf-8")
    (buildx / f"c1.{end}").write_text("exit code: 2", encoding="utf-8")
    limited = replace(options, output=Output(layouts=layouts), limit_s=1.0 if end == "waits" else None)
    assert len(build(engine, limited, "c1").failures) == 1
    assert list(layouts.iterdir()) == []


def test_ctrl_c_waits_for_no_registry_that_is_silent(
    buildx: Path, engine: Engine, options: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = threading.Event()
    monkeypatch.setattr(scheduler, "LEFT_S", 0.2)

    def deliver(image: PlannedImage, said: object, stopped: object) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        silent.wait(30)
        return ""

    layouts = options.state / "layouts"
    (buildx / "c1.begins").write_text(str(layouts / "c1"), encoding="utf-8")
    delivering = replace(options, output=Output(layouts=layouts), deliver=deliver)
    started = time.monotonic()
    with pytest.raises(Interrupted):
        build(engine, delivering, "c1")
    assert time.monotonic() - started < 10
    assert [line.what for line in options.journal.entries()] == ["started", "interrupted"]
    assert list(layouts.iterdir()) == []
    silent.set()


def entry(cell: str, size: int) -> Entry:
    return Entry("2026-11-22T09:15:00+00:00", "built", cell, "linux/amd64", "sha256:aa", size=size)


def test_an_estimate_takes_what_earlier_builds_left_and_their_median_for_others() -> None:
    images = [planned(cell) for cell in ("a", "b", "c")]
    assert estimate(images, []).total == BUILD_NEEDS + 3 * UNKNOWN
    told = estimate(
        images, [entry("a", 7 * GIB), entry("a", 1 * GIB), entry("b", 3 * GIB), entry("z", 5 * GIB)]
    )
    assert told.total == BUILD_NEEDS + (1 + 3 + 3) * GIB
    assert str(told) == "up to 10.0 GiB for 3 images (2 of 3 by the size of an earlier build)"


def test_too_little_room_for_all_is_a_warning_and_for_one_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SmallDisk(0)
    with small_disk_engine(tmp_path, held, monkeypatch) as here:
        wanted = estimate([planned(cell) for cell in "abcdefgh"], [])
        held.free = wanted.total
        assert warning(here, wanted, print) == ""
        held.free = wanted.total - 1
        assert warning(here, wanted, print).startswith(
            f"{tmp_path} has 7.0 GiB free, and this build takes up to 7.0 GiB"
        )
        held.free = BUILD_NEEDS - 1
        with pytest.raises(DiskFull, match="not enough room for a build"):
            warning(here, wanted, print)


def test_a_journal_of_an_earlier_version_is_read_and_sizes_come_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    old = {"time": "t", "what": "built", "cell": "a", "platform": "linux/amd64", "fingerprint": "sha256:aa"}
    path.write_text(json.dumps(old) + "\n", encoding="utf-8")
    Journal(path).append(entry("b", 9))
    assert [(one.cell, one.size) for one in Journal(path).entries()] == [("a", 0), ("b", 9)]
