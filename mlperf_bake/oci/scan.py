"""What should not be in an image: files that give privileges, places that anybody may write, caches, secrets.

Layers are looked through one by one, so a secret that a later layer removes is found all the same. What the base image
brings is told apart from what a build added: the first is for whoever chooses the base, the second is a defect here.
"""

from __future__ import annotations

import json
import re
import stat
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
        found: mode, or what kind of secret; never the secret.
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
                _hide(kept, path)
                continue
            broken = _modes(member.name, member.mode, member.isfile(), member.isdir())
            kept[member.name] = [
                Finding(rule, member.name, number, found, inherited) for rule, found in broken
            ]
            if content is not None:
                seen += [
                    Finding("secret", member.name, number, found, inherited)
                    for found in _secrets(content, member.size, needles)
                ]
    text = json.dumps(config).encode()
    seen += [
        Finding("secret", "configuration", 0, found, False) for found in set(_in_block(text, needles, True))
    ]
    return tuple(sorted({*seen, *(finding for findings in kept.values() for finding in findings)}))


def first_own_layer(config: Mapping[str, Any]) -> int:
    """The first layer, counted from 1, that a build of this project added; 1 where the history does not tell."""
    steps = [entry for entry in config.get("history") or [] if not entry.get("empty_layer")]
    for number, entry in enumerate(steps, 1):
        if FIRST_OWN_STEP in str(entry.get("created_by", "")):
            return number
    return 1


def _modes(path: str, mode: int, is_file: bool, is_directory: bool) -> Iterator[tuple[Rule, str]]:
    if is_file and mode & (stat.S_ISUID | stat.S_ISGID):
        yield "setuid", f"{mode:04o}"
    if (is_file or (is_directory and not mode & stat.S_ISVTX)) and mode & stat.S_IWOTH:
        yield "world-writable", f"{mode:04o}"
    if is_file and any(fnmatchcase(path, pattern) for pattern in CACHES):
        yield "package cache", "file"


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


def _hide(kept: dict[str, list[Finding]], whiteout: PurePosixPath) -> None:
    """A file that a later layer removes can no longer be run or written."""
    hidden = whiteout.name.removeprefix(WHITEOUT)
    gone = str(whiteout.parent if hidden == ".wh..opq" else whiteout.parent / hidden)
    for name in [name for name in kept if name == gone or name.startswith(f"{gone}/")]:
        del kept[name]
