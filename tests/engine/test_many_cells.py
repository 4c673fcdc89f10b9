"""A matrix of sixty cells, three of them broken, planned, built, killed on the way and gone on with; and one cell built by
several at once. The images hold one file each, so that BuildKit has little to do."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.service import BuildOptions, BuildReport, build_images
from mlperf_bake.build.state import named_images
from mlperf_bake.engine.find import Engine
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.project import Project
from tests.bench.generate_matrix import Size, matrix_text
from tests.engine.processes import command_lines, driven
from tests.support.second_matrix import make_project

NAME = f"many-{os.getpid()}-m"
"""Begins the name of each cell; no other process takes the same."""

SKELETON = """FROM scratch
{% if cell.model == "NAME3" and cell.os == "os1" and cell.hardware in ("hw1", "hw2", "hw3") %}
{{ part("broken.j2", cell=cell) }}
{% endif %}
COPY <<'EOS' /cell
{{ cell.id }} SALT
EOS
ARG FINGERPRINT=""
LABEL org.mlperf-bake.cell="{{ cell.id }}" org.mlperf-bake.fingerprint="$FINGERPRINT"
"""
BROKEN = """# the second line is the one that fails
RUN ["/no-such-program"]
"""


@pytest.fixture
def sixty(tmp_path: Path, engine: Engine, salt: str) -> Iterator[Project]:
    """Sixty cells; the three of model 3, os1 and hardware 1 to 3 cannot be built. Their images are removed again."""
    text = matrix_text(Size(models=6, implementations=1, frameworks=1, os=2))
    text = re.sub(r"(?m)^  model(?=[0-9])", f"  {NAME}", text)
    root = tmp_path / "sixty"
    root.mkdir()
    project = make_project(root, text)
    (root / "templates" / "Dockerfile.j2").write_text(
        SKELETON.replace("SALT", salt).replace("NAME", NAME), encoding="utf-8"
    )
    (root / "templates" / "broken.j2").write_text(BROKEN, encoding="utf-8")
    yield project
    images = project.plan(project.matrix.every_cell)
    there = named_images(engine.host, [image.tags[0] for image in images])
    engine.call("image", "rm", "--force", *(image.id for image in there.values()), timeout=300)


def built(options: BuildOptions) -> list[str]:
    return [entry.cell for entry in options.journal.entries() if entry.what == "built"]


def test_of_sixty_cells_57_are_built_and_three_fail_by_template_and_line_even_after_kill_9(
    engine: Engine, sixty: Project, options: BuildOptions, tmp_path: Path
) -> None:
    images = sixty.plan(sixty.matrix.every_cell)
    assert len(images) == 60
    options = replace(options, jobs=4)
    with driven(tmp_path / "driver", "build", images, options) as running:
        until = time.monotonic() + 60
        while len(built(options)) < 20 and time.monotonic() < until:
            assert running.process.poll() is None, running.output
            time.sleep(0.05)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    before = built(options)
    assert 20 <= len(before) < 57

    report = build_images(images, engine, options, origin=sixty.origin, say=lambda text: None)
    how = {image.cell_id: image.how for image in report.done}
    assert len(how) == 57
    assert {how[cell] for cell in before} == {"up to date"}, "what was built is not built again"
    assert sorted(failure.cell_id for failure in report.failures) == sorted(
        f"{NAME}3-impl0-fw0-hw{number}-os1" for number in (1, 2, 3)
    )
    assert {failure.place for failure in report.failures} == {"templates/broken.j2:2"}
    there = named_images(engine.host, [image.tags[0] for image in images])
    missing = {image.cell_id for image in images if image.fingerprint not in there}
    assert missing == {failure.cell_id for failure in report.failures}


def test_a_build_that_is_stopped_leaves_whole_images_and_nothing_else(
    engine: Engine, sixty: Project, options: BuildOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = sixty.plan(sixty.matrix.every_cell)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    options = replace(options, jobs=4)
    with driven(tmp_path / "driver", "build", images, options) as running:
        until = time.monotonic() + 60
        while len(built(options)) < 4 and time.monotonic() < until:
            assert running.process.poll() is None, running.output
            time.sleep(0.05)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=30) == 130
    assert not [line for line in command_lines() if str(options.state) in line], "no buildx is left"
    assert list(scratch.iterdir()) == []
    last = options.journal.last()
    assert {entry.what for entry in last.values()} <= {"built", "failed", "interrupted"}, (
        "none is left as started"
    )
    there = named_images(engine.host, [tag for image in images for tag in image.tags])
    whole = {image.cell_id for image in images if image.fingerprint in there}
    assert {cell for cell, entry in last.items() if entry.what == "built"} <= whole
    assert all(
        set(image.tags) == set(there[image.fingerprint].tags) for image in images if image.cell_id in whole
    )


def test_one_cell_built_by_three_at_once_is_built_by_all(
    engine: Engine, sixty: Project, options: BuildOptions, tmp_path: Path
) -> None:
    images = sixty.plan(sixty.matrix.every_cell[:3])
    reports: list[BuildReport] = []

    def build(number: int, image: PlannedImage) -> None:
        own = replace(options, state=tmp_path / f"state-{number}", force=True)
        reports.append(build_images([image], engine, own, say=lambda text: None))

    for image in images:
        threads = [threading.Thread(target=build, args=(number, image)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [failure.message for report in reports for failure in report.failures] == []
    assert sorted(report.done[0].cell_id for report in reports) == sorted(
        image.cell_id for image in images for _ in range(3)
    )
