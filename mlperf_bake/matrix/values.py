"""The axis values: what matrix.yaml declares, as frozen typed values. Each field is explained in matrix.schema.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Axis = Literal["model", "implementation", "framework", "hardware", "os"]
AXES: tuple[Axis, ...] = ("model", "implementation", "framework", "hardware", "os")


@dataclass(frozen=True, slots=True)
class Fetch:
    """One package of a registry, by name and version; its hash stands in matrix.lock."""

    registry: Literal["pypi", "debian"]
    name: str
    version: str
    suite: str | None = None
    python: str | None = None
    platform_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights file of a model: fetched from ``url``, made by ``recipe`` out of ``fetch``, or, where only its ``sha256``
    is known, given by whoever builds."""

    file: str
    url: str | None
    recipe: str | None
    fetch: Fetch | None
    md5: str | None = None
    sha256: str | None = None

    @property
    def kind(self) -> Literal["url", "recipe", "given"]:
        """Where the file comes from."""
        return "url" if self.url else "recipe" if self.recipe else "given"


@dataclass(frozen=True, slots=True)
class Input:
    """The input tensor of one sample; ``shape`` is without the batch dimension."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Output:
    """The output tensor: ``scores`` (N x classes) or ``argmax`` (N)."""

    name: str
    kind: str
    classes: int
    label_offset: int


@dataclass(frozen=True, slots=True)
class KnownAccuracy:
    """How many of a model's sample data are answered rightly; ``within`` that many more or fewer is the same figure."""

    correct: int
    total: int
    within: int = 0

    def agrees(self, correct: int, total: int) -> bool:
        """Whether a measured figure is this one."""
        return total == self.total and abs(correct - self.correct) <= self.within

    def __str__(self) -> str:
        return f"{self.correct} of {self.total}" + (f", {self.within} more or fewer" if self.within else "")


@dataclass(frozen=True, slots=True)
class Model:
    """A value of the model axis. ``benchmark`` is the checker's name, ``loadgen_model`` the one in LoadGen's own settings."""

    name: str
    title: str
    license: str
    source: str
    benchmark: str
    loadgen_model: str
    division: str
    task: str
    precision: str
    weights: Weights
    input: Input
    output: Output
    preprocessing: str
    sample_data: str
    known_accuracy: KnownAccuracy | None = None
    retraining: str | None = None
    weight_transformations: str | None = None


@dataclass(frozen=True, slots=True)
class Implementation:
    """A value of the implementation axis."""

    name: str
    title: str
    template: str


@dataclass(frozen=True, slots=True)
class Framework:
    """A value of the framework axis: a runtime, the harness's backend for it, and the weights' form that it loads.

    ``conversion`` and ``weights_suffix`` stand together or not at all; ``python`` names the class of backend python.
    """

    name: str
    title: str
    license: str
    backend: str
    template: str
    package: Fetch | None
    library: str | None
    soname: str | None
    headers: Fetch | None
    cmake: tuple[tuple[str, str], ...] = ()
    backend_options: tuple[tuple[str, str], ...] = ()
    conversion: str | None = None
    weights_suffix: str | None = None
    python: str | None = None

    def weights_file(self, source: str) -> str:
        """The name of the weights file that this framework loads, made from the model's own."""
        return source if self.weights_suffix is None else source.rpartition(".")[0] + self.weights_suffix


@dataclass(frozen=True, slots=True)
class Hardware:
    """A value of the hardware axis: the platform an image runs on and the compiler's name for it."""

    name: str
    title: str
    platform: str
    template: str
    triplet: str

    @property
    def machine(self) -> str:
        """The machine as wheels and compilers name it."""
        return {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[self.platform]


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """A value of the OS axis: the base image."""

    name: str
    title: str
    image: str
    tag: str
    family: str
    suite: str
    python: str


Value = Model | Implementation | Framework | Hardware | OperatingSystem


@dataclass(frozen=True, slots=True)
class Rule:
    """``name`` on ``axis`` can be combined only with ``allowed`` of ``other``; ``because`` says why, in words."""

    axis: Axis
    name: str
    other: Axis
    allowed: frozenset[str]
    because: str


class Cell(NamedTuple):
    """One combination of five values; valid or not is for the matrix to say."""

    model: str
    implementation: str
    framework: str
    hardware: str
    os: str

    @property
    def id(self) -> str:
        """The five names joined by ``-``."""
        return f"{self.model}-{self.implementation}-{self.framework}-{self.hardware}-{self.os}"

    def value(self, axis: Axis) -> str:
        """The name this cell has on ``axis``."""
        name: str = getattr(self, axis)
        return name
