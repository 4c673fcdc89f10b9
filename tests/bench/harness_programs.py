"""The harness and the bare loops it is measured against, compiled together from the parts of a cell."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlperf_bake.assets.prepare import prepare
from mlperf_bake.project import open_project
from tests.support.cell_parts import cell_parts

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".cache" / "bench"
TARGET = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs, cell.conf, data and scratch directories lie."""

    build: Path
    cell: Path
    data: Path
    lib: Path

    def bare(self, program: str, *options: str) -> dict[str, Any]:
        """One run of ``bare-onnxruntime`` or ``bare-null``: what it printed."""
        printed: dict[str, Any] = json.loads(self._run(self.build / "bench" / program, *options))
        return printed

    def harness(self, *options: str) -> dict[str, Any]:
        """One performance run of the harness: its manifest."""
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
        self._run(self.build / "mlperf-harness", *fixed, "--mode", "performance", *options)
        manifest: dict[str, Any] = json.loads((results / "bench" / "manifest.json").read_text())
        return manifest

    def _run(self, program: Path, *options: str) -> str:
        done = subprocess.run(
            [str(program), *options],
            env={**os.environ, "LD_LIBRARY_PATH": str(self.lib)},
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 9):  # 9: recorded, and LoadGen calls it INVALID
            raise RuntimeError(f"{program.name} {' '.join(options)}: {done.stderr}")
        return done.stdout


def compile_programs() -> Programs:
    """Takes the cell's parts, compiles, and prepares the sample data; fast when done before."""
    parts = cell_parts(open_project(ROOT), TARGET, BUILD / "parts")
    build = BUILD / "build"
    subprocess.run(
        [
            *("cmake", f"-S{ROOT / 'harness'}", f"-B{build}", "-DMLPERF_BAKE_BUILD_BENCH=ON"),
            f"-DLOADGEN_DIR={parts.loadgen}",
            f"-DONNXRUNTIME_INCLUDE_DIR={parts.include / 'onnxruntime'}",
            f"-DONNXRUNTIME_LIBRARY={parts.lib / 'libonnxruntime.so.1'}",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    jobs = str(len(os.sched_getaffinity(0)))
    subprocess.run(["cmake", "--build", build, "--parallel", jobs], check=True, stdout=subprocess.DEVNULL)
    cell = parts.root / "cell.conf"
    cell.write_text(parts.cell_conf)
    data = prepare("imagenet-20", "imagenet-lite-224").path
    return Programs(build, cell, data, parts.lib)
