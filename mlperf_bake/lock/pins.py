"""What one entry of matrix.lock pins, how it is written, and the check by which an edit by hand is noticed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mlperf_bake.lock.demand import Demand

CHECK_DIGITS = 8


@dataclass(frozen=True, slots=True)
class BasePin:
    """A base image.

    Attributes:
        reference: image:tag.
        digest: of what the hub gives for it, an index of platforms or a single image; None where no hub has answered yet.
        platforms: platform (``linux/amd64``) and digest of each image in the index, as far as the hub told, sorted.
    """

    reference: str
    digest: str | None
    platforms: tuple[tuple[str, str], ...] = ()

    @property
    def pinned(self) -> str:
        """``image:tag@sha256:...``; without a digest the tag alone."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


@dataclass(frozen=True, slots=True)
class FilePin:
    """One file of a registry: what was asked for, its name (of a Debian package: its path in the archive, so that it is
    fetched without package lists) and its sha256 (64 hex digits)."""

    version: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class SourcePin:
    """A git repository: what was asked for (address and tag, branch or commit), and the commit (40 hex digits)."""

    wanted: str
    commit: str

    @property
    def repository(self) -> str:
        """The repository's address."""
        return self.wanted.partition(" ")[0]


Pin = BasePin | FilePin | SourcePin | str | None
"""Of weights a sha256; None where a recipe trains them anew, or an md5 stands in for it."""


def fields(pin: Pin) -> str:
    """What stands in an entry's braces behind ``wanted``, each field with a comma before it."""
    match pin:
        case BasePin():
            platforms = ", ".join(f"{platform}: {digest}" for platform, digest in pin.platforms)
            return (f", digest: {pin.digest}" if pin.digest else "") + (
                f", platforms: {{{platforms}}}" if platforms else ""
            )
        case FilePin():
            return f', file: {pin.file}, sha256: "{pin.sha256}"'
        case SourcePin():
            return f', commit: "{pin.commit}"'
        case None:
            return ""
    return f', sha256: "{pin}"'


def entry_check(demand: Demand, pin: Pin) -> str:
    """Eight hex digits over an entry: whoever edits it by hand leaves them wrong. Not a signature: it keeps no one out."""
    text = f"{demand.section}\t{demand.key}\t{demand.wanted}{fields(pin)}"
    return hashlib.sha256(text.encode()).hexdigest()[:CHECK_DIGITS]


def words(pin: Pin) -> str:
    """A pin as a message tells it."""
    match pin:
        case BasePin():
            return f"{pin.reference} {pin.digest or 'without a digest'}"
        case FilePin():
            return f"{pin.file} sha256 {pin.sha256}"
        case SourcePin():
            return f"{pin.repository} commit {pin.commit}"
        case None:
            return "no sha256"
    return f"sha256 {pin}"


def is_open(pin: Pin) -> bool:
    """Whether nothing is fixed by it: a base image without a digest, weights without a sha256."""
    return pin is None or (isinstance(pin, BasePin) and pin.digest is None)
