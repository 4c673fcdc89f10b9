"""Which Linux distribution this machine runs, from os-release(5)."""

import platform
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Distribution:
    """The machine's distribution.

    Attributes:
        id: ``debian``, ``ubuntu``, ``fedora``, ...; ``darwin`` or ``windows`` where it is not Linux.
        version: ``12``, ``24.04``, ...; empty when os-release does not say.
        codename: ``bookworm``, ``noble``, ...; empty when os-release does not say.
        name: as people write it.
    """

    id: str
    version: str
    codename: str
    name: str


def this_distribution(root: Path = Path("/")) -> Distribution:
    """Read ``/etc/os-release`` (or its copy under ``/usr/lib``) below ``root``."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        path = root / name
        if path.is_file():
            return parse_os_release(path.read_text(encoding="utf-8", errors="replace"))
    system = platform.system().lower()
    return Distribution(system, "", "", platform.system())


def parse_os_release(text: str) -> Distribution:
    """Take the four values out of an os-release file; lines that are not ``KEY=value`` are passed over."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            words = shlex.split(value)
            values[key] = words[0] if words else ""
    identifier = values.get("ID", "linux")
    version = values.get("VERSION_ID", "")
    return Distribution(
        id=identifier,
        version=version,
        codename=values.get("VERSION_CODENAME", values.get("UBUNTU_CODENAME", "")),
        name=values.get("PRETTY_NAME", f"{identifier} {version}".strip()),
    )
