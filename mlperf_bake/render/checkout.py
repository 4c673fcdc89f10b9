"""The rendered files in a checkout: which are stale, and writing them so that images/ holds them and nothing else."""

from collections.abc import Mapping
from pathlib import Path

from mlperf_bake.errors import UsageError

NAME = "Dockerfile"


def compare(root: Path, directory: str, wanted: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Each path that differs and how (``missing``, ``changed``, ``extra``), sorted by path.

    Args:
        root: the checkout.
        directory: the directory below it that holds rendered files only.
        wanted: relative path to text.
    """
    there = {path.relative_to(root).as_posix() for path in (root / directory).rglob(NAME)}
    changes = [(path, "extra") for path in there - set(wanted)]
    for path, text in wanted.items():
        if path not in there:
            changes.append((path, "missing"))
        elif (root / path).read_bytes() != text.encode():
            changes.append((path, "changed"))
    return tuple(sorted(changes))


def write(root: Path, directory: str, wanted: Mapping[str, str]) -> None:
    """Makes ``directory`` hold exactly ``wanted``; each file is replaced in one step.

    Errors:
        UsageError: a file cannot be written.
    """
    try:
        for path, kind in compare(root, directory, wanted):
            place = root / path
            if kind == "extra":
                place.unlink()
                _remove_empty(place.parent, root / directory)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(place, wanted[path])
    except OSError as error:
        raise _unwritable(error, root / directory) from error


def write_file(path: Path, text: str) -> None:
    """Replaces one file in one step. Errors: UsageError, it cannot be written."""
    try:
        _replace(path, text)
    except OSError as error:
        raise _unwritable(error, path) from error


def _replace(place: Path, text: str) -> None:
    partial = place.with_name(f".{place.name}.partial")
    partial.write_bytes(text.encode())
    partial.replace(place)


def _unwritable(error: OSError, path: Path) -> UsageError:
    return UsageError(
        "a rendered file cannot be written",
        where=str(error.filename or path),
        found=error.strerror or str(error),
        remedy="make the checkout writable and run `mlperf-bake render` again",
    )


def _remove_empty(directory: Path, stop: Path) -> None:
    while directory != stop and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent
