"""The samples that conversions are judged by: the first of a data set, prepared as a model takes them.

    python3 -m mlperf_bake.assets.conversions.sample_set --name imagenet-20 --count 20 --classes 1000
        --wheel-images foolbox/data/imagenet_ --preprocessing imagenet-lite-224 --source FILE --out DIR

Raw samples are read and prepared by the code of `mlperf-bake data prepare`. What is written is what accept.py reads of a
prepared data set: dataset.conf with name, shape and count, and samples.bin. It runs inside an image build, where only
NumPy and Pillow are at hand.

Exit status: 0 written; 1 the source is missing, damaged or of another count.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mlperf_bake.assets.conversions import MOST_SAMPLES
from mlperf_bake.assets.preprocessing import Unreadable, find_preprocessing
from mlperf_bake.assets.raw_samples import count_samples, read_samples
from mlperf_bake.assets.reading import DebianIdx, Reading, WheelImages
from mlperf_bake.errors import BakeError


@dataclass(frozen=True)
class SampleSet:
    """The data set: its name, and what must be known to read it."""

    name: str
    reading: Reading
    count: int
    classes: int


def write_samples(dataset: SampleSet, preprocessing: str, source: Path, out: Path) -> None:
    """Writes both files into the new directory ``out``.

    Args:
        source: the data set's package, or the directory that a Debian package was unpacked into.

    Raises:
        BakeError: the source or a sample cannot be read, or the preprocessing is unknown.
    """
    steps = find_preprocessing(preprocessing)
    count_samples(dataset, source)
    out.mkdir(parents=True)
    taken = 0
    with (out / "samples.bin").open("wb") as stream:
        for sample in islice(read_samples(dataset, source), MOST_SAMPLES):
            try:
                stream.write(steps.apply(sample.data).astype("<f4").tobytes())
            except Unreadable as error:
                raise BakeError(f"{sample.name} cannot be read: {error}") from error
            taken += 1
    shape = "x".join(map(str, steps.shape))
    conf = f"name = {dataset.name}\nshape = {shape}\ncount = {taken}\n"
    (out / "dataset.conf").write_text(conf, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and writes."""
    parser = argparse.ArgumentParser(prog="sample_set", description=__doc__.partition("\n")[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    reading = parser.add_mutually_exclusive_group(required=True)
    reading.add_argument("--wheel-images", metavar="PREFIX")
    reading.add_argument("--debian-idx", nargs=2, metavar=("IMAGES", "LABELS"))
    parser.add_argument("--preprocessing", required=True, metavar="ID")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="must not exist yet")
    given = parser.parse_args(arguments)
    how = WheelImages(given.wheel_images) if given.wheel_images else DebianIdx(*given.debian_idx)
    try:
        dataset = SampleSet(given.name, how, given.count, given.classes)
        write_samples(dataset, given.preprocessing, given.source, given.out)
    except BakeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
