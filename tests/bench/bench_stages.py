"""What cells that share stages cost together, against one of them and what the others have of their own."""

import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.harness_programs import ROOT, target_of

PROGRAM = (sys.executable, "-c", "from mlperf_bake.cli.app import main; main()")
BASE = "mlperf-bake/base:debian12-amd64"
CELLS = (target_of("onnxruntime"), "fashion-net-cpp-onnxruntime-cpu-debian12", target_of("openvino"))
"""The first is built from nothing; the others share its tool chain and LoadGen, the second its library and harness, too."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Wall seconds of builds whose stages no cache had.

    Attributes:
        first: the first cell alone.
        own: each other cell, once the ones before it were there: its own stages.
        together: all cells in one build.
    """

    first: float
    own: tuple[float, ...]
    together: float

    @property
    def allowed(self) -> float:
        """What they may cost together: the first, and 1.3 times what is the others' own."""
        return self.first + 1.3 * sum(self.own)


def stage_sharing() -> Sharing:
    """Builds the cells twice on bases that no cache knows: one after the other, and together.

    A base that differs in one file makes every stage a new one, while what pip and apt keep for themselves stays: a
    download is not what is measured. One build at a time, so that the two ways have the same machine. The cells' own images
    have their names back at the end.
    """
    with names_put_back([f"mlperf-bake/{cell}" for cell in CELLS]):
        with _unknown_base() as first_base:
            first, *own = [_seconds([cell], first_base) for cell in CELLS]
        with _unknown_base() as second_base:
            together = _seconds(CELLS, second_base)
    return Sharing(first, tuple(own), together)


@contextmanager
def names_put_back(repositories: Sequence[str]) -> Iterator[None]:
    """What these repositories name is afterwards what it was: names that are new go, with images that have no other."""
    before = _named(repositories)
    try:
        yield
    finally:
        for name, image in _named(repositories).items():
            if name not in before:
                subprocess.run(["docker", "image", "rm", name], check=False, stdout=subprocess.DEVNULL)
            elif image != before[name]:
                subprocess.run(["docker", "tag", before[name], name], check=False)


def _named(repositories: Sequence[str]) -> dict[str, str]:
    """``repository:tag`` to the id of the image."""
    filters = [f"--filter=reference={one}" for one in repositories]
    listed = subprocess.run(
        ["docker", "image", "ls", "--no-trunc", "--format={{.Repository}}:{{.Tag}} {{.ID}}", *filters],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(line.split() for line in listed.stdout.splitlines())


class _unknown_base:
    """An image of the base and one file that no other has; removed at the end."""

    def __enter__(self) -> str:
        self.tag = f"mlperf-bake/base:bench-{uuid.uuid4().hex[:12]}"
        with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
            (Path(name) / "salt").write_text(self.tag)
            (Path(name) / "Dockerfile").write_text(f"FROM {BASE}\nCOPY salt /etc/mlperf-bake-bench\n")
            subprocess.run(
                [
                    "docker",
                    "buildx",
                    "build",
                    "--quiet",
                    "--load",
                    "--provenance=false",
                    "--tag",
                    self.tag,
                    name,
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        return self.tag

    def __exit__(self, *_: object) -> None:
        subprocess.run(["docker", "image", "rm", "--force", self.tag], check=False, stdout=subprocess.DEVNULL)


def _seconds(cells: Sequence[str], base: str) -> float:
    contexts = [f"--context={name}=docker-image://{base}" for name in ("base", "build-base")]
    start = time.perf_counter()
    subprocess.run(
        [*PROGRAM, "build", *cells, *contexts, "--jobs", "1", "--force"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start
