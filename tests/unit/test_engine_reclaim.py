"""Where the engine's disk runs short, build cache makes way: the oldest, as much as it takes, and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build import room, service
from mlperf_bake.build.room import Estimate, warning
from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.cli.app import execute
from mlperf_bake.engine import checkup
from mlperf_bake.engine.build_cache import cache_use
from mlperf_bake.engine.checkup import Finding
from mlperf_bake.engine.disk import BUILD_NEEDS, COMFORTABLE, GIB
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.reclaim import KEEP_CACHE, reclaim, require_engine_room, spare
from mlperf_bake.errors import DiskFull, EngineMissing
from tests.support.small_disk_engine import SmallDisk, Step, small_disk_engine
from tests.unit.test_build_scheduler import planned

Open = Callable[[SmallDisk], Engine]


@pytest.fixture
def engine_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens an engine with a disk; closed at the end."""
    with ExitStack() as stack:
        yield lambda held: stack.enter_context(small_disk_engine(tmp_path, held, monkeypatch))


def cache() -> list[Step]:
    """12 GiB: two steps that an image shares or a build uses, and five of 2 GiB that can go."""
    return [
        Step("shared", GIB, shared=True),
        *(Step(f"s{number}", 2 * GIB) for number in range(5)),
        Step("used", GIB, in_use=True),
    ]


def names(held: SmallDisk) -> list[str]:
    return [step.name for step in held.steps]


def test_what_can_go_is_what_no_image_shares_and_no_build_uses(engine_with: Open) -> None:
    use = cache_use(engine_with(SmallDisk(0, cache())))
    assert (use.total, use.own, use.reclaimable) == (12 * GIB, 11 * GIB, 10 * GIB)


def test_the_oldest_goes_until_there_is_enough_and_it_is_said(engine_with: Open) -> None:
    held = SmallDisk(4 * GIB, cache())
    engine, said = engine_with(held), list[str]()
    assert reclaim(engine, COMFORTABLE, said.append) == 6 * GIB
    assert names(held) == ["shared", "s3", "s4", "used"]
    assert said == [
        f"{engine.root_dir} has 4.0 GiB free: dropping what was used least of the build cache, until 10.0 GiB are",
        "dropped 6.0 GiB of build cache: 10.0 GiB are free now",
    ]


@pytest.mark.parametrize(
    "held",
    [
        SmallDisk(COMFORTABLE, cache()),
        SmallDisk(GIB, [Step("shared", GIB, shared=True), Step("used", GIB, in_use=True)]),
    ],
)
def test_where_there_is_room_or_nothing_to_drop_nothing_is_asked_or_said(
    held: SmallDisk, engine_with: Open
) -> None:
    said: list[str] = []
    assert reclaim(engine_with(held), COMFORTABLE, said.append) == 0
    assert (said, held.asked) == ([], [])


def test_what_images_and_builds_hold_stays_even_where_it_is_not_enough(engine_with: Open) -> None:
    held = SmallDisk(
        0, [Step("old", GIB), Step("shared", 9 * GIB, shared=True), Step("used", GIB, in_use=True)]
    )
    said: list[str] = []
    assert reclaim(engine_with(held), COMFORTABLE, said.append) == GIB
    assert names(held) == ["shared", "used"]
    assert said[-1] == "dropped 1.0 GiB of build cache: 1.0 GiB are free now"


def test_a_remote_engine_is_neither_looked_at_nor_asked(engine_with: Open) -> None:
    held = SmallDisk(0, cache())
    remote = replace(engine_with(held), host="tcp://builder.example:2376")
    assert (reclaim(remote, COMFORTABLE, print), spare(remote)) == (0, 0)
    require_engine_room(remote, BUILD_NEEDS, "a build", print)
    assert held.asked == []


def test_an_engine_in_a_virtual_machine_is_not_judged_by_this_machines_disk(engine_with: Open) -> None:
    held = SmallDisk(0, cache())
    desktop = replace(engine_with(held), root_dir="/nowhere/on/this/machine")
    assert (reclaim(desktop, COMFORTABLE, print), list(checkup._disk(desktop))) == (0, [])
    require_engine_room(desktop, BUILD_NEEDS, "a build", print)


def test_a_build_short_of_room_takes_it_from_the_cache(engine_with: Open) -> None:
    held = SmallDisk(BUILD_NEEDS - 1, cache())
    require_engine_room(engine_with(held), BUILD_NEEDS, "a build", lambda text: None)
    assert held.free >= COMFORTABLE, "as much as is comfortable, so that the next build need not"


