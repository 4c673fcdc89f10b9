"""One cell's Dockerfile, and for each of its lines the template line that it came from.

The skeleton Dockerfile.j2 calls ``part(file, name=value, ...)`` for each partial. A partial sees only the values it is
given, so partials with equal values give equal text: BuildKit then builds the stage once for all cells, and this
program renders it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mlperf_bake.errors import Stale, UsageError
from mlperf_bake.lock.demand import BUILD_ARCHITECTURES, package_key, wheel_key
from mlperf_bake.lock.lockfile import BasePin, FilePin, Lock, SourcePin
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Cell, Framework, Hardware, Implementation, Model
from mlperf_bake.render.cellconf import cell_lines, round_lines, shared_lines
from mlperf_bake.render.copied import copied_paths
from mlperf_bake.render.paths import dockerfile_path, image_directory, moving_tag
from mlperf_bake.render.samples import SampleSource, sample_source
from mlperf_bake.render.templates import Templates
from mlperf_bake.rounds import Round
from mlperf_bake.rounds.benchmarks import followed_round, no_such_benchmark
from mlperf_bake.shipped import page

SKELETON = "Dockerfile.j2"
EMBEDDED = "python"
"""The template of frameworks that a class in the embedded interpreter calls."""


class Part(NamedTuple):
    """A rendered partial: the template's name, its text, the partials within it, and whether cells share it. Only what
    is handed the cell itself belongs to that cell alone."""

    name: str
    text: str
    inner: tuple[Part, ...]
    shared: bool


class Rendered(NamedTuple):
    """A Dockerfile in sections, of which each shared partial is one: the second, the fourth, and so on; the partials that
    the skeleton calls, in order; and where the file lies in a checkout."""

    sections: tuple[str, ...]
    parts: tuple[Part, ...]
    path: str

    @property
    def text(self) -> str:
        """The whole Dockerfile."""
        return "".join(self.sections)


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel of a framework for one hardware: file name, sha256 and platform tag as pip takes it."""

    file: str
    sha256: str
    platform_tag: str


