"""cell.conf: what the image was built for (docs/contracts.md, "cell.conf")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlperf_reference.failure import CELL, Failure

NEEDED = (
    *("cell", "model", "implementation", "framework", "hardware", "os", "division", "round", "benchmark"),
    *(
        "precision",
        "task",
        "weights",
        "weights_sha256",
        "loadgen_model",
        "reference_commit",
        "reference_program",
    ),
    *("reference_arguments", "qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"),
)


@dataclass(frozen=True)
class Cell:
    """The keys of cell.conf; every one of NEEDED is there.

    Attributes:
        root: the directory of cell.conf, which its paths are relative to.
    """

    root: Path
    keys: dict[str, str]

    def __getitem__(self, key: str) -> str:
        return self.keys[key]

    def words(self, key: str) -> list[str]:
        """The words of a key; none where it is not there."""
        return self.keys.get(key, "").split()

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.root / self.keys["weights"]

    @property
    def program(self) -> Path:
        """The program of the reference implementation."""
        return self.root / "reference" / self.keys["reference_program"]


def read_cell(path: Path) -> Cell:
    """The cell. Errors: Failure with CELL where it is missing, is no text of that form, or lacks a key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(CELL, f"{path} cannot be read: {error}; use the image as it was built.") from error
    keys: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, value = line.partition(" = ")
        if not equals:
            raise Failure(CELL, f"{path}:{number}: expected `key = value`, found {line!r}.")
        keys[key] = value
    if missing := [key for key in NEEDED if key not in keys]:
        raise Failure(CELL, f"{path} lacks {', '.join(missing)}; use the image as it was built.")
    return Cell(Path.cwd() / path.parent, keys)
