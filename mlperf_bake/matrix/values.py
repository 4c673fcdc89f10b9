"""The axis values: what matrix.yaml declares, as frozen typed values. Each field is explained in matrix.schema.json.

They are named tuples, which take a tenth of the time that a dataclass takes to define; every command imports these.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from mlperf_bake.errors import UsageError

Axis = Literal["model", "implementation", "framework", "hardware", "os"]
AXES: tuple[Axis, ...] = ("model", "implementation", "framework", "hardware", "os")


class Fetch(NamedTuple):
    """One package of a registry, by name and version; its hash stands in matrix.lock."""

    registry: Literal["pypi", "debian"]
    name: str
    version: str
    suite: str | None = None
    python: str | None = None
    platform_tag: str | None = None


class Image(NamedTuple):
    """A container image by name and tag; its digest stands in matrix.lock. ``login``: what its hub may ask of whoever pulls."""

    image: str
    tag: str
    login: str | None = None

    @property
    def reference(self) -> str:
        """``image:tag``."""
        return f"{self.image}:{self.tag}"


class Weights(NamedTuple):
    """The weights of a model: a file fetched from ``url`` or made by ``recipe`` out of ``fetch``; else whoever builds gives
    it: a file of known ``sha256``, or what the command ``supply`` gets."""

    file: str
    url: str | None
    recipe: str | None
    fetch: Fetch | None
    md5: str | None = None
    sha256: str | None = None
    supply: str | None = None

    @property
    def kind(self) -> Literal["url", "recipe", "given"]:
        """Where the file comes from."""
        return "url" if self.url else "recipe" if self.recipe else "given"

    @property
    def recipe_script(self) -> str:
        """The recipe's path in the build context: one of this program's by its name, or the user's own by its path."""
        recipe = self.recipe or ""
        return recipe if recipe.endswith(".py") else f"mlperf_bake/assets/recipes/{recipe}.py"

    @property
    def recipe_requirements(self) -> str:
        """The path of the packages that the recipe needs, beside it."""
        return self.recipe_script.removesuffix(".py") + ".requirements.txt"


class Input(NamedTuple):
    """An input tensor of one sample; ``shape`` is without the batch dimension, ``values`` what generated samples hold."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: str = "any"


class Output(NamedTuple):
    """The output tensor: ``scores`` (N x classes) or ``argmax`` (N)."""

    name: str
    kind: str
    classes: int
    label_offset: int


class Tensor(NamedTuple):
    """An output tensor of one sample, as the network names it; in ``shape`` (``nx4``) n is what the network finds."""

    name: str
    shape: str
    dtype: str


class Network(NamedTuple):
    """What the compiled harness must know of a model: its tensors, and how its data are prepared.

    Attributes:
        inputs: in the order in which they lie in a sample.
        output: classes or scores of them; None where the network answers with ``tensors``.
        tensors: in the order that the task takes them in.
        classes: that the labels of its data have, where the task compares with them; None where it does not.
        task_options: of the task, by name.
    """

    inputs: tuple[Input, ...]
    output: Output | None
    preprocessing: str
    sample_data: str
    tensors: tuple[Tensor, ...] = ()
    classes: int | None = None
    task_options: tuple[tuple[str, str], ...] = ()

    @property
    def batchable(self) -> bool:
        """Whether several samples can be computed at once; where it answers with what it finds there is no telling whose."""
        return not any("n" in tensor.shape.split("x") for tensor in self.tensors)

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """Of a prepared sample: the input's, or that of several alike with their number in front; None where they differ."""
        first = self.inputs[0]
        if len(self.inputs) == 1:
            return first.shape
        alike = all((one.shape, one.dtype) == (first.shape, first.dtype) for one in self.inputs)
        return (len(self.inputs), *first.shape) if alike else None


class KnownAccuracy(NamedTuple):
    """How many of a model's sample data are answered rightly; ``within`` that many more or fewer is the same figure."""

    correct: int
    total: int
    within: int = 0

    def agrees(self, correct: int, total: int) -> bool:
        """Whether a measured figure is this one."""
        return total == self.total and abs(correct - self.correct) <= self.within

    def __str__(self) -> str:
        return f"{self.correct} of {self.total}" + (f", {self.within} more or fewer" if self.within else "")


class Reference(NamedTuple):
    """How mlcommons/inference runs a model: its program, below the repository's root, and what it is called with.

    Attributes:
        program: the Python program.
        arguments: for it, in words separated by spaces; ``{weights}``, ``{data}``, ``{scenario}``, ``{out}`` and
            ``{user_conf}`` stand for what the run gives.
        accuracy, performance: what it is called with besides, in accuracy mode and in the others.
        requirements: the locked packages it needs, a file in harness/reference/ without ``.requirements.txt``.
        links: files that it reads at fixed places, as words ``PLACE=TARGET``.
        environment: variables that it reads, as words ``NAME=VALUE``; ``{cpus}`` stands for how many the run has.
    """

    program: str
    arguments: str
    accuracy: str
    requirements: str
    links: str = ""
    performance: str = ""
    environment: str = ""

    @property
    def directory(self) -> str:
        """The program's directory, which the image holds."""
        return self.program.rpartition("/")[0]


