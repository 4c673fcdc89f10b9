"""The inputs of a cell's harness, taken out of the stages of its own Dockerfile: the same bytes that the image is made of.

With them the harness is compiled by plain CMake outside any container: for its C++ tests and for measurements.
"""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.build.contexts import overrides_for
from mlperf_bake.build.target import bake_environment
from mlperf_bake.engine.bootstrap import ensure_engine
from mlperf_bake.engine.secrets import host_secrets
from mlperf_bake.project import Project

COLLECT = """\
FROM scratch
COPY --from=loadgen-source /loadgen/ /loadgen/
COPY --from=runtime-headers /headers/usr/include/ /include/
COPY --from=runtime-libs /opt/mlperf-bake/lib/ /lib/
COPY --from=weights-checked /opt/mlperf-bake/weights/ /weights/
"""
STAGES = ("loadgen-source", "runtime-headers", "runtime-libs", "weights-checked")


@dataclass(frozen=True, slots=True)
class CellParts:
    """Directories: LoadGen's sources, C++ headers, runtime libraries, weights; and the text of cell.conf."""

    root: Path
    cell_conf: str

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
    """Has BuildKit make the stages (cached after the first time) and writes their files below ``out``."""
    engine = ensure_engine(print)
    cells = project.cells([target])
    image = project.plan(cells, overrides_for(project, cells, engine, {}, print))[0]
    secrets = host_secrets()
    stage = {
        "context": str(project.root),
        "dockerfile-inline": _escaped(image.dockerfile),
        "contexts": dict(image.contexts),
        "platforms": [image.platform],
        "secret": [secret.argument for secret in secrets],
        "output": ["type=cacheonly"],
    }
    targets: dict[str, object] = {name: {**stage, "target": name} for name in STAGES}
    targets["parts"] = {
        "context": str(project.root),
        "dockerfile-inline": COLLECT,
        "contexts": {name: f"target:{name}" for name in STAGES},
        "output": [f"type=local,dest={out}"],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"target": targets}, file)
        file.flush()
        subprocess.run(
            [*engine.buildx, "bake", "--file", file.name, "--progress=plain", "parts"],
            check=True,
            env=bake_environment(secrets),
        )
    conf = image.dockerfile.split("<<'EOS' /opt/mlperf-bake/cell.conf\n", 1)[1].split("\nEOS\n", 1)[0]
    return CellParts(out, conf + "\n")


def _escaped(text: str) -> str:
    """Bake reads its strings as templates."""
    return text.replace("${", "$${").replace("%{", "%%{")
