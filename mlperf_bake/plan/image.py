"""What the planner hands to the builder: one frozen value an image, printable and complete.

Nothing in here is looked up again later: the builder needs no matrix, lock or template.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache


def fingerprint(sections: tuple[str, ...], ingredients: str) -> str:
    """``sha256:`` and 64 hex digits over the sha256 of each section of a Dockerfile, and the label of its ingredients.

    Every other section, from the second on, is one that cells share (``render.dockerfile.Rendered``), and hashed once.
    """
    digests = [_shared(text) if place % 2 else _digest(text) for place, text in enumerate(sections)]
    return "sha256:" + hashlib.sha256(b"".join(digests) + ingredients.encode()).hexdigest()


def _digest(section: str) -> bytes:
    return hashlib.sha256(section.encode()).digest()


_shared = lru_cache(maxsize=4096)(_digest)


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image to build.

    Attributes:
        cell_id: the five axis values joined by ``-``; may hold dots (``ubuntu22.04``).
        sections: the rendered text; where one section ends has no meaning but to the fingerprint.
        dockerfile_path: where it lies in a checkout, relative and with ``/``.
        platform: ``linux/amd64`` or ``linux/arm64``.
        fingerprint: ``sha256:`` and 64 hex digits over everything that determines the image.
        ingredients: name and short hash of each thing the fingerprint covers, sorted by name.
        tags: image references, the immutable fingerprint tag first.
        labels: OCI labels, sorted by name.
        build_args: build arguments, sorted by name.
        contexts: named build contexts that replace what the Dockerfile would fetch (name, value as buildx takes it).
    """

    cell_id: str
    sections: tuple[str, ...]
    dockerfile_path: str
    platform: str
    fingerprint: str
    ingredients: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    build_args: tuple[tuple[str, str], ...]
    contexts: tuple[tuple[str, str], ...]

    @property
    def dockerfile(self) -> str:
        """The rendered text, as committed under images/."""
        return "".join(self.sections)
