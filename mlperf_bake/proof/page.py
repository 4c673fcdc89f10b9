"""What docs/axes.md says of each value's proofs: a part of that page that only this program writes, out of matrix.proofs.

It tells what was seen once, whatever changed since: whether a proof is of the cell as it is now, `mlperf-bake list` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mlperf_bake.matrix.document import read_text
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import AXES, Axis, Cell
from mlperf_bake.proof.record import STATES, Proof
from mlperf_bake.render.checkout import write_file

PAGE = "docs/axes.md"
BEGIN = (
    "<!-- Written by `mlperf-bake prove` and `mlperf-bake render` out of matrix.proofs; do not edit it. -->\n"
)
END = "<!-- The end of what is written. -->\n"


def proof_page(root: Path, matrix: Matrix, proofs: Mapping[str, Proof]) -> str | None:
    """The page as it should be; None where the project has none, or the page no such part.

    Errors:
        UsageError: the page cannot be read.
    """
    path = root / PAGE
    if not path.is_file():
        return None
    before, begin, rest = read_text(path, PAGE).partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return None
    return "".join((before, begin, proof_table(matrix, proofs), end, after))


def refresh_page(root: Path, matrix: Matrix, proofs: Mapping[str, Proof], *, check: bool = False) -> bool:
    """Brings the page up to date where it is not; whether it was not.

    Args:
        check: write nothing.

    Errors:
        UsageError: the page cannot be read or written.
    """
    wanted = proof_page(root, matrix, proofs)
    if wanted is None or wanted == read_text(root / PAGE, PAGE):
        return False
    if not check:
        write_file(root / PAGE, wanted)
    return True


def proof_table(matrix: Matrix, proofs: Mapping[str, Proof]) -> str:
    """Markdown: for each axis a row a value that was seen to do something, and one with those that never were."""
    seen = [(cell, proofs[cell.id]) for cell in matrix.every_cell if cell.id in proofs]
    rows = [row for axis in AXES for row in _rows(matrix, axis, seen)]
    head = [
        "| axis | value | the furthest of its cells | that far | when | where |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def _rows(matrix: Matrix, axis: Axis, seen: list[tuple[Cell, Proof]]) -> Iterator[str]:
    never = []
    for name in matrix.names(axis):
        own = [proof for cell, proof in seen if cell.value(axis) == name]
        if not own:
            never.append(name)
            continue
        best = max(own, key=_rank)
        same = [proof for proof in own if _rank(proof) == _rank(best)]
        cells = f"{len(same)} {'cell' if len(same) == 1 else 'cells'}"
        date = max(proof.date for proof in same)
        machines = "; ".join(sorted({proof.machine for proof in same}))
        yield f"| {axis} | {name} | {best.qualified} | {cells} | {date} | {machines} |"
    if never:
        yield f"| {axis} | {', '.join(never)} | never built and recorded | | | |"


def _rank(proof: Proof) -> tuple[int, int, bool, bool]:
    """The more, the further: the state before the stages that are missing, and these before what stood in."""
    return STATES.index(proof.state), -len(proof.stages_left), not proof.stand_ins, not proof.base_made
