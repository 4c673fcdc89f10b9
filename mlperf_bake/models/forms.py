"""Forms of weights: what another runtime loads instead of a model's ONNX file, made by a conversion and kept in the cache.

An image's build makes its own (templates/weights/converted.j2). This is the same conversion on the user's machine, to look
at the result, to run the harness outside of a container, or to try a new conversion. A directory holds the form's files
and conversion.conf, the record of how they were made (docs/contracts.md).
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mlperf_bake.assets.environment import make_environment
from mlperf_bake.assets.weights import FetchedWeights
from mlperf_bake.cache.store import Cache, default_root, file_sha256, publish
from mlperf_bake.cache.workspace import raise_if_disk_was_full, workspace
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.progress import Progress, silent
from mlperf_bake.shipped import page

RECORD = "conversion.conf"
PACKAGES = ("mlperf_bake", "mlperf_bake/assets", "mlperf_bake/assets/conversions")
"""What a conversion imports of this project, and no more: it runs in an environment without the rest."""


@dataclass(frozen=True, slots=True)
class FormDemand:
    """Which form of a model's weights is wanted, and what its outputs are compared on.

    Attributes:
        model: its name in matrix.yaml.
        conversion: a script of conversions/.
        precision: in which the form is to compute.
        input, shape, output: of the network; the shape without the batch.
        sample_data, preprocessing: the data set and how it is prepared.
    """

    model: str
    conversion: str
    precision: str
    input: str
    shape: tuple[int, ...]
    output: str
    sample_data: str
    preprocessing: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form on disk: its directory, and its files with their SHA-256, the record apart."""

    path: Path
    files: dict[str, str]


def fetch_form(
    demand: FormDemand, weights: FetchedWeights, *, cache: Cache | None = None, progress: Progress = silent
) -> Form:
    """The form of these weights; made where it does not exist yet, verified where it does.

    Raises:
        UsageError: no such conversion, its libraries or the samples cannot be had here, or it refused, with its words.
    """
    cache = cache or Cache(default_root())
    requirements = conversion_requirements(demand.conversion)
    with cache.making("weights", _key(demand, weights, requirements), progress) as made:
        present = read_form(made)
        if present is not None:
            return present
        shutil.rmtree(made, ignore_errors=True)
        samples = prepare(demand.sample_data, demand.preprocessing, cache=cache, progress=progress).path
        python = make_environment(requirements, cache, progress)
        with workspace(made.parent) as scratch:
            code, out = scratch / "code", scratch / "form"
            for package in PACKAGES:
                _copy_modules(package, code, all_modules=package == PACKAGES[-1])
            step = f"converting {weights.file.name} to {demand.conversion}"
            progress(step, 0, None)
            _run(_command(demand, python, weights.file, samples, out), code, demand.conversion)
            progress(step, 1, 1)
            publish(out, made)
    form = read_form(made)
    assert form is not None  # just written
    return form


def conversion_requirements(name: str) -> Path:
    """The locked requirements of a conversion.

    Raises:
        UsageError: there is no conversion of that name.
    """
    directory = _package("mlperf_bake/assets/conversions")
    file = directory / f"{name}.requirements.txt"
    known = sorted(path.name.split(".")[0] for path in directory.glob("*.requirements.txt"))
    known.remove("sample_set")  # makes the samples
    if name not in known:
        raise UsageError(
            f'unknown form of weights "{name}"{did_you_mean(name, known)}',
            expected="one of " + ", ".join(known),
        )
    return file


def read_form(directory: Path) -> Form | None:
    """The form that lies there, its files as the record has them; None where it is missing or damaged."""
    try:
        lines = (directory / RECORD).read_text(encoding="utf-8").splitlines()
        sums = [line.removeprefix("sha256.") for line in lines if line.startswith("sha256.")]
        files = {name: sha256 for name, _, sha256 in (line.partition(" = ") for line in sums)}
        whole = all(file_sha256(directory / name) == sha256 for name, sha256 in files.items())
    except FileNotFoundError:
        return None
    return Form(directory, files) if files and whole else None


def _key(demand: FormDemand, weights: FetchedWeights, requirements: Path) -> str:
    """Readable, and a hash of all that determines the files."""
    scripts = [file.read_bytes() for file in sorted(requirements.parent.glob("*.py"))]
    identity = repr((demand, weights.sha256, requirements.read_bytes(), scripts))
    return f"{demand.model}-{demand.conversion}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _package(path: str) -> Path:
    return Path(str(resources.files("mlperf_bake"))).parent / path


def _copy_modules(package: str, code: Path, *, all_modules: bool) -> None:
    target = code / package
    target.mkdir(parents=True)
    for file in _package(package).glob("*.py" if all_modules else "__init__.py"):
        shutil.copyfile(file, target / file.name)


def _command(demand: FormDemand, python: Path, source: Path, samples: Path, out: Path) -> list[str]:
    return [
        str(python),
        "-s",
        "-m",
        f"mlperf_bake.assets.conversions.{demand.conversion}",
        f"--source={source}",
        f"--out={out}",
        f"--precision={demand.precision}",
        f"--input={demand.input}",
        f"--shape={'x'.join(map(str, demand.shape))}",
        f"--output={demand.output}",
        f"--samples={samples}",
    ]


def _run(command: Sequence[str], code: Path, conversion: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    outcome = subprocess.run(command, env=environment, cwd=code, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise_if_disk_was_full(outcome.stderr, code)
        lines = outcome.stderr.strip().splitlines()
        raise UsageError(
            f"the conversion {conversion} refused",
            found=lines[-1] if lines else f"exit status {outcome.returncode}",
            remedy=f"choose another form, or correct the conversion ({page('adding.md')})",
        )
