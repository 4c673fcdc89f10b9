"""The packages that an image says it has: Debian's database and Python's metadata, read out of its layers.

An rpm database is a database file that only rpm reads; of images with one the packages of the system are not listed, and
``Inventory.unread`` says so.
"""

import email.parser
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from mlperf_bake.cache.remembered import Remembered
from mlperf_bake.oci.layers import WHITEOUT, members
from mlperf_bake.oci.layout import Descriptor, Image, Layout

Kind = Literal["deb", "pypi"]

DPKG_STATUS = "var/lib/dpkg/status"
DPKG_STATUS_PARTS = "var/lib/dpkg/status.d"
RPM_DATABASES = ("var/lib/rpm", "usr/lib/sysimage/rpm")
OS_RELEASES = ("etc/os-release", "usr/lib/os-release")
SIZE_LIMIT = 64 << 20
"""Bytes of a file of package metadata that are still believable."""


@dataclass(frozen=True, order=True, slots=True)
class Package:
    """One installed package.

    Attributes:
        kind: ``deb`` or ``pypi``.
        name, version: as its own metadata says.
        architecture: ``amd64``; empty for Python's.
        license: as its metadata says; mostly empty.
    """

    kind: Kind
    name: str
    version: str
    architecture: str = ""
    license: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an image says it has.

    Attributes:
        distribution: ``ID`` of its os-release, such as ``debian``; empty without one.
        packages: sorted.
        unread: package databases that could not be read.
        files: the cell.conf of this project where it has one, by path.
    """

    distribution: str
    packages: tuple[Package, ...]
    unread: tuple[str, ...]
    files: dict[str, str]


CELL_CONF = "opt/mlperf-bake/cell.conf"


@dataclass(frozen=True, slots=True)
class Told:
    """What one layer tells of packages.

    Attributes:
        texts: path to content, of files of package metadata.
        hidden: paths of whiteouts: what they hide lies in lower layers.
        unread: package databases that could not be read.
    """

    texts: dict[str, str]
    hidden: tuple[str, ...]
    unread: tuple[str, ...]


Reader = Callable[[Layout, Descriptor], Told]


def told(layout: Layout, layer: Descriptor) -> Told:
    """What a layer tells. Errors: those of ``members``."""
    texts: dict[str, str] = {}
    hidden: list[str] = []
    unread: set[str] = set()
    for member, content in members(layout, layer):
        path = PurePosixPath(member.name)
        if path.name.startswith(WHITEOUT):
            hidden.append(member.name)
        elif any(member.name.startswith(f"{place}/") for place in RPM_DATABASES):
            unread.add("rpm")
        elif content is not None and _tells(path) and member.size <= SIZE_LIMIT:
            texts[member.name] = content.read().decode("utf-8", "replace")
    return Told(texts, tuple(hidden), tuple(sorted(unread)))


def told_once(layout: Layout, layer: Descriptor) -> Told:
    """The same, remembered by the layer's digest: a base image is read for the first of its cells. Errors: as ``told``."""
    known = Remembered("layers", (Path(__file__),))
    name = layer.digest.rpartition(":")[2]
    if content := known.get(name):
        value = json.loads(content)
        return Told(value["texts"], tuple(value["hidden"]), tuple(value["unread"]))
    found = told(layout, layer)
    known.keep(name, json.dumps(asdict(found)).encode())
    return found


def inventory(layout: Layout, image: Image, read: Reader = told_once) -> Inventory:
    """The inventory of one image. Errors: those of ``members``."""
    texts: dict[str, str] = {}
    unread: set[str] = set()
    for layer in image.layers:
        one = read(layout, layer)
        for whiteout in one.hidden:
            _remove(texts, PurePosixPath(whiteout))
        texts |= one.texts
        unread.update(one.unread)
    packages: set[Package] = set()
    for name, text in texts.items():
        if name == DPKG_STATUS or name.startswith(DPKG_STATUS_PARTS):
            packages.update(_debian(text))
        elif name.endswith(".dist-info/METADATA"):
            packages.update(_python(text))
    release = next((texts[name] for name in OS_RELEASES if name in texts), "")
    found = re.search(r'^ID="?([a-z0-9._-]+)"?$', release, re.M)
    return Inventory(
        distribution=found[1] if found else "",
        packages=tuple(sorted(packages)),
        unread=tuple(sorted(unread)),
        files={name: text for name, text in texts.items() if name == CELL_CONF},
    )


def _tells(path: PurePosixPath) -> bool:
    name = str(path)
    return (
        name in (DPKG_STATUS, CELL_CONF, *OS_RELEASES)
        or (name.startswith(f"{DPKG_STATUS_PARTS}/") and path.suffix != ".md5sums")
        or name.endswith(".dist-info/METADATA")
    )


def _remove(texts: dict[str, str], whiteout: PurePosixPath) -> None:
    """Take out what a whiteout of a higher layer hides: one path, or (``.wh..wh..opq``) all of a directory."""
    hidden = whiteout.name.removeprefix(WHITEOUT)
    gone = str(whiteout.parent if hidden == ".wh..opq" else whiteout.parent / hidden)
    for name in [name for name in texts if name == gone or name.startswith(f"{gone}/")]:
        del texts[name]


def _debian(status: str) -> list[Package]:
    found = []
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.M))
        if fields.get("Status", "install ok installed").endswith(" installed") and "Package" in fields:
            found.append(
                Package("deb", fields["Package"], fields.get("Version", ""), fields.get("Architecture", ""))
            )
    return found


def _python(metadata: str) -> list[Package]:
    fields = email.parser.HeaderParser().parsestr(metadata)
    if not fields["Name"] or not fields["Version"]:
        return []
    license = fields["License-Expression"] or ""
    return [Package("pypi", fields["Name"], fields["Version"], license=license)]
