"""The harness and the bare loops it is measured against, compiled together from the parts of a cell."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.project import open_project
from tests.bench.watched import watched
from tests.support.cell_parts import cell_parts

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".cache" / "bench"
COMPILED = ("onnxruntime", "openvino", "pytorch", "tensorflow")
"""Frameworks whose backend and bare loop are both C++."""
HOSTED = ("tflite", "ncnn", "tvm", "deepsparse", "triton")
"""Frameworks of the backend ``python``, whose bare loop is Python itself."""
RECORDED_INVALID = 9
"""The harness's exit code for a run that LoadGen calls INVALID, being short."""
BARE_PYTHON = ROOT / "harness" / "bench" / "bare_python.py"


@dataclass(frozen=True, slots=True)
class Programs:
    """One framework's programs: where they, cell.conf, data and scratch directories lie."""

    backend: str
    build: Path
    cell: Path
    data: Path
    lib: Path

    def bare(self, program: str, *options: str) -> dict[str, Any]:
        """One run of ``bare-null`` or of the bare loop over the backend's runtime: what it printed, and
        ``peak_bytes``, the most it had in memory."""
        return self._printed(self.build / "bench" / program, *options)

    def bare_loop(self, *options: str) -> dict[str, Any]:
        """One run of the bare loop over this backend's runtime, as of ``bare``."""
        if self.backend != "python":
            return self.bare(f"bare-{self.backend}", *options)
        home = {"PYTHONHOME": str(self.lib.parent / "python")}  # the harness's own interpreter and modules
        return self._printed(Path(sys.executable), "-Ss", str(BARE_PYTHON), *options, **home)

    def harness(self, *options: str) -> dict[str, Any]:
        """One performance run of the harness: its manifest, and ``peak_bytes``."""
        results = self.build / "results"
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir()
        fixed = (
            "--cell",
            str(self.cell),
            "--results",
            str(results),
            "--run-id",
            "bench",
            "--progress",
            "none",
        )
        libraries = {"LD_LIBRARY_PATH": str(self.lib)}
        _, peak = watched(
            self.build / "mlperf-harness",
            *fixed,
            "--mode",
            "performance",
            *options,
            variables=libraries,
            also_ok=(RECORDED_INVALID,),
        )
        manifest: dict[str, Any] = json.loads((results / "bench" / "manifest.json").read_text())
        return {**manifest, "peak_bytes": peak}

    def _printed(self, program: Path, *options: str, **variables: str) -> dict[str, Any]:
        text, peak = watched(program, *options, variables={"LD_LIBRARY_PATH": str(self.lib), **variables})
        printed: dict[str, Any] = json.loads(text)
        return {**printed, "peak_bytes": peak}


def target_of(framework: str) -> str:
    """The cell whose parts are compiled: EfficientNet-Lite0 on this kind of machine."""
    return f"efficientnet-lite0-cpp-{framework}-cpu-debian12"


def hosted_here() -> tuple[str, ...]:
    """Those of HOSTED that can be measured: their packages are for one Python, and this must be that one."""
    python = open_project(ROOT).matrix.os["debian12"].python
    return HOSTED if python == f"{sys.version_info.major}.{sys.version_info.minor}" else ()


def compile_programs(framework: str) -> Programs:
    """Takes the parts of a framework's cell, compiles, and prepares the sample data; fast when done before."""
    project = open_project(ROOT)
    backend = project.matrix.frameworks[framework].backend
    parts = cell_parts(project, target_of(framework), BUILD / framework / "parts")
    build = BUILD / framework / "build"
    options = (f"-DMLPERF_BAKE_BACKENDS=null;{backend}", "-DMLPERF_BAKE_BUILD_BENCH=ON", *parts.cmake)
    subprocess.run(
        ["cmake", f"-S{ROOT / 'harness'}", f"-B{build}", *options], check=True, stdout=subprocess.DEVNULL
    )
    jobs = str(len(os.sched_getaffinity(0)))
    subprocess.run(["cmake", "--build", build, "--parallel", jobs], check=True, stdout=subprocess.DEVNULL)
    cell = parts.root / "cell.conf"
    cell.write_text(parts.cell_conf)
    data = prepare("imagenet-20", "imagenet-lite-224").path
    return Programs(backend, build, cell, data, parts.lib)
