"""SQuAD v1.1 as the windows of 384 tokens that BERT reads: token ids, mask and segments.

The windows are those of mlperf_bake/accuracy/squad_windows.py, which follows create_squad_data.py of mlcommons/inference;
so the order of the samples is that of the accuracy log.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.accuracy.squad_windows import LENGTH, LONGEST_QUESTION, Window, read_questions, windows
from mlperf_bake.accuracy.wordpiece import WordPieces
from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.assets.reading import SquadWindows
from mlperf_bake.datasets.collection import Collection, list_name
from mlperf_bake.datasets.listed import listed
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset


def open_squad(
    dataset: "Dataset", reading: SquadWindows, source: Path, only: Path | None, progress: Progress
) -> Collection:
    """The windows of a directory's questions.

    Args:
        only: a list of windows by number, or of questions by id, one a line.

    Errors:
        UsageError: questions or vocabulary are missing or not of this form, or give too many windows.
    """
    for name in (reading.questions, reading.vocabulary):
        if not (source / name).is_file():
            raise UsageError(
                "a file is missing",
                where=str(source / name),
                expected=f"{reading.questions}, {reading.vocabulary}",
            )
    progress("splitting the questions into tokens", 0, None)
    pieces = WordPieces(source / reading.vocabulary)
    questions = read_questions(source / reading.questions)
    shown = list(windows(questions, pieces.split))
    samples = [
        RawSample(
            f"{source / reading.questions}:{questions[window.question].id}",
            0,
            _row(window, pieces.split(questions[window.question].text)[:LONGEST_QUESTION], pieces),
        )
        for window in shown
    ]
    if not 0 < len(samples) <= dataset.count:
        raise wrong_count(source / reading.questions, len(samples), dataset.count)
    if only is not None:
        by_line: dict[str, list[RawSample]] = {str(number): [one] for number, one in enumerate(samples)}
        for window, one in zip(shown, samples, strict=True):
            by_line.setdefault(questions[window.question].id, []).append(one)
        chosen = [one for line in listed(only, by_line, "windows or questions") for one in by_line[line]]
        part = f"the {len(chosen)} of {list_name(only)}"
        return Collection(len(chosen), lambda start: iter(chosen[start:]), part)

    def truth(place: Path, progress: Progress) -> None:
        for name in (reading.questions, reading.vocabulary):
            shutil.copyfile(source / name, place / name)

    return Collection(len(samples), lambda start: iter(samples[start:]), truth=truth)


def _row(window: Window, asked: tuple[str, ...], pieces: WordPieces) -> bytes:
    """[3, 384] 64-bit integers: [CLS] question [SEP] text [SEP], zeros behind."""
    import numpy as np

    tokens = ("[CLS]", *asked, "[SEP]", *window.tokens, "[SEP]")
    row = np.zeros((3, LENGTH), "<i8")
    row[0, : len(tokens)] = [pieces.number(token) for token in tokens]
    row[1, : len(tokens)] = 1
    row[2, window.offset : len(tokens)] = 1
    return row.tobytes()
