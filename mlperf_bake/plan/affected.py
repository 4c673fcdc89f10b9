"""Which published cells differ between an earlier commit and now, and by what. Pure.

An image is determined by its Dockerfile, which holds every pin, and by the files that the Dockerfile copies; that is what
its fingerprint covers. The rendered Dockerfiles are committed, so both sides are compared as they stand: nothing is
built, and the earlier commit's matrix and templates need not be of a form that this program still reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from mlperf_bake.plan.image import PlannedImage

FILE = "file "
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Affected:
    """One cell that another image comes out of than at the earlier commit.

    Attributes:
        cell_id: which.
        platform: of its image.
        change: ``new`` where the earlier commit did not publish it.
        why: what differs, most telling first.
    """

    cell_id: str
    platform: str
    change: Literal["new", "changed"]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What an earlier commit's published cells and today's differ in.

    Attributes:
        since: the earlier commit, 40 hex digits.
        affected: cells to build, in the matrix's order.
        gone: ids of the cells that are published no more, sorted.
    """

    since: str
    affected: tuple[Affected, ...]
    gone: tuple[str, ...]


def changes(
    since: str, images: Sequence[PlannedImage], before: Mapping[str, str], changed: Iterable[str]
) -> Changes:
    """Holds today's published cells against an earlier commit.

    Args:
        since: the earlier commit.
        images: the published cells as they are now.
        before: path and text of every rendered Dockerfile of the earlier commit.
        changed: every path whose content or mode is another than in the earlier commit.
    """
    paths = {path: _places(path) for path in sorted(changed)}
    now = {image.dockerfile_path for image in images}
    found: list[Affected] = []
    for image in images:
        old = before.get(image.dockerfile_path)
        why = ("first published since",) if old is None else (*_text(old, image), *_files(image, paths))
        if why:
            kind: Literal["new", "changed"] = "new" if old is None else "changed"
            found.append(Affected(image.cell_id, image.platform, kind, why))
    gone = sorted(path.split("/")[-2] for path in before if path not in now)
    return Changes(since, tuple(found), tuple(gone))


def _text(old: str, image: PlannedImage) -> tuple[str, ...]:
    """The stage and line in which the Dockerfile first differs."""
    new = image.dockerfile
    if old == new:
        return ()
    stage = "before the first stage"
    for number, (was, now) in enumerate(zip_longest(old.splitlines(), new.splitlines()), 1):
        if was != now:
            return (f"{image.dockerfile_path}:{number} changed ({stage})",)
        words = now.split()
        if len(words) > 3 and words[0] == "FROM" and words[-2] == "AS":
            stage = f"stage {words[-1]}"
    return (f"{image.dockerfile_path} changed",)


def _files(image: PlannedImage, changed: Mapping[str, Set[str]]) -> tuple[str, ...]:
    """The changed files that the image copies, at most three by name.

    Args:
        changed: each of them, and all places of which it is part.
    """
    names = (name.removeprefix(FILE) for name, _ in image.ingredients if name.startswith(FILE))
    copied = {name.rstrip("/") for name in names}
    hit = [path for path, places in changed.items() if not places.isdisjoint(copied)]
    more = (f"and {len(hit) - SHOWN} more files",) if len(hit) > SHOWN else ()
    return (*(f"{path} changed" for path in hit[:SHOWN]), *more)


def _places(path: str) -> frozenset[str]:
    """The path, the directories above it, and ``.``."""
    parts = path.split("/")
    return frozenset((".", *("/".join(parts[: depth + 1]) for depth in range(len(parts)))))
