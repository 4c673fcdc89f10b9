"""What tuning gains: Offline with the setting that `tune` found, against the defaults, in pairs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.tune.stored import FOLDER
from tests.bench.harness_programs import ROOT
from tests.bench.pairs import Figures, Ratio, measure_pairs, ratio

PROGRAM = (sys.executable, "-c", "from mlperf_bake.cli.app import main; main()")
TUNED = ("efficientnet-lite0-cpp-onnxruntime-cpu-debian12", "fashion-net-cpp-onnxruntime-cpu-debian12")
"""Cells of two kinds: one whose samples keep a CPU busy for 10 ms, so that the defaults leave little to gain, and one whose
samples take so little time that a batch saves most of it."""
PAIRS = 20
PAIRS_WITHIN_S = 240.0
SECONDS = "3"


@dataclass(frozen=True, slots=True)
class Gain:
    """Samples/s of tuned runs against untuned ones, what the tuned ones ran with, as options of the harness, and why
    ``tune`` kept the defaults, where it did."""

    offline: Ratio
    setting: str
    why_none: str

    @property
    def judged(self) -> str:
        """Tuned runs must be faster, unless ``tune`` says why they cannot be."""
        if self.why_none:
            return f"nothing to gain: {self.why_none}"
        return "met" if self.offline.median > 1 else "**missed**"


def tuning_gain(target: str) -> Gain:
    """Builds the image, tunes it in Offline, then runs it both ways in turn; what was tuned before is put back."""
    kept = ROOT / ".mlperf-bake" / FOLDER / target
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        _command("build", target)
        if kept.exists():
            shutil.move(kept, f"{name}/kept")
        try:
            results = f"--results={name}/results/"
            _command("tune", target, "--scenario=Offline", "--data=sample", f"--duration={SECONDS}", results)
            stored = json.loads(next(kept.glob("Offline-*.json")).read_text())

            def run(*options: str) -> Figures:
                shutil.rmtree(f"{name}/results", ignore_errors=True)
                _command(
                    "run",
                    target,
                    "--scenario=Offline",
                    "--data=sample",
                    f"--duration={SECONDS}",
                    results,
                    *options,
                )
                manifest = json.loads(next(Path(name, "results").glob("*/manifest.json")).read_text())
                return {"rate": manifest["result"]["value"]}

            pairs = measure_pairs(run, lambda: run("--untuned"), PAIRS, PAIRS_WITHIN_S)
            return Gain(ratio(pairs, "rate"), " ".join(stored["options"]), stored["why_no_gain"] or "")
        finally:
            shutil.rmtree(kept, ignore_errors=True)
            if Path(f"{name}/kept").exists():
                shutil.move(f"{name}/kept", kept)


def _command(*words: str) -> None:
    done = subprocess.run(
        [*PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 6):  # 6: recorded, and LoadGen calls it INVALID, being short
        raise RuntimeError(f"mlperf-bake {' '.join(words)}: {done.stderr[-2000:]}")
