"""What should not be in an image: files that give privileges, places that anybody may write, caches, secrets.

Layers are looked through one by one, so a secret that a later layer removes is found all the same. What the base image
brings is told apart from what a build added: the first is for whoever chooses the base, the second is a defect here.
"""

from __future__ import annotations

import re
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import IO, Any, Literal

from mlperf_bake.oci.layers import WHITEOUT, members
from mlperf_bake.oci.layout import Image, Layout

Rule = Literal["setuid", "world-writable", "package cache", "secret"]

FIRST_OWN_STEP = " /results"
"""In the history of an image of this project: the first step after its base makes the directory of results."""

CACHES = (
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/lib/apt/lists/*_*",
    "var/cache/dnf/*",
    "var/cache/yum/*",
    "var/cache/zypp/*",
    "root/.cache/*",
    "home/*/.cache/*",
    "*.whl",
    "*.deb",
    "*.rpm",
)
"""Globs over paths of files that a package manager leaves."""

CAPABILITIES = "SCHILY.xattr.security.capability"
"""The header of a tar file for what a program may do as any user (setcap)."""

_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{32}")
_LOGIN = re.compile(
    rb"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>{}$%]{1,64}:([^\s/:@\"'<>{}$%]{4,256})@[a-z0-9]"
)
_PLACEHOLDERS = frozenset((b"password", b"pass", b"pwd", b"secret", b"token", b"passwd"))
TEXT_LIMIT = 1 << 20
"""Bytes of the largest file that is searched for what only looks like a secret."""
BLOCK = 1 << 22


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One thing that should not be there.

    Attributes:
        rule: which rule.
        path: in the image; ``configuration`` for its variables, labels and history.
        layer: counted from 1; 0 for the configuration.
        found: mode, ``capabilities``, or what kind of secret; never the secret.
        inherited: whether the base image brought it.
    """

    rule: Rule
    path: str
    layer: int
    found: str
    inherited: bool


def scan(layout: Layout, image: Image, secrets: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Everything in an image that breaks a rule, sorted.

    Args:
        secrets: texts that must appear nowhere, such as passwords of this machine.

    Errors:
        UsageError: the layout is damaged.
    """
    needles = tuple(secret.encode() for secret in secrets if secret)
    config = layout.read(image.config)
    own = first_own_layer(config)
    kept: dict[str, list[Finding]] = {}
    seen: list[Finding] = []
    for number, layer in enumerate(image.layers, 1):
        inherited = number < own
        for member, content in members(layout, layer):
            path = PurePosixPath(member.name)
            if path.name.startswith(WHITEOUT):
                _hide(kept, path, number)
                continue
            kept[member.name] = [
                Finding(rule, member.name, number, found, inherited) for rule, found in _broken(member)
            ]
            if content is not None:
                seen += [
                    Finding("secret", member.name, number, found, inherited)
                    for found in _secrets(content, member.size, needles)
                ]
    told = {
        found
        for text in _texts(config)
        for found in _in_block(text.encode(errors="surrogateescape"), needles, True)
    }
    seen += [Finding("secret", "configuration", 0, found, False) for found in told]
    return tuple(sorted({*seen, *(finding for findings in kept.values() for finding in findings)}))


def first_own_layer(config: Mapping[str, Any]) -> int:
    """The first layer, counted from 1, that a build of this project added; 1 where the history does not tell."""
    steps = [entry for entry in config.get("history") or [] if not entry.get("empty_layer")]
    for number, entry in enumerate(steps, 1):
        if FIRST_OWN_STEP in str(entry.get("created_by", "")):
            return number
    return 1


def _broken(member: tarfile.TarInfo) -> Iterator[tuple[Rule, str]]:
    """The rules that a member breaks by its mode, its capabilities or its place."""
    path, mode = member.name, member.mode
    is_file = (
        member.isfile() or member.islnk()
    )  # another name of a file, which stays when the first one is removed
    if is_file and mode & (stat.S_ISUID | stat.S_ISGID):
        yield "setuid", f"{mode:04o}"
    if is_file and CAPABILITIES in member.pax_headers:
        yield "setuid", "capabilities"
    if (is_file or (member.isdir() and not mode & stat.S_ISVTX)) and mode & stat.S_IWOTH:
        yield "world-writable", f"{mode:04o}"
    if is_file and any(fnmatchcase(path, pattern) for pattern in CACHES):
        yield "package cache", "file"


def _texts(value: object) -> Iterator[str]:
    """Every text in JSON data, as whoever wrote it meant it: JSON's own escapes would hide a key's line ends."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (str(key), *_texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _secrets(content: IO[bytes], size: int, needles: tuple[bytes, ...]) -> set[str]:
    """Kinds of secrets in a file; read in blocks that overlap by the longest needle."""
    overlap = max(map(len, needles), default=0)
    found: set[str] = set()
    last = b""
    while block := content.read(BLOCK):
        found.update(_in_block(last + block, needles, size <= TEXT_LIMIT))
        last = block[-overlap:] if overlap else b""
    return found


def _in_block(block: bytes, needles: tuple[bytes, ...], looks: bool) -> Iterator[str]:
    if any(needle in block for needle in needles):
        yield "a secret of this machine"
    if looks and _KEY.search(block):
        yield "a private key"
    if looks and any(login[1].lower() not in _PLACEHOLDERS for login in _LOGIN.finditer(block)):
        yield "an address with a password"


def _hide(kept: dict[str, list[Finding]], whiteout: PurePosixPath, layer: int) -> None:
    """A file that a later layer removes can no longer be run or written; what that layer itself brings stays."""
    hidden = whiteout.name.removeprefix(WHITEOUT)
    gone = str(whiteout.parent if hidden == ".wh..opq" else whiteout.parent / hidden)
    for name in kept:
        if name == gone or name.startswith(f"{gone}/"):
            kept[name] = [finding for finding in kept[name] if finding.layer == layer]
