"""Changes a file, or a whole tree, as damage, mistakes and malice do: small, many, and the same for the same seed."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

TOKENS = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"18446744073709551616",
    b"9" * 400,
    b"-0",
    b"null",
    b"true",
    b'""',
    b"{}",
    b"[]",
    b"[" * 200,
    b'{"a":' * 200,
    b"\\ud800",
    b"\\u0000",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b[31m",
    b"\r",
    b"\n",
    b":::MLLOG ",
    b"../../../../etc/passwd",
    b"&anchor *anchor",
    b"<script>",
    "\u202e\u2028é".encode(),
)
NAMES = (
    "Offline",
    "offline",
    "SERVER",
    "resnet50",
    "run_1",
    "TEST01",
    "power",
    "a b",
    "é",
    "e\u0301",
    "-rf",
    "..x",
    "%s{}$(x)`",
    "\x1b[31m",
    os.fsdecode(b"\xff\xfe"),
    "x" * 200,
    "mlperf_log_detail.txt",
    "manifest.json",
)


def mutate(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Some changes of a file's bytes.

    Args:
        others: files from which a piece may be taken.
    """
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(changed))
        to = min(len(changed), at + random.choice((1, 1, 8, 64, 1024)))
        piece = random.choice(others) if others else b""
        start = random.randint(0, len(piece))
        changed[at:to] = random.choice(
            (
                b"",
                bytes([random.randint(0, 255)]),
                random.choice(TOKENS),
                bytes(changed[at:to]) * 2,
                piece[start : start + random.choice((8, 256, 4096))],
            )
        )
        if random.random() < 0.1:
            del changed[random.randint(0, len(changed)) :]
    return bytes(changed)


def damage(tree: Path, outside: Path, others: Sequence[bytes], random: Random) -> None:
    """Some changes of a tree: of files' bytes, of names, kinds and places.

    Args:
        outside: a directory that links may lead to.
    """
    for _ in range(random.randint(1, 5)):
        paths = sorted(path for path in tree.rglob("*") if not path.is_symlink())
        if not paths:
            return
        path = random.choice(paths)
        if path.is_file() and random.random() < 0.6:
            path.write_bytes(mutate(path.read_bytes(), others, random))
        else:
            change: Callable[[Path, Path, Sequence[Path], Random], None] = random.choice(CHANGES)
            change(path, outside, paths, random)


def _free(path: Path, random: Random) -> Path:
    place = path.with_name(random.choice(NAMES))
    return place if not os.path.lexists(place) else path.with_name(f"{random.randint(0, 10**9)}")


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def rename(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    path.rename(_free(path, random))


def remove(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    _remove(path)


def link_outside(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    _remove(path)
    path.symlink_to(outside / random.choice(("secret.json", "", "none")))


def link_inside(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    _free(path, random).symlink_to(random.choice(paths))


def pipe(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    _remove(path)
    os.mkfifo(path)


def directory(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    _remove(path)
    path.mkdir()


def copy(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    place = _free(path, random)
    if path.is_file():
        shutil.copyfile(path, place)
    elif path.is_dir():
        shutil.copytree(path, place, symlinks=True, ignore=_pipes)


def _pipes(place: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(place, name).is_fifo()]


def empty(path: Path, outside: Path, paths: Sequence[Path], random: Random) -> None:
    if path.is_file():
        path.write_bytes(b"")


CHANGES = (rename, remove, link_outside, link_inside, pipe, directory, copy, empty)
