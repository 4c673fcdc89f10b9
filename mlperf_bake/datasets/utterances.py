"""LibriSpeech's recordings and what is said in them: unpacked directories, or the archives that they are given out as.

RNN-T (retired_benchmarks/speech_recognition/rnnt of mlcommons/inference) hears dev-clean's recordings of at most 15 s; Whisper
(speech2text) those of dev-clean and dev-other, each chapter's joined, in order, to samples of at most 30 s. Samples are in the
order of speaker, chapter and recording; transcripts in lower case, as in the reference's manifests.
"""

import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlperf_bake.assets.debian_archive import read_debian_files
from mlperf_bake.assets.preprocessing import Unreadable
from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.cache.store import ChecksumMismatch, file_sum
from mlperf_bake.datasets.collection import Collection, list_name
from mlperf_bake.datasets.official_readings import PackagedSpeech, Utterances
from mlperf_bake.datasets.recordings import RATE, SILENCE, STREAM_INFO, decoded, length_of, packed
from mlperf_bake.datasets.truth import Truth
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import unreadable

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset

TRANSCRIPTS = ".trans.txt"
MANIFEST = "manifest.json"
PAUSE_S = SILENCE / RATE
FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording: SPEAKER-CHAPTER-NUMBER, what is said, its samples, and how its file is read."""

    id: str
    text: str
    samples: int
    place: str
    content: Callable[[], bytes]

    @property
    def chapter(self) -> str:
        """SPEAKER-CHAPTER."""
        return self.id.rpartition("-")[0]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / RATE


Sample = tuple[Recording, ...]


def open_utterances(
    dataset: "Dataset", reading: Utterances, source: Path, only: Path | None, progress: Progress
) -> Collection:
    """The recordings of a directory with LibriSpeech's parts, of one part, or of its archive.

    Args:
        only: a list of recordings of the directory, by file name, one a line, whichever part they are of.

    Errors:
        UsageError: parts, transcripts or recordings are missing or not of this form.
        ChecksumMismatch: not the archive as it is given out.
    """
    if only is not None:
        found = _chosen(_files(source, progress), only)
        samples: list[Sample] = [(recording,) for recording in found]
    else:
        found = []
        for part, md5 in zip(reading.parts, reading.md5, strict=True):
            found += _recordings(_part(source, part, md5, progress), progress)
        found.sort(key=lambda recording: _order(recording.id))
        kept = [recording for recording in found if recording.seconds <= reading.longest_s]
        samples = joined(kept, reading.longest_s) if reading.joined else [(one,) for one in kept]
    if not samples or (only is None and len(samples) > dataset.count):
        raise wrong_count(source, len(samples), dataset.count)
    return Collection(
        len(samples),
        lambda start: _raw(samples[start:], reading.joined),
        f"the {len(samples)} of {list_name(only)}" if only is not None else "",
        truth=manifest_of(samples),
        size=FLOAT_BYTES * sum(map(_length, samples)),
    )


def open_packaged_speech(reading: PackagedSpeech, source: Path) -> Collection:
    """The recordings of a Debian package, for demonstrations."""
    listed, said = f"{reading.directory}/fileids", f"{reading.directory}/transcription"
    texts = read_debian_files(source, (listed, said))
    ids = texts[listed].decode("utf-8").split()
    spoken = {}
    for line in texts[said].decode("utf-8").splitlines():
        text, _, name = line.strip().removesuffix(")").rpartition("(")
        spoken[name] = text.replace("<s>", "").replace("</s>", "").strip()
    names = {one: f"{reading.directory}/{one}.wav" for one in ids}
    files = read_debian_files(source, tuple(names.values()))
    found = [
        Recording(one, spoken[one], len(decoded(files[name])), name, partial(files.__getitem__, name))
        for one, name in names.items()
    ]
    samples: list[Sample] = [(recording,) for recording in found]
    return Collection(len(samples), lambda start: _raw(samples[start:], False), truth=manifest_of(samples))


def joined(recordings: Sequence[Recording], longest_s: float) -> list[Sample]:
    """Each chapter's recordings in runs that, with the pauses between them, last no longer than so many seconds."""
    samples: list[Sample] = []
    for _, chapter in groupby(recordings, key=lambda recording: recording.chapter):
        run: list[Recording] = []
        seconds = 0.0
        for recording in chapter:
            if run and seconds + PAUSE_S + recording.seconds > longest_s:
                samples.append(tuple(run))
                run, seconds = [], 0.0
            seconds += recording.seconds
            seconds += PAUSE_S if run else 0
            run.append(recording)
        samples.append(tuple(run))
    return samples


def manifest_of(samples: Sequence[Sample]) -> Truth:
    """Writes what is said in each sample, and how long it is, in the form of the reference's manifests."""

    def write(place: Path, progress: Progress) -> None:
        records = [
            {
                "transcript": " ".join(recording.text for recording in sample),
                "original_duration": _length(sample) / RATE,
                "recordings": [recording.id for recording in sample],
            }
            for sample in samples
        ]
        text = json.dumps(records, indent=0, ensure_ascii=False)
        (place / MANIFEST).write_text(text, encoding="utf-8")

    return write


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a part by their paths in it, wherever they lie."""

    place: str
    names: tuple[str, ...]
    content: Callable[[str], bytes]


def _part(source: Path, part: str, md5: str, progress: Progress) -> _Files:
    archive = f"{part}.tar.gz"
    if source.is_file():
        if source.name != archive:
            raise UsageError("not the archive of this data set", where=str(source), expected=archive)
        return _archive(source, md5, progress)
    candidates = [source / part, source / "LibriSpeech" / part, *([source] if source.name == part else [])]
    for place in candidates:
        if place.is_dir():
            return _files(place, progress)
    for folder in (source, source / "LibriSpeech"):
        if (folder / archive).is_file():
            return _archive(folder / archive, md5, progress)
    raise UsageError(
        f"LibriSpeech's {part} is not there", where=str(source), expected=f"a directory {part}, or {archive}"
    )


def _files(place: Path, progress: Progress) -> _Files:
    progress(f"listing {place.name}", 0, None)
    names = tuple(path.relative_to(place).as_posix() for path in sorted(place.rglob("*")) if path.is_file())

    def content(name: str) -> bytes:
        try:
            return (place / name).read_bytes()
        except OSError as error:
            raise UsageError(
                "the file cannot be read", where=str(place / name), found=error.strerror or str(error)
            ) from error

    return _Files(str(place), names, content)


def _archive(archive: Path, md5: str, progress: Progress) -> _Files:
    """The files of an archive, in memory: 350 MB for a part of five hours."""
    progress(f"comparing the checksum of {archive.name}", 0, None)
    try:
        found = file_sum(archive, "md5")
        if found != md5:
            raise ChecksumMismatch(
                str(archive),
                found,
                md5,
                remedy="fetch it again; or unpack it and give the directory, which is not compared as a whole",
                algorithm="md5",
            )
        progress(f"reading {archive.name}", 0, None)
        held = {}
        with tarfile.open(archive, "r|gz") as opened:
            for member in opened:
                stream = opened.extractfile(member) if member.isfile() else None
                if stream is not None:
                    held[member.name] = stream.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UsageError("not a readable archive", where=str(archive), found=str(error)[:200]) from error
    return _Files(str(archive), tuple(sorted(held)), held.__getitem__)


def _recordings(files: _Files, progress: Progress) -> list[Recording]:
    """Those that the transcripts of a part name."""
    known = set(files.names)
    lists = [name for name in files.names if name.endswith(TRANSCRIPTS)]
    if not lists:
        raise UsageError(
            "no transcripts there",
            where=files.place,
            expected=f"SPEAKER/CHAPTER/SPEAKER-CHAPTER{TRANSCRIPTS}",
        )
    found: list[Recording] = []
    for number, name in enumerate(lists):
        progress("reading the transcripts", number, len(lists))
        for line, text in enumerate(_text(files, name).splitlines(), 1):
            one, separator, said = text.strip().partition(" ")
            where = f"{files.place}/{name}:{line}"
            if not separator or one.count("-") != 2 or "/" in one:
                raise UsageError(
                    "not a line of a transcript",
                    where=where,
                    found=text[:80],
                    expected="SPEAKER-CHAPTER-NUMBER TEXT",
                )
            flac = (PurePosixPath(name).parent / f"{one}.flac").as_posix()
            if flac not in known:
                raise UsageError(
                    "a recording is missing", where=f"{files.place}/{flac}", expected=f"as {where} says"
                )
            found.append(_recording(files, flac, one, said.lower().strip()))
    if len({recording.id for recording in found}) != len(found):
        raise UsageError("a recording is transcribed twice", where=files.place)
    return found


def _recording(files: _Files, name: str, one: str, said: str) -> Recording:
    place = f"{files.place}/{name}"
    try:
        samples = length_of(_head(files, name))
    except Unreadable as error:
        raise UsageError(
            "the recording cannot be read",
            where=place,
            found=str(error),
            remedy="replace the file by a whole copy",
        ) from error
    return Recording(one, said, samples, place, partial(files.content, name))


def _head(files: _Files, name: str) -> bytes:
    path = Path(files.place) / name
    if path.is_file():
        try:
            with path.open("rb") as stream:
                return stream.read(STREAM_INFO)
        except OSError as error:
            raise UsageError(
                "the file cannot be read", where=str(path), found=error.strerror or str(error)
            ) from error
    return files.content(name)[:STREAM_INFO]


def _text(files: _Files, name: str) -> str:
    try:
        return files.content(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            "the transcript cannot be read", where=f"{files.place}/{name}", found=str(error)
        ) from error


def _chosen(files: _Files, only: Path) -> list[Recording]:
    try:
        lines = only.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable("the list cannot be read", only, error, expected="names, one a line") from error
    names = [PurePosixPath(line).stem for line in lines]
    by_id = {recording.id: recording for recording in _recordings(files, lambda *_: None)}
    unknown = [name for name in names if name not in by_id]
    if not names or unknown or len(set(names)) != len(names):
        raise UsageError(
            "no list of these recordings",
            where=str(only),
            found=(unknown or ["a recording twice" if names else "nothing"])[0][:80],
            expected=f"file names of recordings in {files.place}, each once, one a line",
        )
    return [by_id[name] for name in names]


def _order(one: str) -> tuple[object, ...]:
    speaker, chapter, number = one.split("-")
    return (speaker.zfill(9), chapter.zfill(9), number.zfill(9))


def _length(sample: Sample) -> int:
    """Samples of sound, pauses included."""
    return sum(recording.samples for recording in sample) + SILENCE * (len(sample) - 1)


def _raw(samples: Sequence[Sample], together: bool) -> Iterator[RawSample]:
    for sample in samples:
        contents = [recording.content() for recording in sample]
        yield RawSample(sample[0].place, 0, packed(contents) if together else contents[0])
