"""Writes a project with a matrix of 1,000 or 10,000 valid cells and its lock, on the checkout's own templates and sources.

Usage: python tests/bench/generate_matrix.py CELLS DIRECTORY

Each framework rules out one of six kinds of hardware, so that the rules are at work; checksums in the lock are those of
the entries' own names. The directory links to the checkout for everything that the templates copy.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.lock.demand import Demand, checksum
from mlperf_bake.lock.lockfile import BasePin, FilePin, Lock, write_lock
from mlperf_bake.project import LOCK, MATRIX, open_project

CHECKOUT = Path(__file__).resolve().parents[2]
LINKED = ("templates", "harness", "mlperf_bake", "LICENSE")
HARDWARE = 6


@dataclass(frozen=True)
class Size:
    """How many values each axis has; hardware has six, of which each framework allows five."""

    models: int
    implementations: int
    frameworks: int
    os: int

    @property
    def cells(self) -> int:
        """How many cells are valid."""
        return self.models * self.implementations * self.frameworks * (HARDWARE - 1) * self.os


SIZES = {
    size.cells: size for size in (Size(2, 1, 2, 2), Size(5, 1, 1, 2), Size(20, 1, 5, 2), Size(50, 2, 10, 2))
}


def generate(size: Size, directory: Path) -> None:
    """Fills an empty directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MATRIX).write_text(matrix_text(size), encoding="utf-8")
    for name in LINKED:
        if not (directory / name).exists():
            (directory / name).symlink_to(CHECKOUT / name)
    (directory / LOCK).write_text(write_lock(_lock(open_project(directory).demands)), encoding="utf-8")


def matrix_text(size: Size) -> str:
    """The text of the matrix."""
    lines = ["version: 1", "round: v6.1", "models:"]
    for number in range(size.models):
        weights = (
            f"{{file: m{number}.onnx, recipe: fashion_net, fetch: {{debian: data{number}, version: '1.0'}}}}"
            if number % 3 == 0
            else f"{{file: m{number}.onnx, url: https://example.org/m{number}.onnx}}"
        )
        lines += [
            f"  model{number}:",
            f"    {{title: Model {number}, license: MIT, source: none, benchmark: resnet, loadgen_model: resnet50,",
            "    division: open, task: image-classification, precision: fp32,",
            f"    weights: {weights},",
            "    input: {name: images, shape: 3x224x224, dtype: float32},",
            "    output: {name: logits, kind: scores, classes: 1000, label_offset: 0},",
            "    preprocessing: imagenet-lite-224, sample_data: imagenet-20}",
        ]
    lines.append("implementations:")
    lines += [
        f"  impl{number}: {{title: Implementation {number}, template: cpp}}"
        for number in range(size.implementations)
    ]
    lines.append("frameworks:")
    for number in range(size.frameworks):
        allowed = ", ".join(f"hw{other}" for other in range(HARDWARE) if other != number % HARDWARE)
        lines += [
            f"  fw{number}:",
            f"    {{title: Framework {number}, license: MIT, backend: onnxruntime, template: onnxruntime,",
            f"    package: {{pypi: fw{number}, version: '1.0', python: '312', platform_tag: manylinux_2_28}},",
            f"    library: fw/libfw.so.{number}, soname: libfw.so,",
            f"    headers: {{debian: libfw{number}-dev, version: '1.0', suite: trixie}},",
            f"    needs: [{{hardware: [{allowed}], because: no build for hw{number % HARDWARE}}}]}}",
        ]
    lines.append("hardware:")
    for number in range(HARDWARE):
        machine, platform = ("x86_64", "linux/amd64") if number % 2 == 0 else ("aarch64", "linux/arm64")
        lines.append(
            f"  hw{number}: {{title: Hardware {number}, platform: {platform}, template: gnu, triplet: {machine}-linux-gnu}}"
        )
    lines.append("os:")
    lines += [
        f"  os{number}: {{title: OS {number}, image: debian, tag: t{number}, family: debian, suite: s{number}, python: '3.12'}}"
        for number in range(size.os)
    ]
    return "\n".join([*lines, "published: ['*']", ""])


def _lock(wanted: tuple[Demand, ...]) -> Lock:
    def sha256(demand: Demand) -> str:
        return hashlib.sha256(demand.key.encode()).hexdigest()

    def section(name: str) -> list[Demand]:
        return [demand for demand in wanted if demand.section == name]

    def files(name: str, ending: str) -> dict[str, FilePin]:
        return {
            demand.key: FilePin(demand.wanted, f"{demand.key.replace(' ', '-')}{ending}", sha256(demand))
            for demand in section(name)
        }

    return Lock(
        made_from=checksum(wanted),
        bases={demand.key: BasePin(demand.wanted, f"sha256:{sha256(demand)}") for demand in section("bases")},
        loadgen=files("loadgen", ".tar.gz"),
        packages=files("packages", ".whl"),
        weights={
            demand.key: None if demand.wanted.startswith("recipe") else sha256(demand)
            for demand in section("weights")
        },
        wanted=frozenset(wanted),
    )


def main() -> None:
    """Writes the project that the command line asks for."""
    cells, directory = int(sys.argv[1]), Path(sys.argv[2])
    if cells not in SIZES:
        raise SystemExit(f"CELLS must be one of {', '.join(map(str, SIZES))}")
    generate(SIZES[cells], directory)


if __name__ == "__main__":
    main()
