"""The ground truth of a prepared data set: ``truth/`` beside its samples, in the forms that `mlperf-bake accuracy` takes.

``truth/SHA256SUMS`` (as sha256sum writes it) names every file; what was changed since is refused.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from mlperf_bake.cache.store import ChecksumMismatch, file_sha256
from mlperf_bake.datasets.prepared import LABELS, load_prepared
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress

TRUTH = "truth"
SUMS = "SHA256SUMS"

Truth = Callable[[Path, Progress], None]
"""Writes the ground truth into an empty directory."""


def write_truth(directory: Path, write: Truth, progress: Progress) -> None:
    """Makes ``truth/`` in a directory anew."""
    place = directory / TRUTH
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    write(place, progress)
    files = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
    lines = [f"{file_sha256(place / name)}  {name}\n" for name in files]
    (place / SUMS).write_text("".join(lines), encoding="utf-8")


def truth_of(directory: Path) -> Path:
    """What `accuracy` is to hold answers against: the one file of ``truth/``, else ``truth/`` itself, its checksums compared;
    the prepared data set itself where its labels are all the truth there is.

    Raises:
        UsageError: no prepared data set, or one without ground truth; ChecksumMismatch: a file was changed.
    """
    dataset = load_prepared(directory, checksums=False)
    place = directory / TRUTH
    if not place.is_dir():
        if dataset.labels_sha256:
            return directory
        raise UsageError(
            "the prepared data set holds no ground truth",
            where=str(directory),
            expected=f"{TRUTH}/ or {LABELS} in it",
            remedy="prepare it again, or give the ground truth with --truth PATH",
        )
    names = _verified(place)
    return place / names[0] if len(names) == 1 else place


def _verified(place: Path) -> list[str]:
    """The files that SHA256SUMS names, unchanged."""
    sums = place / SUMS
    names = []
    try:
        for line in sums.read_text(encoding="utf-8").splitlines():
            expected, _, name = line.partition("  ")
            if not name or Path(name).is_absolute() or ".." in Path(name).parts:
                raise UsageError("not a line of sha256sum", where=str(sums), found=line[:80])
            found = file_sha256(place / name)
            if found != expected:
                raise ChecksumMismatch(
                    str(place / name), found, expected, remedy="delete the data set and prepare it again"
                )
            names.append(name)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "the ground truth cannot be read", where=str(sums), found=str(error)[:200]
        ) from error
    return names