def test_a_cache_that_would_not_make_up_for_it_is_not_thrown_away(engine_with: Open) -> None:
    held = SmallDisk(GIB, [Step("old", GIB)])
    with pytest.raises(DiskFull) as caught:
        require_engine_room(engine_with(held), BUILD_NEEDS, "a build", print)
    assert (names(held), caught.value.found, caught.value.expected) == (["old"], "1.0 GiB free", "3.0 GiB")
    assert caught.value.remedy is not None
    assert "1.0 GiB of build cache can go, too little" in caught.value.remedy


def test_who_shares_an_engine_can_keep_its_cache_and_is_told_the_command(
    engine_with: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SmallDisk(GIB, cache())
    engine = engine_with(held)
    monkeypatch.setenv(KEEP_CACHE, "1")
    with pytest.raises(DiskFull) as caught:
        require_engine_room(engine, BUILD_NEEDS, "a build", print)
    assert caught.value.remedy is not None
    assert "doctor --mend drops what was used least of 10.0 GiB of build cache" in caught.value.remedy
    assert (held.asked, spare(engine)) == ([], 0)


def test_an_engine_that_does_not_drop_says_why(engine_with: Open) -> None:
    with pytest.raises(EngineMissing, match="does not tell or drop its build cache") as caught:
        reclaim(engine_with(SmallDisk(0, cache(), refuses=True)), COMFORTABLE, print)
    assert "not today" in str(caught.value)


def test_a_campaign_goes_on_where_the_disk_fills_up_on_the_way(
    tmp_path: Path, engine_with: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty images of which each takes a gigabyte, on a disk for five: cache makes way between them."""
    held = SmallDisk(6 * GIB, [Step(f"s{number}", GIB) for number in range(40)])
    engine = engine_with(held)
    one_more = room.require_room_for_one_more

    def taking(engine: Engine, say: Callable[[str], None]) -> None:
        held.free -= GIB
        one_more(engine, say)

    monkeypatch.setattr(service, "require_room_for_one_more", taking)
    said: list[str] = []
    options = BuildOptions(checkout=tmp_path, state=tmp_path / "state", jobs=2, force=True)
    report = build_images([planned(f"c{number}") for number in range(20)], engine, options, say=said.append)
    assert (len(report.done), report.refused, report.not_started) == (20, None, ())
    dropped = [line for line in said if line.startswith("dropped ")]
    assert dropped, "and it is said"
    assert len(dropped) < 5, "not for each image anew"
    assert held.steps[-1].name == "s39", "the newest stays"


def test_cache_that_can_go_counts_as_room_in_the_estimate(
    engine_with: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with(SmallDisk(5 * GIB, cache()))
    assert warning(engine, Estimate(15 * GIB, 9, 9), print) == ""
    assert "this build takes up to 16.0 GiB" in warning(engine, Estimate(16 * GIB, 9, 9), print)
    monkeypatch.setenv(KEEP_CACHE, "1")
    assert "this build takes up to 15.0 GiB" in warning(engine, Estimate(15 * GIB, 9, 9), print)


@pytest.mark.parametrize(
    ("free", "steps", "state", "remedy"),
    [
        (COMFORTABLE, cache(), "ok", ""),
        (COMFORTABLE - 1, cache(), "note", "doctor --mend"),
        (GIB, cache(), "note", "doctor --mend"),
        (COMFORTABLE - 1, [], "note", "docker system df"),
        (GIB, [Step("old", GIB)], "missing", "docker system df"),
    ],
)
def test_doctor_tells_room_and_cache(
    free: int, steps: list[Step], state: str, remedy: str, engine_with: Open
) -> None:
    (finding,) = checkup._disk(engine_with(SmallDisk(free, steps)))
    assert isinstance(finding, Finding)
    assert (finding.name, finding.state) == ("disk", state)
    assert remedy in finding.remedy
    assert f"{free / GIB:.1f} GiB free in " in finding.found


def test_doctor_mends_a_full_disk_and_refuses_what_is_no_platform(
    engine_with: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = SmallDisk(GIB, cache())
    engine = engine_with(held)
    monkeypatch.setattr("mlperf_bake.engine.bootstrap.ensure_engine", lambda say: engine)
    monkeypatch.setattr(checkup, "check_machine", lambda platforms: (Finding("disk", "ok", "enough"),))
    assert execute(["doctor", "--mend"]) == 0
    assert held.free >= COMFORTABLE
    assert "dropped 10.0 GiB of build cache: 11.0 GiB are free now" in capsys.readouterr().err
    assert execute(["doctor", "--platform", "linux/arm"]) == 2
    assert "linux/amd64 or linux/arm64" in capsys.readouterr().err
