"""One name for what differs only in hardware: an index of all platforms, which moves when the last of them is there.

The *family* of a cell is its id without the hardware; its members are, for each platform, the first hardware of the matrix
that fits. ``docker run HOST/PREFIX/mlperf-bake/FAMILY`` then takes the image of the machine it is typed on.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Axis, Cell
from mlperf_bake.oci.layout import INDEX, INDEXES, MANIFEST, Descriptor, descriptor
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.publish.delivery import Publisher, fixed_tag, moving_tag
from mlperf_bake.publish.registry import Registry

SHORT = 12


@dataclass(frozen=True, slots=True)
class Family:
    """Cells that differ only in hardware, one a platform.

    Attributes:
        name: the cell id without the hardware.
        members: in the order of the hardware axis.
    """

    name: str
    members: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """What became of a family's name.

    Attributes:
        family: its name.
        reference: where it lies, with digest; empty where it was not moved.
        missing: cells that are not in the registry as the checkout has them.
    """

    family: str
    reference: str
    missing: tuple[str, ...]


def family_of(matrix: Matrix, cell: Cell) -> Family:
    """The family of a cell; the cell itself is no member where another hardware of its platform comes first."""
    fixed: dict[Axis, str] = {
        "model": cell.model,
        "implementation": cell.implementation,
        "framework": cell.framework,
        "os": cell.os,
    }
    members: dict[str, Cell] = {}
    for sibling in matrix.cells(fixed):
        members.setdefault(matrix.hardware[sibling.hardware].platform, sibling)
    name = "-".join((cell.model, cell.implementation, cell.framework, cell.os))
    return Family(name, tuple(members.values()))


def families_of(matrix: Matrix, cells: Iterable[Cell]) -> tuple[Family, ...]:
    """The families that these cells are members of, each once, where there is more than one member."""
    found = {}
    for cell in cells:
        family = family_of(matrix, cell)
        if cell in family.members and len(family.members) > 1:
            found[family.name] = family
    return tuple(found.values())


def on_platforms(matrix: Matrix, cells: Iterable[Cell], platforms: Iterable[str]) -> tuple[Cell, ...]:
    """The cells as these platforms have them: those of one of the platforms, and of a family's member the others.

    A cell for special hardware of another platform has no stand-in and is left out.
    """
    wanted = tuple(platforms)
    found: dict[Cell, None] = {}
    for cell in cells:
        members = family_of(matrix, cell).members
        for one in (cell, *(members if cell in members else ())):
            if matrix.hardware[one.hardware].platform in wanted:
                found[one] = None
    return tuple(found)


def name_family(
    publisher: Publisher, family: Family, images: Iterable[PlannedImage], say: Callable[[str], None]
) -> Named:
    """Makes the family's index and moves its names to it, if every member is in the registry.

    Args:
        images: the planned image of each member.

    Errors:
        RegistryFailed: the names are where they were.
    """
    members = tuple(images)
    missing = tuple(image.cell_id for image in members if not publisher.delivered(image))
    if missing:
        return Named(family.name, "", missing)
    registry = publisher.connect(say, lambda: False)
    repository = publisher.prefix.repository(f"mlperf-bake/{family.name}")
    entries: list[Descriptor] = []
    for image in members:
        source = publisher.repository(image)
        content, top = registry.manifest(source, fixed_tag(image))
        listed = json.loads(content)["manifests"] if top.media_type in INDEXES else []
        for entry in map(descriptor, listed):
            copy_manifest(registry, source, repository, entry)
            entries.append(entry)
    whole = "".join(image.fingerprint for image in members)
    tag = hashlib.sha256(whole.encode()).hexdigest()[:SHORT]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [entry.json() for entry in entries],
        "annotations": {
            "org.opencontainers.image.title": family.name,
            "org.opencontainers.image.version": tag,
        },
    }
    text = json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
    digest = registry.put_manifest(repository, tag, text, INDEX)
    registry.put_manifest(repository, moving_tag(members[0]), text, INDEX, moves=True)
    return Named(family.name, f"{publisher.prefix.host}/{repository}:{tag}@{digest}", ())


def copy_manifest(registry: Registry, source: str, target: str, entry: Descriptor) -> None:
    """Makes a manifest of one repository lie in another one of the same registry; blobs are linked where it can do that.

    Errors:
        RegistryFailed.
    """
    if registry.digest(target, entry.digest):
        return
    content, _ = registry.manifest(source, entry.digest)
    value = json.loads(content)
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-blob-") as directory:
        for blob in (descriptor(value["config"]), *map(descriptor, value["layers"])):
            file = Path(directory) / "blob"
            if not registry.link_blob(target, blob, source):
                registry.get_blob(source, blob, file)
                registry.put_blob(target, blob, file)
    registry.put_manifest(target, entry.digest, content, entry.media_type or MANIFEST)
