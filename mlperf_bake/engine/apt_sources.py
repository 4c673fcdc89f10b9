"""The machine's own apt sources (sources.list(5)), so that no mirror is ever named by us.

In come the one-line and the deb822 files under ``/etc/apt``; out go frozen ``AptSource`` values in the order
in which apt reads them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+[^#\s]+)*)"
)


@dataclass(frozen=True, slots=True)
class AptSource:
    """One source of binary packages.

    Attributes:
        uris: where it is, in the machine's order.
        suites: ``bookworm``, ``bookworm-updates``, ...
        components: ``main``, ...
        signed_by: key ring file, or empty for apt's trusted set.
        file: the file it was read from.
    """

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str
    file: Path

    def for_suite(self, *suites: str) -> "AptSource":
        """The same archive, other suites."""
        return replace(self, suites=suites)

    def one_line(self, suite: str) -> str:
        """One ``deb`` line for a suite of it, from its first URI."""
        option = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {option}{resolve_uri(self.uris[0])} {suite} {' '.join(self.components)}"

    def deb822(self) -> str:
        """The text of a ``.sources`` file for it."""
        lines = [
            "Types: deb",
            f"URIs: {' '.join(self.uris)}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
        ]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"


def resolve_uri(uri: str) -> str:
    """A ``mirror+file:`` URI names a list on this machine; outside of it only the list's first entry is of use."""
    if not uri.startswith("mirror+file:"):
        return uri
    path = Path(uri.removeprefix("mirror+file:"))
    if not path.is_file():
        return uri
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return line.split()[0]
    return uri


def machine_sources(etc_apt: Path = Path("/etc/apt")) -> tuple[AptSource, ...]:
    """All enabled binary sources of the machine."""
    folder = etc_apt / "sources.list.d"
    files = [etc_apt / "sources.list"]
    if folder.is_dir():
        files += sorted(path for path in folder.iterdir() if path.suffix in {".list", ".sources"})
    found: list[AptSource] = []
    for path in files:
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            found += parse_deb822(text, path) if path.suffix == ".sources" else parse_one_line(text, path)
    return tuple(found)


def parse_one_line(text: str, file: Path) -> Iterator[AptSource]:
    """Sources of a ``.list`` file; ``deb-src`` and comment lines are passed over."""
    for line in text.splitlines():
        match = _ONE_LINE.match(line.strip())
        if not match:
            continue
        options = dict(part.split("=", 1) for part in (match["options"] or "").split() if "=" in part)
        yield AptSource(
            uris=(match["uri"],),
            suites=(match["suite"],),
            components=tuple(match["components"].split()),
            signed_by=options.get("signed-by", ""),
            file=file,
        )


def parse_deb822(text: str, file: Path) -> Iterator[AptSource]:
    """Sources of a ``.sources`` file; disabled stanzas, source packages and embedded keys are passed over."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                fields[key] += "\n" + line.strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                key = name.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        signed_by = fields.get("signed-by", "")
        yield AptSource(
            uris=tuple(fields.get("uris", "").split()),
            suites=tuple(fields.get("suites", "").split()),
            components=tuple(fields.get("components", "").split()),
            signed_by=signed_by if signed_by.startswith("/") and "\n" not in signed_by else "",
            file=file,
        )


def archive_of(sources: tuple[AptSource, ...], codename: str) -> AptSource | None:
    """The distribution's own archive among the sources, for the release ``codename``.

    Other people's repositories use the same suite names; the distribution's is the one that also has
    ``<codename>-updates``, else the one in the distribution's own file.
    """
    candidates = [
        source
        for source in sources
        if source.uris and codename in source.suites and "main" in source.components
    ]
    updates = f"{codename}-updates"
    for source in candidates:
        if any(updates in other.suites and set(other.uris) & set(source.uris) for other in sources):
            return source
    own_files = {"sources.list", "debian.sources", "ubuntu.sources"}
    return next((source for source in candidates if source.file.name in own_files), None)


def security_of(sources: tuple[AptSource, ...], codename: str) -> AptSource | None:
    """The source of the release's security updates, if the machine has one of its own."""
    return next(
        (source for source in sources if source.uris and f"{codename}-security" in source.suites), None
    )
