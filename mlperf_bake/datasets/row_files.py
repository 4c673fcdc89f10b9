"""Writes the rows of a prepared data set: samples.bin, labels.bin and, where samples differ in size, index.bin.

What differs in more than one extent has these after the offsets in index.bin (docs/contracts.md, "Prepared data set");
until all rows are there they grow in a file of their own.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path

from mlperf_bake.assets.preprocessing import Preprocessing
from mlperf_bake.datasets.batches import Row
from mlperf_bake.datasets.prepared import INDEX, LABEL_BYTES, LABELS, OFFSET_BYTES, SAMPLES, VALUE_BYTES
from mlperf_bake.datasets.unfinished import Offsets, Unfinished
from mlperf_bake.progress import Progress

EXTENTS = ".extents"
RECORDED_EVERY = 1000  # samples; an interrupted preparation loses at most these
RECORDED_BYTES = 1 << 26  # or so many bytes, and the batches under way
CHUNK = 1 << 22

Batches = Iterator[tuple[list[int], list[Row]]]


@dataclass(frozen=True, slots=True)
class RowForm:
    """What rows of a data set look like.

    Attributes:
        shape: of a sample; an extent of 0 differs from sample to sample.
        dtype: of its values.
        labelled: whether each has a label.
    """

    shape: tuple[int, ...]
    dtype: str
    labelled: bool

    @classmethod
    def of(cls, preprocessing: Preprocessing, classes: int) -> "RowForm":
        """The form that a preprocessing gives."""
        return cls(preprocessing.shape, preprocessing.dtype, classes > 0)

    @property
    def varies(self) -> bool:
        """Whether samples differ in size."""
        return 0 in self.shape

    @property
    def stored_extents(self) -> int:
        """How many extents of each sample must be kept: none where the length of its bytes tells."""
        varying = self.shape.count(0)
        return varying if varying > 1 else 0

    @property
    def widths(self) -> dict[str, int]:
        """Bytes a sample in each file that grows by rows of one length."""
        widths = {} if self.varies else {SAMPLES: VALUE_BYTES[self.dtype] * prod(self.shape)}
        if self.labelled:
            widths[LABELS] = LABEL_BYTES
        if self.stored_extents:
            widths[EXTENTS] = OFFSET_BYTES * self.stored_extents
        return widths

    @property
    def offsets(self) -> Offsets | None:
        """The files of samples that differ in size."""
        return Offsets(SAMPLES, INDEX) if self.varies else None


def write_rows(
    form: RowForm, files: Unfinished, rows: Batches, name: str, count: int, progress: Progress
) -> tuple[int, str]:
    """Appends rows to what is there already.

    Args:
        rows: labels and values, from the row ``files.rows`` on.
        name: of the data set, for messages.
        count: rows that there must be in the end.

    Returns:
        How many there are, and the SHA-256 of samples.bin.
    """
    directory, done, recorded, since = files.directory, files.rows, files.rows, 0
    digest = hashlib.sha256()
    if done:
        progress(f"reading what is prepared of {name}", 0, None)
        with (directory / SAMPLES).open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    step = f"preparing {name}"
    progress(step, done, count)
    offset = (directory / SAMPLES).stat().st_size if done else 0
    kept = form.stored_extents
    with ExitStack() as stack:
        growing = {
            file: stack.enter_context((directory / file).open("ab"))
            for file in (SAMPLES, *(form.widths.keys() - {SAMPLES}), *((INDEX,) if form.varies else ()))
        }
        if form.varies and not done:
            growing[INDEX].write(_number(0))
        for labels, batch in rows:
            for row in batch:
                growing[SAMPLES].write(row.values)
                digest.update(row.values)
                offset += len(row.values)
                if form.varies:
                    growing[INDEX].write(_number(offset))
                if kept:
                    varying = [size for size, fixed in zip(row.extents, form.shape, strict=True) if not fixed]
                    growing[EXTENTS].write(b"".join(map(_number, varying)))
                since += len(row.values)
            if form.labelled:
                growing[LABELS].write(b"".join(label.to_bytes(LABEL_BYTES, "little") for label in labels))
            done += len(batch)
            if done - recorded >= RECORDED_EVERY or since >= RECORDED_BYTES:
                for file in growing.values():
                    file.flush()
                files.record(done)
                recorded, since = done, 0
            progress(step, done, count)
    if kept:
        _append(directory / INDEX, directory / EXTENTS)
    return done, digest.hexdigest()


def _append(index: Path, extents: Path) -> None:
    with index.open("ab") as target, extents.open("rb") as source:
        while chunk := source.read(CHUNK):
            target.write(chunk)
    extents.unlink()


def _number(value: int) -> bytes:
    return value.to_bytes(OFFSET_BYTES, "little")
