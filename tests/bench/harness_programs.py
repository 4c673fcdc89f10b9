"""The harness and the bare loops it is measured against, compiled together from the parts of a cell."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.project import open_project
from tests.support.cell_parts import cell_parts

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".cache" / "bench"
COMPILED = ("onnxruntime", "openvino", "pytorch", "tensorflow")
"""Frameworks whose backend and bare loop are both C++."""
HOSTED = ("tflite", "ncnn", "tvm", "deepsparse", "triton")
"""Frameworks of the backend ``python``, whose bare loop is Python itself."""
RUN_WITHIN_S = 120
"""What takes longer stands still: runs are of one or two seconds, and DeepSparse compiles for some more."""
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
        _, peak = self._run(self.build / "mlperf-harness", *fixed, "--mode", "performance", *options)
        manifest: dict[str, Any] = json.loads((results / "bench" / "manifest.json").read_text())
        return {**manifest, "peak_bytes": peak}

    def _printed(self, program: Path, *options: str, **variables: str) -> dict[str, Any]:
        text, peak = self._run(program, *options, **variables)
        printed: dict[str, Any] = json.loads(text)
        return {**printed, "peak_bytes": peak}

    def _run(self, program: Path, *options: str, **variables: str) -> tuple[str, int]:
        """What it printed, and the most it had in memory (bytes, mapped files included). It is ended after ``RUN_WITHIN_S``."""
        with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as said:
            running = subprocess.Popen(
                [str(program), *options],
                env={**os.environ, "LD_LIBRARY_PATH": str(self.lib), **variables},
                stdout=printed,
                stderr=said,
            )
            limit = threading.Timer(RUN_WITHIN_S, running.kill)
            limit.start()
            _, status, used = os.wait4(running.pid, 0)
            limit.cancel()
            running.returncode = os.waitstatus_to_exitcode(status)
            printed.seek(0)
            said.seek(0)
            if running.returncode not in (0, 9):  # 9: recorded, and LoadGen calls it INVALID
                ended = f"{program.name} {' '.join(options)} ended with {running.returncode}"
                raise RuntimeError(f"{ended}: {said.read()}")
            return printed.read(), used.ru_maxrss * 1024


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
