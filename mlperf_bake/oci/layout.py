"""An OCI image layout in a directory: index, manifests and blobs, each read only if its bytes are what its digest says.

Source: OCI Image Specification 1.1, "Image Layout", "Image Index", "Image Manifest". Attestations are stored as BuildKit
stores them: a manifest of in-toto statements beside the image that ``vnd.docker.reference.digest`` names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlperf_bake.errors import UsageError

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
STATEMENT = "application/vnd.in-toto+json"
INDEXES = (INDEX, DOCKER_INDEX)

ATTESTATION = "attestation-manifest"
REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"
PREDICATE_TYPE = "in-toto.io/predicate-type"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What an index or manifest says of a blob.

    Attributes:
        media_type: of the blob.
        digest: ``sha256:`` and 64 hex digits.
        size: bytes.
        platform: ``linux/amd64``; empty where it has none.
        annotations: sorted by name.
    """

    media_type: str
    digest: str
    size: int
    platform: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def is_attestation(self) -> bool:
        return dict(self.annotations).get(REFERENCE_TYPE) == ATTESTATION

    def json(self) -> dict[str, object]:
        """As an index or manifest has it."""
        found: dict[str, object] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        if self.platform:
            os, architecture, *variant = self.platform.split("/")
            found["platform"] = {"architecture": architecture, "os": os}
            if variant:
                found["platform"] = {"architecture": architecture, "os": os, "variant": variant[0]}
        return found


def descriptor(entry: Mapping[str, Any]) -> Descriptor:
    """A descriptor out of JSON. Errors: KeyError, TypeError, ValueError where it is none."""
    platform = entry.get("platform") or {}
    parts = [platform.get("os"), platform.get("architecture"), platform.get("variant")]
    return Descriptor(
        media_type=str(entry["mediaType"]),
        digest=str(entry["digest"]),
        size=int(entry["size"]),
        platform="/".join(str(part) for part in parts if part),
        annotations=tuple(sorted((str(k), str(v)) for k, v in (entry.get("annotations") or {}).items())),
    )


def subject(image: Descriptor) -> list[dict[str, object]]:
    """An image as an in-toto statement names what it is about."""
    return [{"name": "_", "digest": {"sha256": image.digest.removeprefix("sha256:")}}]


@dataclass(frozen=True, slots=True)
class Image:
    """One image of one platform: its manifest, its configuration and its layers, the lowest first."""

    manifest: Descriptor
    config: Descriptor
    layers: tuple[Descriptor, ...]


class Layout:
    """An OCI layout at ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def top(self) -> Descriptor:
        """The one entry of index.json.

        Errors:
            UsageError: no layout, or not exactly one entry.
        """
        try:
            entries = json.loads((self.root / "index.json").read_text(encoding="utf-8"))["manifests"]
            (entry,) = entries
            return descriptor(entry)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError("not a complete OCI layout of one image", where=str(self.root)) from error

    def blob(self, digest: str) -> Path:
        """Where a blob lies or would lie."""
        algorithm, _, digits = digest.partition(":")
        return self.root / "blobs" / algorithm / digits

    def read(self, wanted: Descriptor) -> dict[str, Any]:
        """A JSON blob.

        Errors:
            UsageError: it is missing, damaged or no JSON object.
        """
        file = self.blob(wanted.digest)
        try:
            content = file.read_bytes()
            found = "sha256:" + hashlib.sha256(content).hexdigest()
            value = json.loads(content) if found == wanted.digest else None
        except (OSError, ValueError) as error:
            raise UsageError(
                "a blob of the layout cannot be read", where=str(file), found=str(error)
            ) from error
        if not isinstance(value, dict):
            raise UsageError(
                "a blob of the layout is damaged", where=str(file), found=found, expected=wanted.digest
            )
        return value

    def add(self, value: Mapping[str, object], media_type: str) -> Descriptor:
        """Stores a JSON document; equal values are equal bytes."""
        content = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        file = self.blob(digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return Descriptor(media_type, digest, len(content))

    def set_top(self, top: Descriptor) -> None:
        """Makes ``top`` the one entry of index.json."""
        text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top.json()]})
        (self.root / "index.json").write_text(text, encoding="utf-8")
        (self.root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")

    def manifests(self) -> tuple[Descriptor, ...]:
        """The entries of the top index, images and attestations; the top itself where it is one manifest."""
        top = self.top
        if top.media_type not in INDEXES:
            return (top,)
        return tuple(descriptor(entry) for entry in self.read(top)["manifests"])

    def image(self, manifest: Descriptor) -> Image:
        """An image by its manifest."""
        value = self.read(manifest)
        return Image(
            manifest, descriptor(value["config"]), tuple(descriptor(entry) for entry in value["layers"])
        )

    def images(self) -> tuple[Image, ...]:
        """Every image, without attestations."""
        return tuple(self.image(entry) for entry in self.manifests() if not entry.is_attestation)

    def blobs_of(self, manifest: Descriptor) -> tuple[Descriptor, ...]:
        """Configuration and layers of a manifest: what must lie in a registry before it."""
        image = self.image(manifest)
        return (image.config, *image.layers)

    def attest(self, statements: Iterable[tuple[str, Mapping[str, object]]], image: Descriptor) -> None:
        """Adds in-toto statements to those that belong to an image, and makes the index name them.

        Args:
            statements: predicate type and predicate.
            image: one of ``manifests()``.
        """
        entries = list(self.manifests())
        old = next(
            (entry for entry in entries if dict(entry.annotations).get(REFERENCE_DIGEST) == image.digest),
            None,
        )
        layers = list(self.image(old).layers) if old else []
        for predicate_type, predicate in statements:
            statement = {
                "_type": "https://in-toto.io/Statement/v0.1",
                "predicateType": predicate_type,
                "subject": subject(image),
                "predicate": predicate,
            }
            added = self.add(statement, STATEMENT)
            layers.append(
                Descriptor(
                    STATEMENT, added.digest, added.size, annotations=((PREDICATE_TYPE, predicate_type),)
                )
            )
        attestation = self.attestation(layers, image)
        kept = [entry for entry in entries if entry is not old]
        self.index([*kept, attestation])

    def attestation(self, statements: Iterable[Descriptor], image: Descriptor) -> Descriptor:
        """Stores the manifest of stored in-toto statements about an image; no index names it yet."""
        layers = tuple(statements)
        config = self.add(
            {
                "architecture": "unknown",
                "os": "unknown",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
            },
            CONFIG,
        )
        manifest = self.add(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config.json(),
                "layers": [layer.json() for layer in layers],
            },
            MANIFEST,
        )
        return Descriptor(
            MANIFEST,
            manifest.digest,
            manifest.size,
            platform="unknown/unknown",
            annotations=((REFERENCE_DIGEST, image.digest), (REFERENCE_TYPE, ATTESTATION)),
        )

    def index(
        self, entries: Iterable[Descriptor], annotations: Mapping[str, str] | None = None
    ) -> Descriptor:
        """Makes an index of these the top; without ``annotations`` it keeps those of the index before it."""
        if annotations is None and (self.root / "index.json").exists() and self.top.media_type in INDEXES:
            annotations = self.read(self.top).get("annotations")
        value: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [entry.json() for entry in entries],
        }
        if annotations:
            value["annotations"] = dict(annotations)
        top = self.add(value, INDEX)
        self.set_top(top)
        return top
