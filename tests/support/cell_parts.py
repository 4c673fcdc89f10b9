"""The inputs of a cell's harness, taken out of the stages of its own Dockerfile: the same bytes that the image is made of.

With them the harness is compiled by plain CMake outside any container: for its C++ tests and for measurements.
"""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.build.contexts import overrides_for
from mlperf_bake.build.local_wheels import with_local_wheels
from mlperf_bake.build.target import bake_environment
from mlperf_bake.engine.bootstrap import ensure_engine
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.secrets import host_find_links, host_secrets
from mlperf_bake.matrix.values import Framework
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.project import Project

COLLECT = """

FROM scratch AS cell-parts
COPY --from=loadgen-source /loadgen/ /loadgen/
COPY --from=runtime-headers /headers/usr/include/ /include/
COPY --from=runtime-libs /opt/mlperf-bake/lib/ /lib/
COPY --from=runtime-libs /opt/mlperf-bake/pytho[n]/ /python/
COPY --from={weights} /opt/mlperf-bake/weights/ /weights/
"""
"""A stage more for a cell's Dockerfile. ``pytho[n]`` is there only where the cell's backend is ``python``: a pattern may match
nothing."""
MADE_FROM = "made-from"
"""The fingerprint of the image whose parts these are."""
WITHIN_S = 3600
"""A network compiled by TVM, beside other builds, takes many minutes; what takes longer than this stands still."""
IN_BUILD = {"/loadgen": "loadgen", "/headers": "include", "/opt/mlperf-bake/lib": "lib"}
"""Where a build step of the harness finds the runtime, and where it lies among the parts."""


@dataclass(frozen=True, slots=True)
class CellParts:
    """Directories: LoadGen's sources, C++ headers, runtime libraries, weights; the text of cell.conf; and what CMake is
    told to compile the cell's backend, the LoadGen included."""

    root: Path
    cell_conf: str
    cmake: tuple[str, ...]

    @property
    def loadgen(self) -> Path:
        return self.root / "loadgen"

    @property
    def include(self) -> Path:
        return self.root / "include"

    @property
    def lib(self) -> Path:
        return self.root / "lib"

    @property
    def weights(self) -> Path:
        return self.root / "weights"


def cell_parts(project: Project, target: str, out: Path) -> CellParts:
    """The files of the cell's stages below ``out``; those that lie there already where they are of the same image."""
    engine = ensure_engine(print)
    cells = project.cells([target])
    planned = project.plan(cells, overrides_for(project, cells, engine, {}, print))
    image = with_local_wheels(project, planned, host_find_links, print)[0]
    framework = project.matrix.frameworks[cells[0].framework]
    made_from = out / MADE_FROM
    if not (made_from.is_file() and made_from.read_text() == image.fingerprint):
        _make(project, engine, image, framework, out)
        made_from.write_text(image.fingerprint)
    conf = image.dockerfile.split("<<'EOS' /opt/mlperf-bake/cell.conf\n", 1)[1].split("\nEOS\n", 1)[0]
    variables = {"LOADGEN_DIR": "/loadgen", **dict(framework.cmake)}
    cmake = tuple(f"-D{name}={_among_parts(value, out)}" for name, value in variables.items())
    return CellParts(out, conf + "\n", cmake)


def _make(project: Project, engine: Engine, image: PlannedImage, framework: Framework, out: Path) -> None:
    """Has BuildKit make the stages, and takes their files as one tar file: its exporter into a directory stands still for
    ever over some of these, of 9,000 files and more."""
    secrets = host_secrets()
    weights = "weights-converted" if framework.conversion else "weights-checked"
    parts = {
        "context": str(project.root),
        "dockerfile-inline": _escaped(image.dockerfile + COLLECT.format(weights=weights)),
        "contexts": dict(image.contexts),
        "platforms": [image.platform],
        "secret": [secret.argument for secret in secrets],
        "target": "cell-parts",
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        tar, new = Path(scratch) / "parts.tar", Path(scratch) / "parts"
        file = Path(scratch) / "parts.json"
        file.write_text(json.dumps({"target": {"parts": {**parts, "output": [f"type=tar,dest={tar}"]}}}))
        subprocess.run(
            [*engine.buildx, "bake", f"--file={file}", "--progress=plain", "parts"],
            check=True,
            env={**bake_environment(secrets), "TMPDIR": scratch},
            timeout=WITHIN_S,
        )
        new.mkdir()
        subprocess.run(["tar", "-xf", tar, "-C", new], check=True)
        if out.exists():
            shutil.rmtree(out)
        new.rename(out)


def _among_parts(value: str, out: Path) -> str:
    """A path of the build step that compiles the harness, as it lies below ``out``."""
    for prefix, directory in IN_BUILD.items():
        if value == prefix or value.startswith(prefix + "/"):
            return str(out / directory) + value.removeprefix(prefix)
    return value


def _escaped(text: str) -> str:
    """Bake reads its strings as templates."""
    return text.replace("${", "$${").replace("%{", "%%{")
