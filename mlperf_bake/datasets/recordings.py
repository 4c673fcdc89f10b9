"""Recorded speech to 16 kHz samples of one channel: FLAC through the library soundfile, WAV without one.

Values are those that the reference gets from its WAV files: 16-bit samples by 32,768. Where recordings are joined
(repackage_librispeech.py of mlcommons/inference, speech2text), half a second of silence lies between two; that the reference
writes the joined ones to 16 bits once more changes nothing (compared with soundfile for every value).
"""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Final

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.assets.preprocessing import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

RATE: Final = 16_000  # samples a second
SILENCE: Final = RATE // 2  # samples between two joined recordings
FLAC: Final = b"fLaC"
STREAM_INFO = 42  # bytes up to the end of a FLAC file's first block, which tells its length
LENGTH_BYTES: Final = 8


def pcm_16k(raw: bytes) -> NDArray[np.float32]:
    """A recording: [samples], -1 to 1."""
    import numpy as np

    return decoded(raw).astype(np.float32) / np.float32(32768)


def pcm_16k_joined(raw: bytes) -> NDArray[np.float32]:
    """Recordings as ``packed`` has put them together, joined: [samples], -1 to 1."""
    import numpy as np

    parts: list[NDArray[np.float32]] = []
    for recording in _unpacked(raw):
        if parts:
            parts.append(np.zeros(SILENCE, np.float32))
        parts.append(pcm_16k(recording))
    # The reference joins a single recording in 32-bit floats, several (with its silence) in 64.
    return np.concatenate(parts)


def packed(recordings: Sequence[bytes]) -> bytes:
    """Recordings as one sequence of bytes: each behind its length."""
    return b"".join(len(one).to_bytes(LENGTH_BYTES, "little") + one for one in recordings)


def length_of(head: bytes) -> int:
    """How many samples a FLAC file has, by its first STREAM_INFO bytes.

    Raises:
        Unreadable: no FLAC, or not of 16 bits, one channel and RATE.
    """
    if len(head) < STREAM_INFO or not head.startswith(FLAC) or head[4] & 0x7F:
        raise Unreadable("no FLAC file")
    described = int.from_bytes(
        head[18:26], "big"
    )  # 20 bits rate, 3 channels - 1, 5 bits a sample - 1, 36 length
    rate, channels, bits = described >> 44, (described >> 41 & 7) + 1, (described >> 36 & 31) + 1
    _require_form(rate, channels, bits)
    length = described & (1 << 36) - 1
    if not length:
        raise Unreadable("its header does not tell its length")
    return length


def decoded(raw: bytes) -> NDArray[np.int16]:
    """The 16-bit samples of a FLAC or WAV file.

    Raises:
        Unreadable: neither, cut off, or of another rate, width or number of channels.
    """
    return _flac(raw) if raw.startswith(FLAC) else _wav(raw)


def _flac(raw: bytes) -> NDArray[np.int16]:
    import numpy as np

    expected = length_of(raw[:STREAM_INFO])
    soundfile = library("soundfile", "decoding FLAC", "data")
    try:
        samples, _ = soundfile.read(io.BytesIO(raw), dtype="int16")
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise Unreadable(str(error)[:200]) from error
    if len(samples) != expected:
        raise Unreadable(f"cut off: {len(samples)} of {expected} samples")
    return np.asarray(samples, np.int16)


def _wav(raw: bytes) -> NDArray[np.int16]:
    import numpy as np

    try:
        with wave.open(io.BytesIO(raw)) as file:
            _require_form(file.getframerate(), file.getnchannels(), 8 * file.getsampwidth())
            expected, data = file.getnframes(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise Unreadable(f"neither FLAC nor WAV: {error}") from error
    if len(data) != 2 * expected:
        raise Unreadable(f"cut off: {len(data) // 2} of {expected} samples")
    return np.frombuffer(data, "<i2")


def _require_form(rate: int, channels: int, bits: int) -> None:
    if (rate, channels, bits) != (RATE, 1, 16):
        raise Unreadable(
            f"{bits} bits, {channels} channels, {rate} Hz; expected 16 bits, 1 channel, {RATE} Hz"
        )


def _unpacked(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + LENGTH_BYTES], "little")
        at += LENGTH_BYTES
        yield raw[at : at + length]
        at += length
