"""How far each cell is known to come as it is now: what was proven counts for the image that it was proven of, and no other.

A proof holds while the Dockerfile (and with it matrix, lock and round) and the files copied into the build are those it was
made with. Pure but for reading the files of the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mlperf_bake.errors import BakeError
from mlperf_bake.proof.kept import Digests, KeptDigests
from mlperf_bake.proof.record import (
    PROOFS,
    STATES,
    Proof,
    State,
    dockerfile_digest,
    load_proofs,
    sources_digest,
)

if TYPE_CHECKING:
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.plan.planner import Planner
    from mlperf_bake.project import Project

EARLIER = "before a change"
"""Said of a proof whose image is not the cell's any more."""


class Standing(NamedTuple):
    """What is known of one cell.

    Attributes:
        state: how far the cell as it is now was seen to come; without a proof of just that, whether its Dockerfile is there.
        proof: the last one, whether it holds or not.
        why_not: why the proof says nothing of the cell as it is now; empty where it holds, or there is none.
        told: the same in few words.
        dockerfile: the rendered one, relative to the project; None where it is not there.
    """

    state: State
    proof: Proof | None = None
    why_not: str = ""
    told: str = ""
    dockerfile: str | None = None

    @property
    def holds(self) -> bool:
        """Whether there is a proof of the cell as it is now."""
        return self.proof is not None and not self.why_not

    @property
    def words(self) -> str:
        """``accuracy checked``, ``built, base stood in``, ``ran (before a change)``, ``rendered, 9 of 14 stages built``."""
        if self.proof is None:
            return self.state
        qualified = (
            replace(self.proof, state=self.state).qualified if self.proof.stages else self.proof.qualified
        )
        return qualified + (f" ({self.told})" if self.why_not else "")

    @property
    def rank(self) -> tuple[int, int, bool, int]:
        """The more, the further the cell came: what holds before what held once, the declared base before one in its place."""
        proof = self.proof
        once = STATES.index(proof.state) if proof else 0
        return once if self.holds else 0, once, not (proof and proof.stood_in), STATES.index(self.state)

    def fields(self) -> dict[str, Any]:
        """What ``--json`` tells of it."""
        proof = self.proof
        return {
            "state": self.state,
            "dockerfile": self.dockerfile,
            "proven": proof.state if proof else None,
            "proof_holds": self.holds if proof else None,
            "proof_outdated_by": self.why_not or None,
            "round_proven": (proof.round or None) if proof else None,
            "stand_ins": list(proof.stand_ins) if proof else [],
            "base_made": proof.base_made if proof else False,
            "accuracy": (proof.accuracy or None) if proof else None,
            "scenarios": list(proof.scenarios) if proof else [],
            "date": proof.date if proof else None,
            "machine": proof.machine if proof else None,
            "image": (proof.image or None) if proof else None,
            "stages": list(proof.stages) if proof else [],
            "stages_left": list(proof.stages_left) if proof else [],
        }


def standings(project: Project, cells: Iterable[Cell]) -> Mapping[Cell, Standing]:
    """Each cell's standing in the project's round.

    A project of the user's own has the proofs that mlperf-bake brings along too, each as long as it holds there.

    Errors:
        UsageError: matrix.proofs is damaged.
    """
    from mlperf_bake.render.paths import dockerfile_path, image_directory
    from mlperf_bake.shipped import shipped_file

    own = load_proofs(project.root / PROOFS)
    brought = shipped_file(PROOFS)
    shipped = {} if brought == project.root / PROOFS else load_proofs(brought)
    published = frozenset(project.published())
    directory = image_directory(project.matrix.round, project.round_name)
    now = _Now(project)
    found: dict[Cell, Standing] = {}
    for cell in cells:
        path = dockerfile_path(cell, directory)
        rendered = path if cell in published and (project.root / path).is_file() else None
        standing = _standing(now, cell, own.get(cell.id), rendered)
        if not standing.holds and cell.id in shipped:
            brought_along = _standing(now, cell, shipped[cell.id], rendered)
            standing = brought_along if brought_along.holds else standing
        found[cell] = standing
    now.save()
    return found


def _standing(now: _Now, cell: Cell, proof: Proof | None, rendered: str | None) -> Standing:
    plain: State = "rendered" if rendered else "declared"
    if proof is None:
        return Standing(plain, dockerfile=rendered)
    why_not, told = now.departs(cell, proof)
    return Standing(plain if why_not or proof.stages else proof.state, proof, why_not, told, rendered)


class _Now:
    """The images of a project's cells as they would be built now, to hold proofs against."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._kept = KeptDigests(project)

    @cached_property
    def _planner(self) -> Planner | str:
        """Without the policy, since what may be built is another question than what was; where there is none, why."""
        from mlperf_bake.plan.planner import Planner
        from mlperf_bake.render.copied import Sources

        project = self._project
        try:
            return Planner(project.matrix, project.renderer, Sources(project.sources))
        except BakeError as error:
            return error.problem

    def departs(self, cell: Cell, proof: Proof) -> tuple[str, str]:
        """Why a proof is not of the cell's image as it is now, in full and in few words; twice nothing where it is."""
        if not self._project.in_round(cell):
            return f"round {self._project.round_name} does not have this benchmark", self._of(proof)
        digests = self._digests(cell)
        if isinstance(digests, str):
            return digests, "not compared"
        if proof.dockerfile != digests.dockerfile:
            if (proof.round or self._project.matrix.round) != self._project.round_name:
                return f"round {self._project.round_name} has another image", self._of(proof)
            return "its Dockerfile is another now", EARLIER
        if not proof.sources:
            return "the files that it was built from were not recorded", EARLIER
        if proof.sources != digests.sources:
            return "files that are copied into it are others now", EARLIER
        return "", ""

    def save(self) -> None:
        """Keeps for other commands what was found out."""
        self._kept.save()

    def _digests(self, cell: Cell) -> Digests | str:
        """Of the cell's image; where none can be planned, why."""
        if kept := self._kept.get(cell.id):
            return kept
        planner = self._planner
        if isinstance(planner, str):
            return planner
        try:
            image = planner.plan_cell(cell)
        except BakeError as error:
            return error.problem
        from mlperf_bake.render.copied import copied_paths

        digests = Digests(dockerfile_digest(image.dockerfile), sources_digest(image.ingredients))
        self._kept.keep(cell.id, digests, copied_paths(image.dockerfile))
        return digests

    def _of(self, proof: Proof) -> str:
        return f"in {proof.round or self._project.matrix.round}"
