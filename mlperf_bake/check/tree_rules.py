"""Rules on the tree as a whole: its root, and what may lie in it at all."""

import shlex
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlperf_bake.check.inventory import Entry, Kind
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Tree
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.submission.completing import round_option

TREE: Final[Table[Tree]] = Table("tree")

LARGE_FILE: Final = 50 * 2**20
_ROOT_FILES: Final = ("README.md", "LICENSE", "LICENSE.md")
_REFUSED_ELSEWHERE: Final = frozenset('<>:"|?*\\')
"""Characters that Windows, where reviewers unpack trees too, has in no file name."""


def _seen(tree: Tree) -> tuple[Entry, ...]:
    """What lies in the root, hidden files left out."""
    return tuple(entry for entry in tree.inventory.entries(tree.root) if not entry.name.startswith("."))


def _further_down(tree: Tree) -> Path | None:
    """The first directory at most two steps down that looks like the root of a tree."""
    children = tree.inventory.directories(tree.root)
    for path in (*children, *(path for child in children for path in _directories(child))):
        if any(_is_directory(path / division) for division in tree.rules.tree.divisions):
            return path
    return None


def _directories(path: Path) -> list[Path]:
    """The directories in a directory outside the inventory; none where it cannot be listed."""
    return sorted(child for child in _listed(path) if _is_directory(child))


def _listed(path: Path) -> list[Path]:
    """What lies in a directory outside the inventory; nothing where it cannot be listed."""
    try:
        return list(path.iterdir())
    except OSError:
        return []


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


@TREE.rule("root", official("loader.py load"))
def root(tree: Tree) -> Iterator[Breach]:
    """The root holds a directory for each division."""
    divisions = tree.rules.tree.divisions
    if any(tree.inventory.is_directory(tree.root / division) for division in divisions):
        return
    expected = "closed/, open/ or network/, then the submitter's name"
    where = tree.root.absolute()
    too_low = next((parent for parent in (where, *where.parents) if parent.name in divisions), None)
    below, of_round = _further_down(tree), round_option(tree.rules.name)
    there = [entry.name for entry in _seen(tree)]
    if too_low:
        yield Breach(
            tree.root,
            "the directory is inside a tree, not its root",
            found=f"the root of the tree seems to be {too_low.parent}",
            expected=expected,
            fix=shlex.join(["mlperf-bake", "check", str(too_low.parent), *of_round]),
        )
    elif below:
        yield Breach(
            tree.root,
            "the tree starts further down",
            found=f"the root of the tree seems to be {below}",
            expected=expected,
            fix=shlex.join(["mlperf-bake", "check", str(below), *of_round]),
        )
    elif {"results", "systems"} <= set(there):
        yield Breach(
            tree.root,
            "the directory of one submitter, not the root of a tree",
            found=", ".join(there[:5]),
            expected=expected,
            fix="put it into open/NAME/ or closed/NAME/, and check what holds that",
        )
    else:
        children = (tree.root, *tree.inventory.directories(tree.root))
        runs = any(child / MANIFEST in _listed(child) for child in children)
        collect = ["mlperf-bake", "collect", str(tree.root), "--out", "submission", *of_round]
        yield Breach(
            tree.root,
            "runs, not a submission tree" if runs else "not a submission tree",
            found=", ".join(there[:5]) or "an empty directory",
            expected=expected,
            fix=shlex.join(collect) if runs else "",
        )


@TREE.rule("results", official("main.py"))
def results(tree: Tree) -> Iterator[Breach]:
    """There is at least one result."""
    divisions = (tree.root / division for division in tree.rules.tree.divisions)
    collect = ("mlperf-bake", "collect", "./results", "--out")
    if next(tree.results(), None) is None and any(tree.inventory.is_directory(path) for path in divisions):
        yield Breach(
            tree.root,
            "the tree holds no result",
            expected="results/<system>/<model>/<Scenario>",
            fix=shlex.join([*collect, str(tree.root), *round_option(tree.rules.name)]),
        )


