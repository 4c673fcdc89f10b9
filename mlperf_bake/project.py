"""A checkout as one value: where its matrix, lock, templates and sources lie, each read when first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.loading import load_matrix
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.selectors import parse_selector, published, select
from mlperf_bake.matrix.values import Cell

if TYPE_CHECKING:
    from mlperf_bake.lock.demand import Demand
    from mlperf_bake.lock.lockfile import Lock
    from mlperf_bake.plan.image import PlannedImage
    from mlperf_bake.plan.planner import Judge, Overrides, Planner
    from mlperf_bake.render.dockerfile import Renderer
    from mlperf_bake.rounds import Round

MATRIX = "matrix.yaml"
LOCK = "matrix.lock"
TEMPLATES = "templates"
IMAGES = "images"
STATE = ".mlperf-bake"
SOURCES = "harness"
POLICY = "policy.yaml"


@dataclass(frozen=True)
class Project:
    """A directory with a matrix.yaml. Build one with ``open_project``.

    Attributes:
        root: the directory.
        chosen_round: the round that the user chose in place of the matrix's; empty where none was.
        home: where journals and logs go, where that is not the root: it is what this program brings along.
    """

    root: Path
    chosen_round: str = ""
    home: Path | None = None

    @property
    def state(self) -> Path:
        """Where journals and logs go."""
        return (self.home or self.root) / STATE

    @cached_property
    def sources(self) -> Path:
        """What images are built from, the build context: the root, or where that has no harness what is shipped."""
        return self._own_or_shipped(SOURCES)

    @cached_property
    def templates(self) -> Path:
        """The templates: the root's own, or the shipped ones."""
        return self._own_or_shipped(TEMPLATES) / TEMPLATES

    def _own_or_shipped(self, name: str) -> Path:
        if (self.root / name).is_dir():
            return self.root
        from mlperf_bake.shipped import shipped_root

        return shipped_root()

    def require_own(self, what: str) -> None:
        """Does nothing where the matrix is the user's.

        Errors:
            UsageError: it is the shipped one, which nobody may change.
        """
        if self.home is not None:
            raise UsageError(
                f"{what} changes files of a project, and here is none",
                where=str(self.home),
                found="the matrix that mlperf-bake brings along",
                remedy="mlperf-bake init copies matrix and templates here",
            )

    @property
    def tuning_state(self) -> Path:
        """Where what was tuned is kept, apart for another round than the matrix's: its images are others."""
        return self.state if self.round_name == self.matrix.round else self.state / self.round_name

    @cached_property
    def revision(self) -> str:
        """The commit that is checked out, with ``-dirty`` where tracked files differ; empty outside a git checkout."""
        import subprocess

        if self.home is not None:
            return ""
        command = [
            "git",
            "-C",
            str(self.root),
            "describe",
            "--always",
            "--abbrev=40",
            "--dirty",
            "--exclude=*",
        ]
        try:
            found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return found.stdout.strip() if found.returncode == 0 else ""

    @cached_property
    def matrix(self) -> Matrix:
        """The matrix. Errors: those of load_matrix."""
        return load_matrix(self.root / MATRIX, MATRIX)

    @property
    def round_name(self) -> str:
        """The chosen round's name, or the matrix's."""
        return self.chosen_round or self.matrix.round

    @cached_property
    def round(self) -> Round:
        """The chosen round, or the matrix's. Errors: UsageError for an unknown one."""
        from mlperf_bake.rounds import load_round

        return load_round(self.round_name)

    @cached_property
    def demands(self) -> tuple[Demand, ...]:
        """Everything that the lock must pin, LoadGen for every round that images can be built for."""
        from mlperf_bake.lock.demand import demands
        from mlperf_bake.rounds import loadgen_releases

        return demands(self.matrix, {name: release.version for name, release in loadgen_releases().items()})

    @cached_property
    def lock(self) -> Lock:
        """The lock. Errors: Stale where it is missing or was made from another matrix."""
        from mlperf_bake.lock.lockfile import load_lock, require_current

        lock = load_lock(self.root / LOCK, LOCK)
        require_current(lock, self.demands, LOCK)
        return lock

    @cached_property
    def renderer(self) -> Renderer:
        """Renders this project's cells."""
        from mlperf_bake.render.dockerfile import Renderer

        return Renderer(self.templates, self.matrix, self.lock, self.round)

    def declared_cells(
        self, targets: Iterable[str] = (), only: Iterable[str] = (), skip: Iterable[str] = ()
    ) -> tuple[Cell, ...]:
        """The chosen cells, whether the round has their benchmark or not. Errors: those of parse_selector and select."""
        return select(self.matrix, parse_selector(self.matrix, targets, only, skip))

    def cells(
        self, targets: Iterable[str] = (), only: Iterable[str] = (), skip: Iterable[str] = ()
    ) -> tuple[Cell, ...]:
        """The chosen cells whose benchmark the round has.

        Errors:
            UsageError: it lacks that of a cell that a target names, or those of all that were chosen.
            Those of parse_selector and select.
        """
        selector = parse_selector(self.matrix, targets, only, skip)
        chosen = select(self.matrix, selector)
        models = {cell.model: cell for cell in chosen}  # what the round has, it has for all cells of a model
        without = {name for name, cell in models.items() if not self.in_round(cell)}
        kept = tuple(cell for cell in chosen if cell.model not in without) if without else chosen
        if len(kept) == len(chosen):
            return chosen
        named = [cell for cell in chosen if cell.id in selector.ids and cell not in kept]
        for cell in named or (chosen if not kept else ()):
            raise self.no_benchmark(cell)
        return kept

    def published(self) -> tuple[Cell, ...]:
        """The published cells whose benchmark the round has. Errors: those of selectors.published."""
        return tuple(filter(self.in_round, published(self.matrix)))

    def in_round(self, cell: Cell) -> bool:
        """Whether the round has the cell's benchmark, or a former one that its model names does."""
        return self.round_of(cell) is not None

    def round_of(self, cell: Cell) -> Round | None:
        """The round whose rules a cell follows; None where it can follow none."""
        from mlperf_bake.rounds.benchmarks import followed_round

        model = self.matrix.models[cell.model]
        return followed_round(model.benchmark, model.round, self.round, self.matrix.round)

    def no_benchmark(self, cell: Cell) -> UsageError:
        """What to raise where the round does not have the cell's benchmark."""
        from mlperf_bake.rounds.benchmarks import no_such_benchmark

        where = self.matrix.place("models", cell.model, "benchmark")
        return no_such_benchmark(self.matrix.models[cell.model].benchmark, self.round, where)

    def planner(self, overrides: Overrides | None = None) -> Planner:
        """What plans this project's cells, one after the other. Errors: those of load_policy."""
        from mlperf_bake.plan.planner import Planner
        from mlperf_bake.render.copied import Sources

        return Planner(self.matrix, self.renderer, Sources(self.sources), overrides, self._judge())

    def _judge(self) -> Judge | None:
        """Holds images against the policy beside the matrix; None where there is none."""
        file = (self.home or self.root) / POLICY
        if not file.exists():
            return None
        from mlperf_bake.plan.fetched import fetched
        from mlperf_bake.plan.policy import load_policy

        policy = load_policy(file, POLICY)

        def read(path: str) -> str:
            return (self.sources / path).read_text(encoding="utf-8")

        def judge(cell: Cell, image: PlannedImage, build_platform: str) -> None:
            policy.require(cell.id, fetched(self.matrix, self.lock, cell, image, build_platform, read))

        return judge

    def plan(self, cells: Iterable[Cell], overrides: Overrides | None = None) -> tuple[PlannedImage, ...]:
        """One planned image a cell, in order. Errors: those of Planner.plan."""
        return tuple(self.planner(overrides).plan(cells))

    def origin(self, cell_id: str, line: int) -> tuple[str, int] | None:
        """The template file (relative to the root) and line that a line of a cell's Dockerfile came from."""
        for cell in self.matrix.cells():
            if cell.id == cell_id:
                origins = self.renderer.origins(cell)
                if 1 <= line <= len(origins):
                    name, number = origins[line - 1]
                    return f"{TEMPLATES}/{name}", number
        return None


def open_project(start: Path | None = None, round_name: str = "") -> Project:
    """The project that ``start`` (or the current directory) lies in: the nearest directory upwards with a matrix.yaml. Where
    there is none, what this program brings along, with its journals and logs in that directory.

    Args:
        round_name: a round in place of the one that the matrix names.

    Errors:
        UsageError: there is no such round, the directory cannot be read, or the installation is not complete.
    """
    if round_name:
        from mlperf_bake.rounds import require_round

        require_round(round_name)
    try:
        here = (start or Path.cwd()).resolve()
        for directory in (here, *here.parents):
            if (directory / MATRIX).is_file():
                return Project(directory, round_name)
    except OSError as error:
        raise UsageError(
            "the current directory cannot be read",
            where=str(start or "."),
            found=error.strerror or str(error),
            remedy="change into the checkout and run the command again",
        ) from error
    from mlperf_bake.shipped import shipped_root

    return Project(shipped_root(), round_name, home=here)