class Renderer:
    """Renders the cells of one matrix, lock and round from one directory of templates.

    Attributes:
        directory: where the checkout keeps what is rendered.
        moving_tag: the tag of a cell's newest image.
    """

    def __init__(self, templates: Path, matrix: Matrix, lock: Lock, round: Round) -> None:
        self._directory = templates
        self._templates = Templates(templates)
        self._marked: Templates | None = None
        self._matrix = matrix
        self._lock = lock
        self._round = round
        self.directory = image_directory(matrix.round, round.name)
        self.moving_tag = moving_tag(matrix.round, round.name)
        self._parts: dict[tuple[object, ...], tuple[Part, dict[str, object]]] = {}
        self._confs: dict[tuple[str, int, int], str] = {}
        self._rules: dict[tuple[str, str], str] = {}
        self._stages: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._contents: dict[str, dict[str, Any]] = {}
        self._wheels: dict[tuple[str, str], dict[str, object]] = {}
        self._samples: dict[str, SampleSource] = {}
        self._copies: dict[str, bool] = {}

    def render(self, cell: Cell) -> Rendered:
        """The cell's Dockerfile.

        Errors:
            UsageError: a template is missing or wrong (its file and line), or the lock lacks a pin.
        """
        calls, path = _Calls(self._templates, self._parts), dockerfile_path(cell, self.directory)
        pieces = self._templates.pieces(SKELETON, self._values(cell, path, calls.part))
        pieces.append("\n")
        return Rendered(_sections(pieces, calls.made), tuple(calls.made), path)

    def copies(self, name: str) -> bool:
        """Whether a template takes files out of the build context, read off the template itself: what it is handed are
        names and values, never instructions."""
        if name not in self._copies:
            self._copies[name] = bool(copied_paths(self._templates.source(name)))
        return self._copies[name]

    def origins(self, cell: Cell) -> tuple[tuple[str, int], ...]:
        """For each line of the cell's Dockerfile the template file and line it came from."""
        from mlperf_bake.render.origins import LineMarks, named, resolve

        if self._marked is None:
            self._marked = Templates(self._directory, LineMarks)
        templates = self._marked

        def part(name: str, **values: object) -> str:
            return named(templates.render(name, {**values, "part": part}), name)

        values = self._values(cell, dockerfile_path(cell, self.directory), part)
        text = named(templates.render(SKELETON, values), SKELETON)
        return tuple(resolve(text + "\n", SKELETON))

    def _source(self, implementation: Implementation) -> SourcePin | None:
        """The repository that the implementation wraps, at the commit that the lock has; None for the compiled harness."""
        if implementation.source is None:
            return None
        try:
            return self._lock.sources[implementation.name]
        except KeyError:
            raise UsageError(
                f'the lock has no source "{implementation.name}"',
                where="matrix.lock",
                remedy="mlperf-bake lock",
            ) from None

    def _conf(self, cell: Cell, model: Model, round: Round, source: SourcePin | None) -> str:
        framework = self._matrix.framework_of(cell)
        key = (model.name, id(source), id(framework))  # matrix and lock keep them
        if key not in self._confs:
            rules = (round.name, model.benchmark)
            if rules not in self._rules:
                self._rules[rules] = round_lines(round, round.models[model.benchmark])
            pin = self._lock.weights.get(model.name)
            self._confs[key] = shared_lines(model, framework, source, pin, self._rules[rules])
        return cell_lines(cell) + self._confs[key]

    def _values(self, cell: Cell, path: str, part: Callable[..., str]) -> dict[str, Any]:
        """What the skeleton is given."""
        model, implementation = (
            self._matrix.models[cell.model],
            self._matrix.implementations[cell.implementation],
        )
        stages, contents = self._stage_values(cell), self._content_values(model)
        source, framework = self._source(implementation), stages["framework"]
        converted = source is None and not framework.reads(model.weights)
        if source is None and framework.template == EMBEDDED and framework.python is None:
            raise UsageError(
                f'the framework "{cell.framework}" names no class that the compiled harness could call',
                where=self._matrix.place("frameworks", cell.framework, "template"),
                expected="python: NAME, a class in harness/python without .py",
                remedy=f"add it, or another template; {page('adding.md')} shows which keys and files belong to it",
            )
        return {
            **stages,
            **contents,
            "cell": cell,
            "path": path,
            "part": part,
            "replaceable": _replaceable(source is not None, stages["tools_base"] is not None),
            "implementation": implementation,
            "repository": source,
            "converted": converted,
            "samples": self._samples_of(model) if converted else None,
            "conf": self._conf(cell, model, contents["round"], source),
        }

    def _content_values(self, model: Model) -> dict[str, Any]:
        """What a model determines."""
        known = self._contents.get(model.name)
        if known is None:
            round, pin = self._round_of(model), self._lock.weights.get(model.name)
            if model.weights.url and pin is None and model.weights.md5 is None:
                raise Stale(
                    f"the weights of {model.name} have no checksum",
                    where="matrix.lock",
                    remedy="mlperf-bake lock",
                )
            known = self._contents[model.name] = {
                "round": round,
                "loadgen": self._loadgen(round),
                "model": model,
                "weights_kind": model.weights.kind,
                "weights_pin": pin,
                "weights_source": self._pin(package_key(model.weights.fetch))
                if model.weights.fetch
                else None,
            }
        return known

    def _stage_values(self, cell: Cell) -> dict[str, Any]:
        """What framework, hardware and OS determine."""
        key = (cell.framework, cell.hardware, cell.os)
        known = self._stages.get(key)
        if known is None:
            matrix, os = self._matrix, self._matrix.os[cell.os]
            known = self._stages[key] = {
                **self._framework_values(matrix.framework_of(cell), matrix.hardware[cell.hardware]),
                "base": self._base(matrix.base_of(cell)[0]),
                "build_base": self._base(cell.os),
                "tools_base": self._base(os.tools) if os.tools else None,
                "tools": matrix.tools_of(cell.os),
                "os": os,
            }
        return known

    def _round_of(self, model: Model) -> Round:
        found = followed_round(model.benchmark, model.round, self._round, self._matrix.round)
        if found is None:
            where = self._matrix.place("models", model.name, "benchmark")
            raise no_such_benchmark(model.benchmark, self._round, where)
        return found

    def _loadgen(self, round: Round) -> FilePin:
        """LoadGen's source distribution that the lock has for the round."""
        pin = self._lock.loadgen.get(round.name)
        if pin is None or round.loadgen is None:
            raise UsageError(
                f"no image can be built for round {round.name}",
                found=round.loadgen_absent or "no LoadGen in matrix.lock for it",
                expected="one of " + ", ".join(sorted(self._lock.loadgen, reverse=True)),
                remedy="choose another round",
            )
        return pin

    def _samples_of(self, model: Model) -> SampleSource:
        if model.name not in self._samples:
            self._samples[model.name] = sample_source(model)
        return self._samples[model.name]

    def _framework_values(self, framework: Framework, hardware: Hardware) -> dict[str, object]:
        known = self._wheels.get((framework.name, hardware.name))
        if known is None:
            known = self._wheels[framework.name, hardware.name] = {
                "framework": framework,
                "hardware": hardware,
                "wheel": self._wheel(framework, hardware),
                "headers": self._headers(framework),
            }
        return known

    def _wheel(self, framework: Framework, hardware: Hardware) -> Wheel | None:
        package = framework.package
        if package is None:
            return None
        pin = self._pin(wheel_key(package, hardware))
        return Wheel(pin.file, pin.sha256, f"{package.platform_tag}_{hardware.machine}")

    def _headers(self, framework: Framework) -> tuple[tuple[str, FilePin], ...]:
        """For each architecture that images are built on the package with the C and C++ interface."""
        headers = framework.headers
        if headers is None:
            return ()
        return tuple((machine, self._pin(package_key(headers, machine))) for machine in BUILD_ARCHITECTURES)

    def _base(self, key: str) -> BasePin:
        try:
            return self._lock.bases[key]
        except KeyError:
            raise UsageError(
                f'the lock has no base image "{key}"', where="matrix.lock", remedy="mlperf-bake lock"
            ) from None

    def _pin(self, key: str) -> FilePin:
        try:
            return self._lock.packages[key]
        except KeyError:
            raise UsageError(
                f'the lock has no entry "{key}"', where="matrix.lock", remedy="mlperf-bake lock"
            ) from None


