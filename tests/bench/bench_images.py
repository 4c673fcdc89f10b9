"""What an image holds, what it costs to find nothing to do, and how long the quickstart takes."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.build.contexts import overrides_for
from mlperf_bake.engine.find import find_engine
from mlperf_bake.project import MATRIX, open_project
from tests.bench.generate_matrix import SIZES, generate

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "from mlperf_bake.cli.app import main; main()")
BASE = "docker-image://mlperf-bake/base:debian12-amd64"
PAYLOAD = (
    "opt/mlperf-bake/lib",
    "opt/mlperf-bake/weights",
    "opt/mlperf-bake/bin",
    "opt/mlperf-bake/python",
)
"""Where library, weights and harness lie; what a framework of the backend ``python`` computes with is its library."""


def is_here(reference: str) -> bool:
    """Whether the engine has the image."""
    asked = subprocess.run(["docker", "image", "inspect", reference], check=False, capture_output=True)
    return asked.returncode == 0


def image_bytes(reference: str) -> tuple[int, int]:
    """Bytes of the image's files above its base, and of library, weights and harness among them."""
    history = json.loads(
        subprocess.run(
            ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", reference],
            check=True,
            capture_output=True,
        ).stdout
    )
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        archive = Path(name) / "image.tar"
        subprocess.run(["docker", "image", "save", "--output", archive, reference], check=True)
        subprocess.run(["tar", "-xf", archive, "-C", name], check=True)
        manifest = json.loads((Path(name) / "manifest.json").read_text())[0]
        layers = [Path(name) / layer for layer in manifest["Layers"]]
        assert len(layers) == len(history)
        sizes: dict[str, int] = {}
        for layer in layers[1:]:
            listed = subprocess.run(["tar", "-tvf", layer], check=True, capture_output=True, text=True).stdout
            for line in listed.splitlines():
                fields = line.split(None, 5)
                if fields[0].startswith("-"):
                    sizes[fields[5]] = int(fields[2])
    payload = sum(size for path, size in sizes.items() if path.startswith(PAYLOAD))
    return sum(sizes.values()), payload


def quickstart_seconds(runs: int) -> float:
    """Median wall time of a warm quickstart with 1-second runs."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        for number in range(runs):
            start = time.perf_counter()
            places = ("--out", f"{name}/tree-{number}", "--results", f"{name}/results-{number}")
            subprocess.run(
                [*PROGRAM, "quickstart", "--duration", "1", *places],
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """Median wall seconds of finding that all of some cells are up to date, each way on the same images in turn.

    Attributes:
        cells: how many.
        ours: ``mlperf-bake build`` of them.
        bake: ``docker buildx bake`` of the same images, every step in the cache.
        printed: ``docker buildx bake --print``, which reads the file and asks no builder.
    """

    cells: int
    ours: float
    bake: float
    printed: float


def nothing_to_do(runs: int) -> NothingToDo:
    """Measures it. The images hold one file and the labels that a build looks at: nothing else of them is read."""
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        place = Path(name)
        generate(SIZES[50], place)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        given = {"base": BASE, "build-base": BASE}
        project = open_project(place)
        cells = project.cells()
        planned = project.plan(cells, overrides_for(project, cells, find_engine(), given, print))
        names = [f"cell-{number}" for number in range(len(planned))]
        targets = {
            target: {
                "context": name,
                "dockerfile-inline": f"FROM scratch\nCOPY {MATRIX} /\nLABEL org.mlperf-bake.fingerprint={image.fingerprint}\n",
                "tags": list(image.tags),
                "output": ["type=docker"],
                "attest": ["type=provenance,disabled=true"],
            }
            for target, image in zip(names, planned, strict=True)
        }
        bake_file = place / "bench.bake.json"
        bake_file.write_text(json.dumps({"group": {"default": {"targets": names}}, "target": targets}))
        bake = ["docker", "buildx", "bake", "--file", str(bake_file)]
        ours = [*PROGRAM, "build", "*", *(f"--context={context}={value}" for context, value in given.items())]
        ways = {"ours": ours, "bake": bake, "printed": [*bake, "--print"]}
        taken: dict[str, list[float]] = {way: [] for way in ways}
        try:
            subprocess.run(bake, cwd=name, check=True, capture_output=True)
            for _ in range(runs):
                for way, command in ways.items():
                    start = time.perf_counter()
                    subprocess.run(command, cwd=name, env=environment, check=True, capture_output=True)
                    taken[way].append(time.perf_counter() - start)
        finally:
            tags = [tag for image in planned for tag in image.tags]
            subprocess.run(
                ["docker", "image", "rm", "--force", *tags], stdout=subprocess.DEVNULL, check=False
            )
    return NothingToDo(len(planned), **{way: statistics.median(times) for way, times in taken.items()})


def received_bytes() -> int:
    """Bytes that the machine's own network interfaces have received since it started."""
    total = 0
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, counters = line.partition(":")
        if not name.strip().startswith(("lo", "docker", "veth", "br-")):
            total += int(counters.split()[0])
    return total


@dataclass(frozen=True, slots=True)
class ColdQuickstart:
    """What ``make quickstart`` takes in a fresh clone with nothing cached.

    Attributes:
        seconds: wall time, the base image included.
        base_bytes: received for the base image.
        bytes: received for everything else.
    """

    seconds: float
    base_bytes: int
    bytes: int


def cold_quickstart(target: str) -> ColdQuickstart:
    """Measures it. pip is asked for its index alone: what lies in a directory of this machine would not be counted.

    Empties the engine's build cache and removes this project's images, the base images made here included.
    """
    listed = subprocess.run(
        [
            "docker",
            "image",
            "ls",
            "--format",
            "{{.Repository}}:{{.Tag}}",
            "--filter",
            "reference=mlperf-bake/*",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    if listed:
        subprocess.run(["docker", "image", "rm", "--force", *listed], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["docker", "buildx", "prune", "--all", "--force"], check=True, stdout=subprocess.DEVNULL)
    place = Path(tempfile.mkdtemp(prefix="mlperf-bake-bench-"))
    try:
        subprocess.run(["git", "clone", "--quiet", ROOT, place / "clone"], check=True)
        caches = {"MLPERF_BAKE_CACHE": str(place / "cache"), "PIP_CACHE_DIR": str(place / "pip")}
        environment = {**os.environ, **caches, "PIP_CONFIG_FILE": os.devnull}
        environment.pop("PIP_FIND_LINKS", None)
        project, engine = open_project(place / "clone"), find_engine()
        before = received_bytes()
        start = time.perf_counter()
        overrides_for(project, project.cells([target]), engine, {}, lambda text: None)  # has the base made
        with_base = received_bytes()
        subprocess.run(
            ["make", "quickstart"],
            cwd=place / "clone",
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        return ColdQuickstart(seconds, with_base - before, received_bytes() - with_base)
    finally:
        shutil.rmtree(place)
