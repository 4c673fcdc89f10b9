"""Who submits, where the user does not say: the only submitter of the tree, or nobody yet."""

from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import Round

UNNAMED: Final = "unnamed"
"""The submitter of a new tree that was collected without --submitter."""


def submitter_of(tree: Path, rules: Round) -> str:
    """The tree's only submitter; ``unnamed`` where there is no tree.

    Raises:
        UsageError: there are several.
    """
    found = {
        path.name
        for division in rules.tree.divisions
        if (tree / division).is_dir()
        for path in (tree / division).iterdir()
        if path.is_dir() and not path.name.startswith(".")
    }
    if len(found) > 1:
        names = sorted(found)
        raise UsageError(
            "the tree has several submitters",
            where=str(tree),
            found=", ".join(names),
            expected="the one whose results these are",
            remedy=f"--submitter {names[0]}",
        )
    return found.pop() if found else UNNAMED
