"""One cell's Dockerfile, and for each of its lines the template line that it came from.

The skeleton Dockerfile.j2 calls ``part(file, name=value, ...)`` for each partial. A partial sees only the values it is
given, so partials with equal values give equal text: BuildKit then builds the stage once for all cells, and this
program renders it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from mlperf_bake.errors import UsageError
from mlperf_bake.lock.demand import BUILD_ARCHITECTURES, package_key, wheel_key
from mlperf_bake.lock.lockfile import FilePin, Lock
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Cell
from mlperf_bake.render.cellconf import cell_conf
from mlperf_bake.render.paths import dockerfile_path
from mlperf_bake.rounds import Round

SKELETON = "Dockerfile.j2"
_MARK = re.compile("\x01([^\x02]*)\x02")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A Dockerfile and the partials it is made of (file name, rendered text)."""

    text: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel of a framework for one hardware: file name, sha256 and platform tag as pip takes it."""

    file: str
    sha256: str
    platform_tag: str


class Renderer:
    """Renders the cells of one matrix, lock and round from one directory of templates."""

    def __init__(self, templates: Path, matrix: Matrix, lock: Lock, round: Round) -> None:
        self._templates = templates
        self._matrix = matrix
        self._lock = lock
        self._round = round
        self._environment = self._make_environment()
        self._parts: dict[tuple[object, ...], str] = {}

    def render(self, cell: Cell) -> Rendered:
        """The cell's Dockerfile.

        Errors:
            UsageError: a template is missing or wrong (its file and line), or the lock lacks a pin.
        """
        used: list[tuple[str, str]] = []

        def part(name: str, **values: object) -> str:
            key = (name, *values.values())
            text = self._parts.get(key)
            if text is None:
                text = self._parts[key] = self._render(self._environment, name, {**values, "part": part})
            used.append((name, text))
            return text

        text = self._render(self._environment, SKELETON, {**self._values(cell), "part": part})
        return Rendered(text + "\n", tuple(used))

    def origins(self, cell: Cell) -> tuple[tuple[str, int], ...]:
        """For each line of the cell's Dockerfile the template file and line it came from."""
        environment = self._make_environment(_LineMarks)

        def part(name: str, **values: object) -> str:
            return _named(self._render(environment, name, {**values, "part": part}), name)

        text = _named(self._render(environment, SKELETON, {**self._values(cell), "part": part}), SKELETON)
        return tuple(_resolve(text + "\n"))

    def _make_environment(self, *extensions: type[Extension]) -> Environment:
        return Environment(
            loader=FileSystemLoader(self._templates),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            extensions=extensions,
        )

    def _render(self, environment: Environment, name: str, values: dict[str, object]) -> str:
        try:
            return environment.get_template(name).render(values)
        except TemplateError as error:
            line = _template_line(error)
            raise UsageError(
                f"the template cannot be rendered: {error.message or error}",
                where=f"{self._templates / name}" + (f":{line}" if line else ""),
                remedy="correct the template; docs/ describes the values each partial is given",
            ) from error

    def _values(self, cell: Cell) -> dict[str, Any]:
        matrix, lock = self._matrix, self._lock
        model, framework = matrix.models[cell.model], matrix.frameworks[cell.framework]
        hardware = matrix.hardware[cell.hardware]
        package = framework.package
        wheel = self._pin(wheel_key(package, hardware))
        headers = tuple(
            (architecture, self._pin(package_key(framework.headers, architecture)))
            for architecture in BUILD_ARCHITECTURES
        )
        sha256 = lock.weights.get(cell.model)
        return {
            "cell": cell,
            "round": self._round,
            "path": dockerfile_path(cell),
            "lock": lock,
            "model": model,
            "implementation": matrix.implementations[cell.implementation],
            "framework": framework,
            "hardware": hardware,
            "os": matrix.os[cell.os],
            "wheel": Wheel(wheel.file, wheel.sha256, f"{package.platform_tag}_{hardware.machine}"),
            "headers": headers,
            "weights_kind": "url" if model.weights.url else "recipe",
            "weights_pin": sha256,
            "weights_source": self._pin(package_key(model.weights.fetch)) if model.weights.fetch else None,
            "conf": cell_conf(matrix, cell, self._round, sha256),
        }

    def _pin(self, key: str) -> FilePin:
        try:
            return self._lock.packages[key]
        except KeyError:
            raise UsageError(
                f'the lock has no entry "{key}"', where="matrix.lock", remedy="mlperf-bake lock"
            ) from None


class _LineMarks(Extension):
    """Puts the number of the template's line at the start of each line of text."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        at_start = True
        for token in stream:
            if token.type != "data":
                yield token
                at_start = at_start and token.type not in ("variable_begin",)
                continue
            pieces = token.value.split("\n")
            marked = [
                f"\x01{token.lineno + number}\x02{piece}" if number or at_start else piece
                for number, piece in enumerate(pieces)
            ]
            at_start = False
            yield Token(token.lineno, "data", "\n".join(marked))


def _template_line(error: TemplateError) -> int | None:
    """The line of the innermost template at fault; Jinja names it in the frames of the traceback."""
    line: int | None = getattr(error, "lineno", None)
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename.endswith(".j2"):
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _named(text: str, name: str) -> str:
    """Adds the template's name to the marks that have none yet."""
    return _MARK.sub(lambda mark: mark[0] if ":" in mark[1] else f"\x01{name}:{mark[1]}\x02", text)


def _resolve(text: str) -> Iterator[tuple[str, int]]:
    """The innermost mark at the start of each line; a line without one continues the line before it."""
    here = (SKELETON, 1)
    for line in text.splitlines():
        start = re.match("(?:\x01[^\x02]*\x02)+", line)
        if start:
            name, _, number = _MARK.findall(start[0])[-1].rpartition(":")
            here = (name, int(number))
        yield here