@TREE.rule("stray", RULES_TEXT)
def stray(tree: Tree) -> Iterator[Breach]:
    """Nothing lies at the root that belongs nowhere."""
    for entry in _seen(tree) if tree.submitters else ():
        if entry.name not in (*tree.rules.tree.divisions, *_ROOT_FILES):
            yield Breach(
                tree.root / entry.name,
                "not part of a submission",
                found=entry.name,
                severity=Severity.WARNING,
                fix="remove it",
            )


@TREE.rule("links", RULES_TEXT)
def links(tree: Tree) -> Iterator[Breach]:
    """Nothing in the tree is a link: a tree must be whole wherever it is unpacked."""
    for directory, entry in tree.inventory.walk():
        if entry.kind is Kind.LINK:
            path = Path(directory, entry.name)
            yield Breach(
                path,
                "a link, and links are not followed",
                found=f"to {_target(path)}",
                expected="a file or directory",
                fix="copy what it leads to",
            )


def _target(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError as error:
        return error.strerror or str(error)


@TREE.rule("special", RULES_TEXT)
def special(tree: Tree) -> Iterator[Breach]:
    """Nothing in the tree is a pipe, a socket or a device."""
    for directory, entry in tree.inventory.walk():
        if entry.kind is Kind.OTHER:
            yield Breach(
                Path(directory, entry.name),
                "a pipe, a socket or a device",
                found="no regular file",
                expected="files",
                fix="remove it",
            )


@TREE.rule("readable", RULES_TEXT)
def readable(tree: Tree) -> Iterator[Breach]:
    """Every directory can be listed."""
    for directory, reason in sorted(tree.inventory.unreadable.items()):
        yield Breach(
            Path(directory),
            "the directory cannot be read: nothing in it was judged",
            found=reason,
            expected="a directory that you may read",
            fix=f"chmod -R u+rX {shlex.quote(directory)}",
        )


@TREE.rule("size", RULES_TEXT + ": files of at most 50 MB")
def size(tree: Tree) -> Iterator[Breach]:
    """No file is larger than 50 MB."""
    for directory, entry in tree.inventory.walk() if tree.submitters else ():
        if entry.size > LARGE_FILE:
            yield Breach(
                Path(directory, entry.name),
                "too large for the results repository",
                found=f"{entry.size / 2**20:.0f} MB",
                expected="at most 50 MB",
                severity=Severity.WARNING,
            )


@TREE.rule("names", RULES_TEXT)
def names(tree: Tree) -> Iterator[Breach]:
    """Names can be told apart, and written, on every machine that the tree is unpacked on."""
    first: dict[tuple[str, str], str] = {}
    for directory, entry in tree.inventory.walk():
        path, name = Path(directory, entry.name), entry.name
        if not name.isascii() or not name.isprintable():
            fault = _unwritable(name)
            if fault:
                yield Breach(
                    path, "the name cannot be written everywhere", fault, "printable UTF-8", "rename it"
                )
        if _REFUSED_ELSEWHERE.intersection(name) or name.endswith((".", " ")):
            yield Breach(
                path,
                "the name cannot be unpacked on Windows",
                found=name,
                expected='none of < > : " | ? * \\, and no full stop or space at its end',
                fix="rename it",
                severity=Severity.WARNING,
            )
        key = (directory, unicodedata.normalize("NFC", name).casefold())
        other = first.setdefault(key, name)
        if other != name:
            yield Breach(
                path,
                "the name differs from another only in case, or in how its characters are composed",
                found=f"{name} beside {other}",
                expected="names that stay two on every file system",
                fix="rename or remove one",
            )


def _unwritable(name: str) -> str:
    """Why a name is none that every file system and repository can hold; empty for a good one."""
    if any("\udc80" <= character <= "\udcff" for character in name):
        return "bytes that are not UTF-8"
    if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):
        return "control characters"
    return ""
