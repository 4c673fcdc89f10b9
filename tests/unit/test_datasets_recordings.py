"""LibriSpeech: recordings to 16 kHz samples, what is said in them, and Whisper's rule of joining them."""

import io
import json
import tarfile
import wave
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.speech import RNNT_ALPHABET, rnnt
from mlperf_bake.assets.preprocessing import Unreadable
from mlperf_bake.cache.store import ChecksumMismatch, file_sum
from mlperf_bake.datasets import opening, utterances
from mlperf_bake.datasets.declared import find_dataset
from mlperf_bake.datasets.official_readings import Utterances
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.datasets.recordings import RATE, SILENCE, decoded, length_of, packed, pcm_16k, pcm_16k_joined
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.datasets.utterances import Recording, joined
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import silent
from tests.support.accuracy_logs import write_log


def wav(samples: np.ndarray, rate: int = RATE, channels: int = 1) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


def flac(samples: np.ndarray, rate: int = RATE) -> bytes:
    soundfile = pytest.importorskip("soundfile", reason="make data")
    stream = io.BytesIO()
    soundfile.write(stream, samples.astype(np.int16), rate, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def sound(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, count).astype(np.int16)


def stream_info(rate: int = RATE, channels: int = 1, bits: int = 16, length: int = 105440) -> bytes:
    described = (rate << 44) | ((channels - 1) << 41) | ((bits - 1) << 36) | length
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + bytes(10) + described.to_bytes(8, "big") + bytes(16)


@pytest.fixture
def libri(tmp_path: Path) -> Path:
    """dev-clean with two chapters; the second recording is longer than 15 s, the last has another length."""
    root = tmp_path / "LibriSpeech" / "dev-clean"
    for speaker, chapter, lengths in (("84", "121123", (1600, 15 * RATE + 1)), ("1272", "128104", (800,))):
        folder = root / speaker / chapter
        folder.mkdir(parents=True)
        lines = []
        for number, length in enumerate(lengths):
            name = f"{speaker}-{chapter}-{number:04}"
            (folder / f"{name}.flac").write_bytes(flac(sound(number, length)))
            lines.append(f"{name} IT'S {speaker} NUMBER\n".replace(speaker + " N", "N"))
        (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
    return tmp_path


def test_recordings_keep_their_length_and_order(libri: Path, tmp_path: Path) -> None:
    prepared = prepare("librispeech", "pcm-16k", tmp_path / "out", source=libri)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.count, prepared.shape, prepared.demonstration) == (2, (0,), True)
    offsets = np.fromfile(tmp_path / "out" / "index.bin", "<u8") // 4
    values = np.fromfile(tmp_path / "out" / "samples.bin", "<f4")
    found = [values[a:b] for a, b in pairwise(offsets.astype(int))]
    for samples, length in zip(found, (1600, 800), strict=True):
        assert np.array_equal(samples, sound(0, length) / np.float32(32768))


def test_the_truth_is_the_references_manifest(libri: Path, tmp_path: Path) -> None:
    prepare("librispeech", "pcm-16k", tmp_path / "out", source=libri)
    manifest = truth_of(tmp_path / "out")
    assert json.loads(manifest.read_text()) == [
        {"transcript": "it's number", "original_duration": 0.1, "recordings": ["84-121123-0000"]},
        {"transcript": "it's number", "original_duration": 0.05, "recordings": ["1272-128104-0000"]},
    ]
    letters = np.array([RNNT_ALPHABET.index(letter) for letter in "it's number"], "<i8").tobytes()
    assert rnnt(write_log(tmp_path, [letters, letters]), Given(truth=manifest)).figures["ACCURACY"] == 100


def test_an_archive_gives_the_same_as_its_directory(
    libri: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "dev-clean.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(libri / "LibriSpeech", "LibriSpeech")
    with pytest.raises(ChecksumMismatch) as raised:
        prepare("librispeech", "pcm-16k", tmp_path / "out", source=archive)
    assert raised.value.expected == "md5 42e2234ba48799c1f50f24a7926300a1"
    dataset = find_dataset("librispeech")
    assert isinstance(dataset.reading, Utterances)
    known = replace(dataset, reading=replace(dataset.reading, md5=(file_sum(archive, "md5"),)))
    monkeypatch.setattr("mlperf_bake.datasets.prepare.find_dataset", lambda name: known)
    packed_up = prepare("librispeech", "pcm-16k", tmp_path / "a", source=archive)
    loose = prepare("librispeech", "pcm-16k", tmp_path / "b", source=libri)
    assert packed_up.samples_sha256 == loose.samples_sha256


def test_calibration_takes_the_listed_recordings(libri: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "calibration_files.txt"
    chosen.write_text("train-clean-100-wav/1272/128104/1272-128104-0000.wav\n")
    prepared = prepare("librispeech", "pcm-16k", tmp_path / "out", source=libri, only=chosen)
    assert (prepared.count, prepared.demonstration) == (1, True)
    assert (tmp_path / "out" / "samples.bin").stat().st_size == 4 * 800


def test_whisper_hears_a_chapter_in_samples_of_at_most_30_seconds() -> None:
    def recording(name: str, seconds: float) -> Recording:
        return Recording(name, "", int(seconds * RATE), "", bytes)

    found = joined(
        [
            *(recording(f"1-1-{number}", seconds) for number, seconds in enumerate((10, 10, 9, 0.5, 30))),
            recording("1-2-0", 3),
        ],
        30,
    )
    # 10 + 0.5 + 10 + 0.5 + 9 are 30 s, and half a second more is too long; so are 0.5 + 0.5 + 30.
    ids = [[one.id for one in sample] for sample in found]
    assert ids == [["1-1-0", "1-1-1", "1-1-2"], ["1-1-3"], ["1-1-4"], ["1-2-0"]]


def test_joined_recordings_have_half_a_second_between_them() -> None:
    first, second = sound(1, 900), sound(2, 500)
    values = pcm_16k_joined(packed([wav(first), wav(second)])) * 32768
    assert len(values) == 900 + SILENCE + 500
    assert not values[900 : 900 + SILENCE].any()
    assert np.array_equal(values[:900], first)
    assert np.array_equal(values[900 + SILENCE :], second)


def test_storing_joined_recordings_once_more_changes_nothing() -> None:
    soundfile = pytest.importorskip("soundfile", reason="make data")
    every = np.arange(-32768, 32768).astype(np.int16)
    for recordings in ([every], [every, every[:7]]):
        parts = [recordings[0] / np.float32(32768)]
        for one in recordings[1:]:
            parts += [np.zeros(SILENCE), one / np.float32(32768)]
        stream = io.BytesIO()
        soundfile.write(stream, np.concatenate(parts), RATE, format="WAV")
        expected = decoded(stream.getvalue())
        ours = pcm_16k_joined(packed([wav(one) for one in recordings])) * 32768
        assert np.array_equal(ours, expected)


def test_a_header_tells_the_length_without_decoding() -> None:
    assert length_of(stream_info()) == 105440
    assert length_of(stream_info(length=(1 << 36) - 1)) == (1 << 36) - 1


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (stream_info(rate=44100), "44100 Hz"),
        (stream_info(channels=2), "2 channels"),
        (stream_info(bits=24), "24 bits"),
        (stream_info(length=0), "does not tell its length"),
        (stream_info()[:41], "no FLAC"),
        (b"", "neither FLAC nor WAV"),
        (b"RIFFxxxxWAVE", "neither FLAC nor WAV"),
        (wav(sound(0, 50), rate=8000), "8000 Hz"),
        (wav(sound(0, 50))[:-10], "cut off: 45 of 50"),
    ],
)
def test_other_sound_is_unreadable(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        pcm_16k(raw)


def test_a_recording_cut_off_is_unreadable() -> None:
    whole = flac(sound(0, 4000))
    with pytest.raises(Unreadable):
        pcm_16k(whole[: len(whole) // 2])


def test_a_missing_recording_names_the_line_that_asks_for_it(libri: Path, tmp_path: Path) -> None:
    folder = libri / "LibriSpeech" / "dev-clean" / "84" / "121123"
    (folder / "84-121123-0001.flac").unlink()
    with pytest.raises(UsageError, match="a recording is missing") as raised:
        prepare("librispeech", "pcm-16k", tmp_path / "out", source=libri)
    assert str(raised.value.expected).endswith("84-121123.trans.txt:2 says")


@pytest.mark.parametrize("text", ["no line\n", "84-121123-0000\n", "../../etc/passwd-1-1 X\n"])
def test_a_transcript_of_another_form_names_its_line(libri: Path, tmp_path: Path, text: str) -> None:
    file = libri / "LibriSpeech" / "dev-clean" / "84" / "121123" / "84-121123.trans.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match="not a line of a transcript"):
        prepare("librispeech", "pcm-16k", tmp_path / "out", source=libri)


def test_a_part_that_is_not_there_is_named(libri: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="LibriSpeech's dev-other is not there"):
        prepare("librispeech-30s", "pcm-16k-joined", tmp_path / "out", source=libri)
    with pytest.raises(UsageError, match="LibriSpeech's dev-clean is not there"):
        prepare("librispeech", "pcm-16k", tmp_path / "out", source=libri / "LibriSpeech" / "dev-clean" / "84")


def test_what_a_package_says_is_parted_from_its_marks(tmp_path: Path) -> None:
    directory = "usr/share/pocketsphinx/test/data/librivox"
    (tmp_path / directory).mkdir(parents=True)
    (tmp_path / directory / "fileids").write_text("b\na\n")
    (tmp_path / directory / "transcription").write_text("<s> one (two) </s> (a)\n<s> three </s> (b)\n")
    for name in "ab":
        (tmp_path / directory / f"{name}.wav").write_bytes(wav(sound(0, 10)))
    found = opening.open_collection(find_dataset("librivox-5"), tmp_path, None, silent)
    assert found.count == 2
    assert found.truth is not None
    found.truth(tmp_path, silent)
    records = json.loads((tmp_path / utterances.MANIFEST).read_text())
    assert [record["transcript"] for record in records] == ["three", "one (two)"]
