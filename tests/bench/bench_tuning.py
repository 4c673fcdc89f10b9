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
PAIRS = 20
SECONDS = "3"


@dataclass(frozen=True, slots=True)
class Gain:
    """Samples/s of tuned runs against untuned ones, and what the tuned ones ran with, as options of the harness."""

    offline: Ratio
    setting: str


def tuning_gain(target: str) -> Gain:
    """Tunes the built image in Offline, then runs it both ways in turn; what was tuned before is put back."""
    kept = ROOT / ".mlperf-bake" / FOLDER / target
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
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

            pairs = measure_pairs(run, lambda: run("--untuned"), PAIRS)
            return Gain(ratio(pairs, "rate"), " ".join(stored["options"]))
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
