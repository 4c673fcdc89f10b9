"""Damaged and random responses to every task give figures or one error that names the log: no crash, no other exception.

``fuzz(measure, given, good, directory, count, seed)`` runs longer by hand.
"""

import json
import math
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.accuracy import images, long_context, mixture, rouge
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.registry import TASKS, Measure
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_answers
from tests.support.word_tokenizer import WordTokenizer

COUNT = 25


@dataclass(frozen=True)
class Prepared:
    """A small ground truth and good responses to it."""

    given: Given
    good: Sequence[bytes]


def _table(directory: Path, rows: list[dict[str, object]]) -> Path:
    path = directory / "truth.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def _tokens(directory: Path, rows: list[dict[str, object]], form: str) -> Prepared:
    texts = ["the answer is B", "a number 5"]
    tokenizer = WordTokenizer(directory, texts)
    return Prepared(
        Given(_table(directory, rows), tokenizer=tokenizer.path),
        [tokenizer.response(text, form) for text in texts],
    )


def classes(directory: Path) -> Prepared:
    (directory / "val_map.txt").write_text("a 1\nb 2\n", encoding="utf-8")
    return Prepared(Given(directory / "val_map.txt"), [struct.pack("<q", 1), struct.pack("<q", 2)])


def boxes(directory: Path) -> Prepared:
    truth = {
        "images": [{"id": n, "width": 10, "height": 10} for n in range(2)],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}
        ],
        "categories": [{"id": 1, "name": "x"}],
    }
    (directory / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return Prepared(
        Given(directory / "truth.json"), [struct.pack("<7f", n, 0, 0, 0.5, 0.5, 0.9, 1) for n in range(2)]
    )


def windows(directory: Path) -> Prepared:
    qas = [{"id": f"q{n}", "question": "the?", "answers": [{"text": "cat"}]} for n in range(2)]
    data = {"data": [{"paragraphs": [{"context": "the cat", "qas": qas}]}]}
    (directory / "dev-v1.1.json").write_text(json.dumps(data), encoding="utf-8")
    (directory / "vocab.txt").write_text("[UNK]\nthe\ncat\n?\n", encoding="utf-8")
    return Prepared(Given(directory), [struct.pack("<16f", *range(16))] * 2)


def voxels(directory: Path) -> Prepared:
    for name in ("case_0", "case_1"):
        (directory / name).mkdir()
        np.save(directory / name / "segmentation.npy", np.array([0, 1, 2], np.uint8))
    return Prepared(Given(directory), [bytes([0, 1, 2])] * 2)


def transcripts(directory: Path) -> Prepared:
    truth = _table(directory, [{"transcript": "a cat", "original_duration": 1}] * 2)
    return Prepared(Given(truth), [struct.pack("<3q", 1, 0, 3)] * 2)


def summaries(directory: Path) -> Prepared:
    return _tokens(directory, [{"output": "a text"}, {"output": "another"}], "q")


def long_texts(directory: Path) -> Prepared:
    rows: list[dict[str, object]] = [
        {"gt_output": "a", "metric": "rouge"},
        {"gt_output": "b", "metric": "qa_em"},
    ]
    return _tokens(directory, rows, "q")


def mixed(directory: Path) -> Prepared:
    rows: list[dict[str, object]] = [
        {"gt_output": "a", "dataset": "OpenOrca"},
        {"gt_output": "5", "dataset": "GSM8K"},
    ]
    return _tokens(directory, rows, "q")


def questions(directory: Path) -> Prepared:
    rows: list[dict[str, object]] = [
        {"ground_truth": "B", "dataset": "gpqa"},
        {"ground_truth": "5", "dataset": "aime"},
    ]
    return _tokens(directory, rows, "i")


def clicks(directory: Path) -> Prepared:
    np.save(directory / "labels.npy", np.array([0, 1, 1, 0], np.uint8))
    np.save(directory / "boundaries.npy", np.array([0, 2, 4]))
    return Prepared(Given(directory), [struct.pack("<2f", 0.1, 0.9)] * 2)


def candidates(directory: Path) -> Prepared:
    return Prepared(Given(samples=2), [struct.pack("<9f", 0, 0, 0.2, 0.8, 0, 1, 1, 1, 2)] * 2)


def pictures(directory: Path) -> Prepared:
    np.savez(directory / "f.npz", inception=np.eye(2), clip=np.array([0.3, 0.2]))
    np.savez(directory / "t.npz", mu=np.zeros(2), sigma=np.eye(2))
    return Prepared(Given(directory / "t.npz", features=directory / "f.npz"), [bytes(12)] * 2)


def products(directory: Path) -> Prepared:
    truth = _table(directory, [{"ground_truth_category": "A > B"}] * 2)
    return Prepared(Given(truth), [b'{"category": "A", "brand": "b", "is_secondhand": true}'] * 2)


PREPARED: dict[str, Callable[[Path], Prepared]] = {
    "classification.measure": classes,
    "detection.measure": boxes,
    "squad.measure": windows,
    "segmentation.measure": voxels,
    "speech.rnnt": transcripts,
    "speech.whisper": transcripts,
    "rouge.summaries": summaries,
    "rouge.answers": summaries,
    "long_context.measure": long_texts,
    "mixture.measure": mixed,
    "reasoning.deepseek_r1": questions,
    "reasoning.gpt_oss": questions,
    "recommendation.dlrm_v2": clicks,
    "recommendation.dlrm_v3": candidates,
    "images.measure": pictures,
    "categories.measure": products,
}


def damaged(response: bytes, chance: random.Random) -> bytes:
    """A response with some of its bytes changed, cut off, repeated, or made anew."""
    data = bytearray(response)
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[place : place + 4] = struct.pack(
                    "<f", chance.choice([math.nan, math.inf, -1e30, 1e30, 0.0])
                )
            case 1:
                del data[place:]
            case 2:
                data *= 2
            case 3:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case _:
                data = bytearray(chance.randbytes(chance.randrange(40)))
    return bytes(data)


def fuzz(measure: Measure, prepared: Prepared, directory: Path, count: int, seed: int) -> int:
    """Measures ``count`` logs with damaged responses; gives how many were refused."""
    chance = random.Random(seed)
    refused = 0
    for _ in range(count):
        log = write_answers(directory, [(n, damaged(data, chance)) for n, data in enumerate(prepared.good)])
        try:
            measured = measure(log, prepared.given)
        except UsageError as error:
            refused += 1
            assert str(error.where).startswith(str(log))
        else:
            assert all(math.isfinite(value) for value in measured.figures.values())
    return refused


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "IMAGE_BYTES", 12)
    for module in (rouge, long_context, mixture):
        monkeypatch.setattr(module, "english_sentences", lambda: None)


@pytest.mark.parametrize("name", sorted({task.measure for task in TASKS.values()}))
def test_damaged_responses_give_figures_or_one_error(tmp_path: Path, name: str) -> None:
    task = next(task for task in TASKS.values() if task.measure == name)
    prepared = PREPARED[name](tmp_path)
    log = write_answers(tmp_path, list(enumerate(prepared.good)))
    assert task.function()(log, prepared.given).samples == len(prepared.good)
    fuzz(task.function(), prepared, tmp_path, COUNT, seed=1)
