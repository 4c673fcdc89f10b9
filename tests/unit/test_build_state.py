"""What is built, asked of a daemon that is a few lines of Python."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlperf_bake.build.state import (
    CELL_LABEL,
    FEW_NAMES,
    FINGERPRINT_LABEL,
    NAMES_AN_IMAGE,
    named_images,
    states,
)
from mlperf_bake.errors import EngineMissing
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.state import INGREDIENTS_LABEL, ROUND_LABEL
from tests.support.standin_daemon import StandinDaemon

OLD, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")


def image(fingerprint: str, *tags: str, **labels: str) -> dict[str, object]:
    """What the daemon tells of an image."""
    named = {name.replace("_", "."): value for name, value in labels.items()}
    return {
        "Id": f"id of {fingerprint[7:8]}",
        "RepoTags": list(tags),
        "Config": {"Labels": {FINGERPRINT_LABEL: fingerprint, **named} if fingerprint else None},
        "Size": 7,
    }


def planned(cell_id: str, fingerprint: str) -> PlannedImage:
    tags = (f"mlperf-bake/{cell_id}:{fingerprint[7:19]}", f"mlperf-bake/{cell_id}:latest")
    return PlannedImage(
        cell_id, ("FROM x",), "d", "linux/amd64", fingerprint, (("file a", "1"),), tags, (), (), ()
    )


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[StandinDaemon]:
    with StandinDaemon(tmp_path / "d.sock") as standin:
        yield standin


def test_an_image_is_found_by_any_of_its_names_and_others_are_not_told_of(daemon: StandinDaemon) -> None:
    new = image(NEW, "net:b", "net:latest")
    daemon.images = {"net:b": new, "net:latest": new, "plain:x": image("", "plain:x")}
    found = named_images(daemon.host, ["net:latest", "net:b", "net:b", "plain:x", "gone:y"])
    assert set(found) == {NEW}
    assert found[NEW].tags == ("net:b", "net:latest")
    assert (found[NEW].id, found[NEW].size) == ("id of 2", 7)
    assert dict(found[NEW].labels) == {FINGERPRINT_LABEL: NEW}
    assert sorted(daemon.asked) == [
        f"/images/{name}/json" for name in ("gone:y", "net:b", "net:latest", "plain:x")
    ]


def test_what_else_the_engine_keeps_is_not_listed_unless_that_is_faster(daemon: StandinDaemon) -> None:
    names = [f"mlperf-bake/cell-{number}:latest" for number in range(FEW_NAMES + 50)]
    daemon.images = {
        names[3]: image(NEW, names[3]),
        "mlperf-bake/else:latest": image(OLD, "mlperf-bake/else:latest"),
    }
    daemon.info = {"Images": len(names) // NAMES_AN_IMAGE + 1}
    by_name = named_images(daemon.host, names)
    assert not any("/images/json" in path for path in daemon.asked)
    daemon.asked.clear()
    daemon.info = {"Images": 2}
    assert named_images(daemon.host, names) == by_name
    assert set(by_name) == {NEW}
    assert [path.partition("?")[0] for path in daemon.asked] == ["/info", "/images/json"]
    assert json.loads(daemon.filters[-1]) == {"reference": ["mlperf-bake/*"]}


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_daemon_that_is_not_there_is_said(tmp_path: Path, count: int) -> None:
    names = [f"net:{number}" for number in range(count)]
    if not count:
        assert named_images(f"unix://{tmp_path}/none.sock", names) == {}
        return
    with pytest.raises(EngineMissing) as caught:
        named_images(f"unix://{tmp_path}/none.sock", names)
    assert caught.value.remedy == "mlperf-bake doctor"


def test_a_daemon_that_fails_is_not_taken_for_one_without_the_image(daemon: StandinDaemon) -> None:
    daemon.failing = True
    with pytest.raises(EngineMissing) as caught:
        named_images(daemon.host, ["net:b"])
    assert "net:b" in str(caught.value.found)


def test_a_build_is_held_against_the_image_that_the_cells_moving_name_leads_to(daemon: StandinDaemon) -> None:
    there, changed, fresh, renamed, elsewhere = (planned(name, NEW[:-1] + name) for name in "abcde")

    def last(one: PlannedImage, fingerprint: str, round_name: str) -> dict[str, object]:
        made = image(fingerprint, one.tags[1])
        labels = {
            FINGERPRINT_LABEL: fingerprint,
            CELL_LABEL: one.cell_id,
            INGREDIENTS_LABEL: '{"file a": "0"}',
            ROUND_LABEL: round_name,
        }
        return {**made, "Config": {"Labels": labels}}

    daemon.images = {
        changed.tags[1]: last(changed, OLD, "v6.1"),
        renamed.tags[1]: last(renamed, renamed.fingerprint, "v6.1"),
        elsewhere.tags[1]: last(elsewhere, OTHER, "v5.1"),
    }
    images = [there, changed, fresh, renamed, elsewhere]
    asked = [one.tags[0] for one in images]
    found = states(images, ["a"], asked, daemon.host, "v6.1")
    assert [(one.action, one.why) for one in found] == [
        ("up to date", "an image with this fingerprint is there"),
        ("build", "file a changed"),
        ("build", "never built here"),
        ("build", "an image with this fingerprint is there, under another name only"),
        ("build", "never built here"),
    ]
    assert sorted(daemon.asked) == sorted(f"/images/{one.tags[1]}/json" for one in images[1:]), (
        "no name twice"
    )
