"""Cells into planned images: rendered, fingerprinted, tagged. No clock, no network, no daemon, no host probing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.image import PlannedImage, fingerprint
from mlperf_bake.plan.state import GIVEN_REFERENCE, GIVEN_WEIGHTS, INGREDIENTS_LABEL, ingredients_label
from mlperf_bake.render.copied import Sources, copied_paths
from mlperf_bake.render.dockerfile import Part, Renderer

SHORT = 12
REVISION_LABEL = "org.opencontainers.image.revision"


@dataclass(frozen=True, slots=True)
class Context:
    """A named build context that stands in for what a Dockerfile would fetch.

    Attributes:
        value: as ``docker buildx build --build-context NAME=VALUE`` takes it.
        identity: what it holds, where that is not fixed by a checksum in the Dockerfile (a base image); else None.
    """

    value: str
    identity: str | None = None


@dataclass(frozen=True)
class Overrides:
    """Named contexts for this build: for every cell, and per (key in the lock, platform) for base images.

    Attributes:
        every: context name to context.
        bases: (key in the lock, platform) to the base image that is used in place of the locked one.
        build_platform: what the builder itself runs on.
        revision: of the source, for a label; not part of the fingerprint.
        weights: model to the sha256 of what the context ``weights`` holds for it, where no checksum of the lock fixes that.
        directories: (context name, model) to the hash of what the model's reference images take out of that context, none of
            which a checksum fixes.
    """

    every: Mapping[str, Context] = field(default_factory=dict)
    bases: Mapping[tuple[str, str], Context] = field(default_factory=dict)
    build_platform: str = "linux/amd64"
    revision: str = ""
    weights: Mapping[str, str] = field(default_factory=dict)
    directories: Mapping[tuple[str, str], str] = field(default_factory=dict)


Judge = Callable[[Cell, PlannedImage, str], None]
"""Raises UsageError where an image must not be built: its cell, the image, and the platform that builds."""


class Planner:
    """Plans the cells of one matrix; parts that cells share are hashed once.

    Args:
        judge: asked about each image; None where every one may be built.
    """

    def __init__(
        self,
        matrix: Matrix,
        renderer: Renderer,
        sources: Sources,
        overrides: Overrides | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._matrix = matrix
        self._renderer = renderer
        self._sources = sources
        self._overrides = overrides or Overrides()
        self._judge = judge
        revision = self._overrides.revision
        self._revision = ((REVISION_LABEL, revision),) if revision else ()
        self._known: dict[int, tuple[Part, dict[str, str]]] = {}

    def plan(self, cells: Iterable[Cell]) -> Iterator[PlannedImage]:
        """One planned image a cell, in order. Errors: those of Renderer.render, Sources.digest and the judge."""
        return map(self.plan_cell, cells)

    def plan_cell(self, cell: Cell) -> PlannedImage:
        """The planned image of one cell."""
        rendered = self._renderer.render(cell)
        platform = self._matrix.hardware[cell.hardware].platform
        contexts = self._contexts(cell, platform)
        ingredients = _together([{"platform": platform}, *map(self._trace, rendered.parts)])
        for name, context in contexts.items():
            if context.identity:
                ingredients[f"context {name}"] = _short(context.identity)
        ingredients |= self._given(cell) if self._overrides.every else {}
        listed = tuple(sorted(ingredients.items()))
        label = ingredients_label(listed)
        whole = fingerprint(rendered.sections, label)
        short = whole.removeprefix("sha256:")[:SHORT]
        cell_id = cell.id
        image = PlannedImage(
            cell_id=cell_id,
            sections=rendered.sections,
            dockerfile_path=rendered.path,
            platform=platform,
            fingerprint=whole,
            ingredients=listed,
            tags=(f"mlperf-bake/{cell_id}:{short}", f"mlperf-bake/{cell_id}:{self._renderer.moving_tag}"),
            labels=((INGREDIENTS_LABEL, label), *self._revision),
            build_args=(("FINGERPRINT", whole),),
            contexts=tuple((name, context.value) for name, context in sorted(contexts.items())),
        )
        if self._judge:
            self._judge(cell, image, self._overrides.build_platform)
        return image

    def _given(self, cell: Cell) -> dict[str, str]:
        """What the user's own directories add, where no checksum in the Dockerfile fixes what they hold."""
        overrides, found = self._overrides, {}
        if "weights" in overrides.every and (weights := overrides.weights.get(cell.model)):
            found[GIVEN_WEIGHTS] = _short(weights)
        if self._matrix.implementations[cell.implementation].source is not None:
            for name in (GIVEN_WEIGHTS, GIVEN_REFERENCE):
                if held := overrides.directories.get((name.removeprefix("context "), cell.model)):
                    found[name] = _short(held)
        return found

    def _contexts(self, cell: Cell, platform: str) -> Mapping[str, Context]:
        if not self._overrides.bases:
            return self._overrides.every
        contexts = dict(self._overrides.every)
        for name, key, needed in self._matrix.images_of(cell, platform, self._overrides.build_platform):
            image = self._overrides.bases.get((key, needed))
            if image and name not in contexts:
                contexts[name] = image
        return contexts

    def _trace(self, part: Part) -> dict[str, str]:
        """A partial's own ingredients and those of the partials within it: ``template <name>``, and each file that it
        copies as ``file <path>``."""
        known = self._known.get(id(part))
        found = known[1] if known else None
        if found is None:
            own = part.text
            for inner in part.inner:
                own = own.replace(inner.text, "", 1)
            found = {f"template {part.name}": _short(own)} if own and not own.isspace() else {}
            if part.inner:
                found = _together([found, *map(self._trace, part.inner)])
            for path in copied_paths(own) if self._renderer.copies(part.name) else ():
                found[f"file {path}"] = self._sources.digest(path)[:SHORT]
            if part.shared:
                self._known[id(part)] = (
                    part,
                    found,
                )  # with the part, so that no other takes its place in memory
        return found


def _together(traces: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """All of them in one; where a partial is used twice with other values, its entry is a hash over both."""
    found: dict[str, str] = {}
    for trace in traces:
        if found.keys().isdisjoint(trace):
            found.update(trace)
        else:
            found = _merged(found, trace)
    return found


def _merged(some: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    both = {**some, **more}
    for name in some.keys() & more.keys():
        if some[name] != more[name]:
            both[name] = _short(some[name] + more[name])
    return both


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:SHORT]