class _Calls:
    """The partials that the templates of one cell call for. An object, not functions that know each other: those would stay
    in memory until somebody looks for cycles.

    Args:
        shared: the partials that earlier cells called for, by what they are given; grows.

    Attributes:
        made: the partials that the template at hand has called for so far, in order.
    """

    __slots__ = ("_shared", "_templates", "made")

    def __init__(
        self, templates: Templates, shared: dict[tuple[object, ...], tuple[Part, dict[str, object]]]
    ) -> None:
        self._templates = templates
        self._shared = shared
        self.made: list[Part] = []

    def part(self, name: str, /, **values: object) -> str:
        """What ``part(...)`` gives in a template: the text of a partial."""
        if "cell" in values:
            made = self._make(name, values, shared=False)
        else:
            # Told apart by the identity of their values, which costs less than comparing them; the values are
            # kept, so that none can take the place of another in memory.
            key = (name, *values, *map(id, values.values()))
            known = self._shared.get(key)
            if known is None:
                known = self._shared[key] = (self._make(name, values, shared=True), values)
            made = known[0]
        self.made.append(made)
        return made.text

    def _make(self, name: str, values: dict[str, object], shared: bool) -> Part:
        outer, self.made = self.made, []
        text = self._templates.render(name, {**values, "part": self.part})
        inner, self.made = self.made, outer
        return Part(name, text, tuple(inner), shared)


def _replaceable(reference: bool, apart: bool) -> str:
    """The named contexts that can take the place of what a Dockerfile fetches, as its first lines tell."""
    images = "base, build-base, tools-base (images)" if apart else "base, build-base (images)"
    return f"{images}, wheels, weights{', reference' if reference else ''} (directories)"


def _sections(pieces: list[str], parts: list[Part]) -> tuple[str, ...]:
    """The pieces, those between two shared partials joined. A partial is known by being the very same text in memory; one
    that the skeleton changes (``part(...) | indent``) is joined to its neighbours."""
    shared = {id(part.text) for part in parts if part.shared}
    sections: list[str] = []
    between: list[str] = []
    for piece in pieces:
        if id(piece) in shared:
            sections += ("".join(between), piece)
            between = []
        else:
            between.append(piece)
    return (*sections, "".join(between))