class Model(NamedTuple):
    """A value of the model axis. ``benchmark`` is the checker's name, ``loadgen_model`` the one in LoadGen's own settings.

    ``round`` is the one whose rules it follows where the matrix's own round has no such benchmark.
    """

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
    network: Network | None = None
    known_accuracy: KnownAccuracy | None = None
    retraining: str | None = None
    weight_transformations: str | None = None
    reference: Reference | None = None
    round: str | None = None

    @property
    def input(self) -> Input:
        """The only input tensor. Errors as for ``known_network``, and UsageError where there are several."""
        inputs = self.known_network.inputs
        if len(inputs) > 1:
            raise self._no_form(f"inputs {', '.join(one.name for one in inputs)}")
        return inputs[0]

    @property
    def output(self) -> Output:
        """The classes or scores. Errors as for ``known_network``, and UsageError where it answers with tensors."""
        output = self.known_network.output
        if output is None:
            raise self._no_form(f"outputs {', '.join(one.name for one in self.known_network.tensors)}")
        return output

    def _no_form(self, found: str) -> UsageError:
        """The refusal where one input and one output are needed, as by every conversion."""
        return UsageError(
            f"{self.name} cannot be converted into a framework's own form",
            found=found,
            expected="one input, and classes or scores as the output",
            remedy="choose a framework that reads its weights as they are",
        )

    @property
    def preprocessing(self) -> str:
        """How its data are prepared. Errors as for ``known_network``."""
        return self.known_network.preprocessing

    @property
    def sample_data(self) -> str:
        """The data that it is tried with. Errors as for ``known_network``."""
        return self.known_network.sample_data

    @property
    def known_reference(self) -> Reference:
        """How its reference implementation is called.

        Errors:
            UsageError: the matrix does not say.
        """
        if self.reference is None:
            raise UsageError(
                f"{self.name} has no reference implementation in the matrix",
                expected="its program, arguments and requirements under `reference`",
                remedy="add them to matrix.yaml, or choose another implementation",
            )
        return self.reference

    @property
    def known_network(self) -> Network:
        """The network's description.

        Errors:
            UsageError: there is none, since only the reference implementation runs this model.
        """
        if self.network is None:
            raise UsageError(
                f"{self.name} has no data that this program prepares",
                found=f"task {self.task}, which only the reference implementation runs",
                expected="a model with input, output, preprocessing and sample_data in matrix.yaml",
                remedy=f"mlperf-bake explain {self.name}, which says how its reference implementation is given data",
            )
        return self.network


class Repository(NamedTuple):
    """A git repository at a tag, a branch or a commit in full; the commit stands in matrix.lock, and git itself verifies that
    the content is the commit's."""

    git: str
    revision: str


class Implementation(NamedTuple):
    """A value of the implementation axis; ``template`` is the shape of its images, ``source`` the repository they hold."""

    name: str
    title: str
    template: str
    source: Repository | None = None


class Framework(NamedTuple):
    """A value of the framework axis: a runtime, the harness's backend for it, and the weights' form that it loads.

    ``conversion`` and ``weights_suffix`` stand together or not at all; ``python`` names the class of backend python;
    ``plugins`` are libraries beside ``library`` that it loads by name; ``bases`` are images, by OS, that hold what it needs
    besides; ``variants`` is this framework on those kinds of hardware where it differs.
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
    plugins: tuple[str, ...] = ()
    bases: Mapping[str, Image] = MappingProxyType({})
    variants: Mapping[str, Framework] = MappingProxyType({})

    def on(self, hardware: str) -> Framework:
        """This framework as it is on a hardware."""
        return self.variants.get(hardware, self)

    def reads(self, weights: Weights) -> bool:
        """Whether the weights come in the form that it loads, so that nothing is converted."""
        return self.weights_suffix is None or weights.file.endswith(self.weights_suffix)

    def weights_file(self, source: str) -> str:
        """The name of the weights file that this framework loads, made from the model's own."""
        if self.weights_suffix is None or source.endswith(self.weights_suffix):
            return source
        return source.rpartition(".")[0] + self.weights_suffix


class Hardware(NamedTuple):
    """A value of the hardware axis: the platform an image runs on and the compiler's name for it.

    ``bases`` are its makers' images, by OS, in place of the OS's own; ``accelerator`` and
    ``devices`` are what its containers must be given.
    """

    name: str
    title: str
    platform: str
    template: str
    triplet: str
    bases: Mapping[str, Image] = MappingProxyType({})
    accelerator: str | None = None
    devices: tuple[str, ...] = ()

    @property
    def machine(self) -> str:
        """The machine as wheels and compilers name it."""
        return {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[self.platform]


class OperatingSystem(NamedTuple):
    """A value of the OS axis: the base image, and the package manager's family.

    ``tools`` is the OS on whose packages everything is fetched, unpacked and converted in a build; itself where not given.
    """

    name: str
    title: str
    image: str
    tag: str
    family: str
    suite: str
    python: str
    tools: str | None = None


Value = Model | Implementation | Framework | Hardware | OperatingSystem


class Rule(NamedTuple):
    """``name`` on ``axis`` can be combined only with ``allowed`` of ``other``; ``because`` says why in words. ``written`` are the
    allowed names as the matrix has them, ``*`` included."""

    axis: Axis
    name: str
    other: Axis
    allowed: frozenset[str]
    because: str
    written: tuple[str, ...] = ()

    @property
    def choices(self) -> str:
        """The allowed names in one phrase."""
        return " or ".join(sorted(self.written or self.allowed))


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
