"""Where images are published: ``HOST[:PORT]/PATH``, as Docker writes it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlperf_bake.errors import UsageError

HUB, HUB_API = "docker.io", "registry-1.docker.io"
"""Docker's own hub, whose API answers under another name."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"^(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?$")
_PATH = re.compile(r"^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$")
_LOOPBACK = re.compile(r"^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Prefix:
    """Where images go: ``HOST[:PORT]/PATH``.

    Attributes:
        host: with the port.
        path: below it; may be empty.
    """

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host

    def repository(self, name: str) -> str:
        """The repository of a name below the prefix, as the registry's API wants it."""
        return f"{self.path}/{name}" if self.path else name

    @property
    def loopback(self) -> bool:
        """Whether it is one of this machine's own addresses."""
        return bool(_LOOPBACK.match(self.host))

    @property
    def url(self) -> str:
        """As Docker does: plain HTTP on this machine's own addresses, HTTPS to any other."""
        scheme = "http" if self.loopback else "https"
        return f"{scheme}://{HUB_API if self.host == HUB else self.host}"


def at(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port that an address leads to; empty ones where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, parts.hostname or "", port


def parse_prefix(text: str) -> Prefix:
    """A prefix as the user types it.

    Errors:
        UsageError: it is none.
    """
    host, _, path = text.strip("/").partition("/")
    named = "." in host or ":" in host or host == "localhost"
    if "://" in text or not named or not _HOST.match(host) or (path and not _PATH.match(path)):
        raise UsageError(
            "not a registry",
            found=text,
            expected="HOST/PREFIX in lower case, without a scheme or tag, such as registry.example/team",
        )
    return Prefix(host, path)
