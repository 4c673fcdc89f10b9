"""policy.yaml: what builds of a project may fetch, held against each image when it is planned.

    version: 1
    allow:                              # patterns by kind of source; a kind that is not named is not allowed at all
      image: ["debian:*"]
      pypi: ["*"]
      debian: ["*"]
      url: ["https://zenodo.org/*"]
    pinned: true                        # refuse what no digest, checksum or commit fixes; the default

The file is the user's own; without one, everything that the matrix declares may be fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.document import parse, read_text
from mlperf_bake.matrix.schema import check, load_schema
from mlperf_bake.plan.fetched import KINDS, Fetched, Kind

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be fetched.

    Attributes:
        allowed: kind to patterns, of which a name must fit one.
        pinned: whether everything must be fixed by a digest, checksum or commit.
        place: ``policy.yaml:LINE:COLUMN`` of ``allow``, for messages.
    """

    allowed: Mapping[Kind, tuple[str, ...]]
    pinned: bool
    place: str

    def require(self, cell_id: str, things: Iterable[Fetched]) -> None:
        """Does nothing where the image may be built.

        Errors:
            UsageError: names each thing that the policy forbids, what for, and why.
        """
        refused = [
            f"{one.kind} {one.name} ({one.use}): {why}" for one in things if (why := self._why_not(one))
        ]
        if not refused:
            return
        more = f"; and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        raise UsageError(
            f"the policy forbids what {cell_id} fetches",
            where=self.place,
            found="; ".join(refused[:SHOWN]) + more,
            expected="names that fit a pattern under `allow`" + (", all pinned" if self.pinned else ""),
            remedy=f"allow it there, leave the cell out, or give what is fetched: --context NAME=PATH ({cell_id})",
        )

    def _why_not(self, one: Fetched) -> str:
        """Why it is forbidden, in words; empty where it is not."""
        if not any(fnmatchcase(one.name, pattern) for pattern in self.allowed.get(one.kind, ())):
            return "not allowed"
        if self.pinned and not one.pinned:
            return "not pinned; mlperf-bake lock pins it where its source answers"
        return ""


def load_policy(path: Path, name: str) -> Policy:
    """The policy in ``path``.

    Args:
        name: what to call the file in messages.

    Errors:
        UsageError: each problem with its place.
    """
    node, problems = parse(read_text(path, name), name)
    check(node, load_schema("policy.schema.json", "mlperf_bake.plan"), problems)
    problems.raise_if_any()
    data = cast(dict[str, Any], node.plain())
    spot = node.at("allow")
    return Policy(
        allowed={kind: tuple(data["allow"][kind]) for kind in KINDS if kind in data["allow"]},
        pinned=data.get("pinned", True),
        place=f"{name}:{spot.line}:{spot.column}",
    )
