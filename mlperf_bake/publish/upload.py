"""A blob on its way into a registry, and the address that it goes to."""

from collections.abc import Callable
from typing import IO
from urllib.parse import urljoin, urlsplit


def upload_place(begun: str, location: str) -> str:
    """Where an upload that was begun goes on.

    Args:
        begun: the address that was asked for an upload.
        location: what the answer names; a registry behind a proxy that speaks TLS for it may name itself without TLS.
    """
    place = urljoin(begun, location)
    if place.startswith("http://") and urlsplit(place).netloc == urlsplit(begun).netloc:
        return begun.partition("://")[0] + place.removeprefix("http")
    return place


class Upload:
    """A file on its way, which can be stopped between two blocks."""

    def __init__(self, stream: IO[bytes], size: int, require_going: Callable[[], None]) -> None:
        self._stream = stream
        self._size = size
        self._require_going = require_going

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """The next block. Errors: Interrupted."""
        self._require_going()
        return self._stream.read(size)

    def rewind(self) -> None:
        """From the beginning again."""
        self._stream.seek(0)
