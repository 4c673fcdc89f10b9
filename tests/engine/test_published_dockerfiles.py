"""Every published Dockerfile is one that BuildKit accepts: parsed, every stage and context resolved, nothing built.

BuildKit's own outline of a Dockerfile does that much; a Debian stands in for the vendors' base images.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlperf_bake.engine.find import Engine
from mlperf_bake.matrix.values import Cell
from mlperf_bake.project import open_project
from tests.engine.journey import ROOT

PROJECT = open_project(ROOT)
AT_ONCE = 4


def kinds() -> dict[tuple[str, ...], Cell]:
    """One published cell for each way in which their stages differ: those of one kind differ in names and hashes alone."""
    matrix = PROJECT.matrix
    found: dict[tuple[str, ...], Cell] = {}
    for cell in PROJECT.published():
        model, framework = matrix.models[cell.model], matrix.framework_of(cell)
        shape = matrix.implementations[cell.implementation].template
        weights = "supplied" if model.weights.supply else model.weights.kind
        converted = str(not framework.reads(model.weights))
        key = (
            shape,
            cell.hardware,
            matrix.os[cell.os].family,
            cell.os,
            framework.template,
            weights,
            converted,
        )
        found.setdefault(key, cell)
    return found


def outline(engine: Engine, dockerfile: Path, base: str) -> subprocess.CompletedProcess[str]:
    """What BuildKit says of a Dockerfile whose every base image is ``base``."""
    contexts = [f"--build-context={name}={base}" for name in ("base", "build-base", "tools-base")]
    return subprocess.run(
        [*engine.buildx, "build", "--print=outline", *contexts, f"--file={dockerfile}", str(ROOT)],
        env={**os.environ, "BUILDX_EXPERIMENTAL": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_engine_accepts_every_kind_of_published_dockerfile(engine: Engine, base: str) -> None:
    cells = list(kinds().values())
    assert {cell.hardware for cell in cells} == set(PROJECT.matrix.hardware)
    assert {cell.os for cell in cells} == set(PROJECT.matrix.os)
    files = [ROOT / "images" / cell.hardware / cell.id / "Dockerfile" for cell in cells]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda file: outline(engine, file, base), files))
    assert {
        file.parent.name: done.stderr[-2000:]
        for file, done in zip(files, said, strict=True)
        if done.returncode
    } == {}
    assert all("FINGERPRINT" in done.stdout for done in said)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("COPY --link --from=harness", "COPYY --link --from=harness", "unknown instruction: COPYY"),
        ("FROM toolchain AS directories", "FROM tooolchain:-x AS directories", "tooolchain"),
    ],
)
def test_a_dockerfile_that_is_none_is_refused(
    engine: Engine, base: str, tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    file = ROOT / "images/cpu/efficientnet-lite0-cpp-onnxruntime-cpu-debian12/Dockerfile"
    text = file.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "Dockerfile").write_text(text.replace(old, new, 1), encoding="utf-8")
    done = outline(engine, tmp_path / "Dockerfile", base)
    assert done.returncode != 0 and complaint in done.stderr
