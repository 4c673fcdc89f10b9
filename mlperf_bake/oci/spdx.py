"""A software bill of materials in SPDX 2.3 JSON: what an image holds and what it was made from.

Source: the SPDX specification 2.3, clauses 6 to 11. Nothing scans: installed packages are what the image's own databases
say, and what the build fetched is what its Dockerfile names, each file with its hash. Equal images give equal bytes.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from mlperf_bake import __version__
from mlperf_bake.oci.packages import CELL_CONF, Inventory, Package

PREDICATE = "https://spdx.dev/Document"

_PYPI = re.compile(r"fetch-pypi\s+\S+\s+([A-Za-z0-9._-]+)==(\S+)\s+([0-9a-f]{64})")
_DEBIAN = re.compile(r"(?:fetch-deb\s+\S+\s+|path=)(\S+\.deb)\s+(?:sum=)?([0-9a-f]{64})")
_BASE = re.compile(r"^FROM (\S+)@sha256:([0-9a-f]{64}) AS base$", re.M)
_DEBIAN_FILE = re.compile(r"([^/_]+)_([^/_]+)_([a-z0-9]+)\.deb$")


@dataclass(frozen=True, order=True, slots=True)
class Fetched:
    """A file that a Dockerfile fetches by its hash.

    Attributes:
        purl: package URL (github.com/package-url/purl-spec).
        name, version: of the package.
        sha256: 64 hex digits.
    """

    purl: str
    name: str
    version: str
    sha256: str


def fetched(dockerfile: str) -> tuple[Fetched, ...]:
    """The packages that a Dockerfile fetches by hash, sorted."""
    found = {
        Fetched(f"pkg:pypi/{quote(name.lower())}@{quote(version)}", name, version, sha256)
        for name, version, sha256 in _PYPI.findall(dockerfile)
    }
    for path, sha256 in _DEBIAN.findall(dockerfile):
        if parts := _DEBIAN_FILE.search(path):
            name, version, architecture = parts.groups()
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
            found.add(Fetched(purl, name, version, sha256))
    return tuple(sorted(found))


def base_image(dockerfile: str) -> tuple[str, str] | None:
    """Reference and sha256 of the locked base image that a Dockerfile starts from."""
    found = _BASE.search(dockerfile)
    return (found[1], found[2]) if found else None


def document(
    name: str,
    version: str,
    digest: str,
    found: Inventory,
    dockerfile: str,
    epoch: int,
    *,
    own_base: bool = False,
) -> Mapping[str, object]:
    """The SPDX document of an image.

    Args:
        name: of the image, its cell id.
        version: its fingerprint.
        digest: ``sha256:`` and 64 hex digits of its manifest.
        found: what the image says it has.
        dockerfile: what it was made by.
        epoch: seconds since 1970 that the document calls its time of making.
        own_base: whether another base image stood in for the one that the Dockerfile names.
    """
    sha256 = digest.removeprefix("sha256:")
    root = _package(
        "image", name, version, purl=f"pkg:oci/{name}@sha256%3A{sha256}", sha256=sha256, purpose="CONTAINER"
    )
    installed = [_installed(package, found.distribution) for package in found.packages]
    sources = [
        _package(
            f"fetched-{_id(one.name, one.version, one.sha256[:12])}",
            one.name,
            one.version,
            purl=one.purl,
            sha256=one.sha256,
        )
        for one in fetched(dockerfile)
    ]
    base = None if own_base else base_image(dockerfile)
    if base:
        reference, base_sha256 = base
        path, _, tag = reference.rpartition(":")
        purl = f"pkg:oci/{path.rpartition('/')[2]}@sha256%3A{base_sha256}?tag={tag}"
        sources.append(_package("base", path, tag, purl=purl, sha256=base_sha256, purpose="CONTAINER"))
    weights = _weights(found.files.get(CELL_CONF, ""))
    relations: list[tuple[object, str, object]] = [("SPDXRef-DOCUMENT", "DESCRIBES", root["SPDXID"])]
    relations += [(root["SPDXID"], "CONTAINS", one["SPDXID"]) for one in (*installed, *weights)]
    relations += [(root["SPDXID"], "GENERATED_FROM", one["SPDXID"]) for one in sources]
    comment = "; ".join(f"the {kind} database was not read" for kind in found.unread)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'{__version__} {digest}')}",
        **({"comment": comment} if comment else {}),
        "creationInfo": {
            "created": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: mlperf-bake-{__version__}"],
        },
        "packages": [root, *installed, *weights, *sources],
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in relations
        ],
    }


def _package(
    id: str,
    name: str,
    version: str,
    *,
    purl: str = "",
    sha256: str = "",
    purpose: str = "",
    license: str = "",
) -> dict[str, object]:
    found: dict[str, object] = {
        "SPDXID": f"SPDXRef-{id}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license or "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }
    if purpose:
        found["primaryPackagePurpose"] = purpose
    if sha256:
        found["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    if purl:
        found["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        ]
    return found


def _installed(package: Package, distribution: str) -> dict[str, object]:
    at = f"{quote(package.name)}@{quote(package.version)}"
    if package.kind == "deb":
        purl = f"pkg:deb/{distribution or 'debian'}/{at}?arch={package.architecture}"
    else:
        purl = f"pkg:pypi/{at.lower().replace('_', '-')}"
    id = _id(package.kind, package.name, package.version, package.architecture)
    return _package(id, package.name, package.version, purl=purl, license=package.license)


def _weights(conf: str) -> list[dict[str, object]]:
    """The weights that a cell.conf names; none are in an image without one."""
    fields = dict(re.findall(r"^(\w+) = (.*)$", conf, re.M))
    if "weights" not in fields:
        return []
    sha256 = fields.get("weights_sha256", "")
    own_form = "weights_conversion" in fields  # then the checksum is that of what they were made from
    known = sha256 if re.fullmatch(r"[0-9a-f]{64}", sha256) and not own_form else ""
    name = fields["weights"].rpartition("/")[2]
    return [_package("weights", name, fields.get("model", ""), sha256=known, purpose="FILE")]


def _id(*parts: str) -> str:
    """Letters, digits, ``.`` and ``-``, as SPDX wants them; other characters as their code point."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f".{ord(found[0]):x}.", "-".join(filter(None, parts)))
