"""matrix.proofs: one line a cell that was seen to build in part or whole, to run or to give the known accuracy. Only the tool
writes it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from mlperf_bake.matrix.document import parse, read_text
from mlperf_bake.matrix.schema import check, load_schema

PROOFS = "matrix.proofs"
HEADER = (
    "# Written by `mlperf-bake prove`: what each cell was seen to do, and where. Commit it; do not edit it.\n"
)

State = Literal["declared", "rendered", "built", "ran", "accuracy checked"]
STATES: tuple[State, ...] = ("declared", "rendered", "built", "ran", "accuracy checked")
LISTS = ("scenarios", "stand_ins", "stages", "stages_left")
"""What of a proof is a list of names."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one cell was seen to do.

    Attributes:
        state: ``built``, ``ran`` (in every one of ``scenarios``) or ``accuracy checked`` (it gave the known figure in all); of a
            cell whose image could not be built ``rendered``, with ``stages``.
        date: ``2026-11-22``, UTC.
        image: digest or id of the image that was run; empty where there is none.
        dockerfile: sha256 of the rendered Dockerfile it was built from.
        machine: processor, number of CPUs, platform and whether it was emulated.
        scenarios: in which accuracy and performance runs finished.
        accuracy: ``18 of 20``, the same in all of them; empty where none was measured.
        stand_ins: named build contexts that took the place of what the cell declares (``base``, ``weights``), sorted: the
            image shows that everything else builds and works, not that the declared base does.
        sources: sha256 over the files that were copied into the build; empty where an earlier version recorded none.
        round: the MLPerf round it was built for; empty where an earlier version recorded none.
        base_made: whether a base image was made on that machine from the distribution's packages, as no hub gave the declared.
        stages: of a cell whose image could not be built, the stages that were.
        stages_left: those that were not.
    """

    state: State
    date: str
    image: str
    dockerfile: str
    machine: str
    scenarios: tuple[str, ...] = ()
    accuracy: str = ""
    stand_ins: tuple[str, ...] = ()
    sources: str = ""
    round: str = ""
    base_made: bool = False
    stages: tuple[str, ...] = ()
    stages_left: tuple[str, ...] = ()

    @property
    def in_part(self) -> str:
        """``9 of 14 stages built``; empty where the image was."""
        whole = len(self.stages) + len(self.stages_left)
        return f"{len(self.stages)} of {whole} stages built" if self.stages else ""

    @property
    def stood_in(self) -> str:
        """What the image has in place of what the cell declares: ``base stood in``, ``base made here``; empty where nothing."""
        given = f"{' and '.join(self.stand_ins)} stood in" if self.stand_ins else ""
        return ", ".join(filter(None, (given, "base made here" if self.base_made else "")))

    @property
    def qualified(self) -> str:
        """The state, how much was built, and what stood in for what: ``built, base stood in``."""
        return ", ".join(filter(None, (self.state, self.in_part, self.stood_in)))


def load_proofs(path: Path, name: str = PROOFS) -> dict[str, Proof]:
    """Cell id to proof; empty where there is no such file yet.

    Errors:
        UsageError: the file is damaged; each problem with its place.
    """
    if not path.exists():
        return {}
    node, problems = parse(read_text(path, name), name)
    check(node, load_schema("proofs.schema.json", "mlperf_bake.proof"), problems)
    problems.raise_if_any()
    cells = cast(dict[str, dict[str, Any]], cast(dict[str, Any], node.plain())["cells"])
    return {
        cell: Proof(
            **{
                **fields,
                "image": fields.get("image", ""),
                **{name: tuple(fields.get(name, ())) for name in LISTS},
            }
        )
        for cell, fields in cells.items()
    }


def write_proofs(proofs: Mapping[str, Proof]) -> str:
    """The text of the file: sorted, LF, one line a cell."""
    lines = [HEADER, "version: 1\n", "cells:\n" if proofs else "cells: {}\n"]
    for cell, proof in sorted(proofs.items()):
        accuracy = f", accuracy: {proof.accuracy}" if proof.accuracy else ""
        if proof.stand_ins:
            accuracy += f", stand_ins: [{', '.join(proof.stand_ins)}]"
        made_of = f", sources: {proof.sources}" if proof.sources else ""
        made_of += f", round: {proof.round}" if proof.round else ""
        made_of += ", base_made: true" if proof.base_made else ""
        for name, names in (("stages", proof.stages), ("stages_left", proof.stages_left)):
            made_of += f", {name}: [{', '.join(names)}]" if names else ""
        image = f"image: {proof.image}, " if proof.image else ""
        lines.append(
            f'  "{cell}": {{state: {proof.state}{accuracy}, scenarios: [{", ".join(proof.scenarios)}], '
            f'date: "{proof.date}", machine: {json.dumps(proof.machine)}, '
            f"{image}dockerfile: {proof.dockerfile}{made_of}}}\n"
        )
    return "".join(lines)


def dockerfile_digest(text: str) -> str:
    """``sha256:`` and 64 hex digits over a rendered Dockerfile."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def sources_digest(ingredients: Iterable[tuple[str, str]]) -> str:
    """``sha256:`` and 64 hex digits over the files among an image's ingredients, whatever stood in for its base.

    Args:
        ingredients: name and short hash, as a ``PlannedImage`` has them.
    """
    files = sorted((name, digest) for name, digest in ingredients if name.startswith("file "))
    text = "".join(f"{name}\t{digest}\n" for name, digest in files)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def save_proofs(path: Path, new: Mapping[str, Proof]) -> None:
    """Writes ``new`` over what the file says of these cells; the others keep their lines, also those that another `prove`
    writes at this moment. The file changes in one step."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        text = write_proofs({**load_proofs(path), **new})
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        os.close(directory)
