"""Data sets of files that only users have: detection photos, SQuAD's windows, token ids; and those that are refused."""

import io
import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlperf_bake.assets.preprocessing import PREPROCESSINGS, Unreadable, retinanet_800
from mlperf_bake.datasets.declared import find_dataset, not_prepared
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import PreparedDataset, load_prepared
from mlperf_bake.errors import UsageError


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def openimages(tmp_path: Path) -> Path:
    directory = tmp_path / "openimages"
    (directory / "validation" / "data").mkdir(parents=True)
    (directory / "annotations").mkdir()
    images = []
    for number in range(3):
        name = f"{number:016x}.jpg"
        (directory / "validation" / "data" / name).write_bytes(
            png(np.full((20 + number, 30, 3), 50 * number))
        )
        images.append({"id": number + 1, "file_name": name, "height": 20 + number, "width": 30})
    annotate(directory, {"images": images, "annotations": [], "categories": []})
    return directory


def annotate(directory: Path, content: object) -> None:
    (directory / "annotations" / "openimages-mlperf.json").write_text(json.dumps(content))


def samples_of(prepared: PreparedDataset, dtype: str) -> np.ndarray:
    return np.fromfile(prepared.path / "samples.bin", dtype)


def test_detection_photos_lie_in_the_order_of_their_annotations(openimages: Path, tmp_path: Path) -> None:
    prepared = prepare("openimages", "retinanet-800", tmp_path / "out", source=openimages)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.count, prepared.shape, prepared.demonstration) == (3, (3, 800, 800), True)
    values = samples_of(prepared, "<f4").reshape(3, 3, 800, 800)
    for number in range(3):
        assert np.allclose(values[number], 50 * number / 255)
    assert np.fromfile(tmp_path / "out" / "labels.bin", "<i4").tolist() == [0, 1, 2]


def test_a_part_of_them_keeps_the_rows_of_the_annotations(openimages: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "list.txt"
    chosen.write_text(f"{2:016x}.jpg\n{0:016x}.jpg\n")
    prepare("openimages", "retinanet-800", tmp_path / "out", source=openimages, only=chosen)
    assert np.fromfile(tmp_path / "out" / "labels.bin", "<i4").tolist() == [2, 0]


def test_a_part_and_the_whole_do_not_pass_for_each_other(openimages: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "few.txt"
    chosen.write_text(f"{0:016x}.jpg\n", encoding="utf-8")
    words = ("openimages", "retinanet-800")
    whole = prepare(*words, tmp_path / "whole", source=openimages)
    part = prepare(*words, tmp_path / "part", source=openimages, only=chosen)
    assert prepare(*words, tmp_path / "part", source=openimages, only=chosen) == part
    assert prepare(*words, tmp_path / "whole", source=openimages) == whole
    for out, only in (("whole", chosen), ("part", None)):
        with pytest.raises(UsageError, match="another prepared data set"):
            prepare(*words, tmp_path / out, source=openimages, only=only)


@pytest.mark.parametrize("name", [b"fe\nw.txt", b"fe\xffw.txt"])
def test_the_name_of_a_list_may_be_any(openimages: Path, tmp_path: Path, name: bytes) -> None:
    chosen = tmp_path / os.fsdecode(name)
    chosen.write_text(f"{0:016x}.jpg\n", encoding="utf-8")
    made = prepare("openimages", "retinanet-800", tmp_path / "out", source=openimages, only=chosen)
    assert load_prepared(tmp_path / "out") == made


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"images": [{"file_name": "missing.jpg"}]}, "a photo is missing"),
        ({"images": [{"file_name": "../secret.jpg"}]}, "not a file name below"),
        ({"images": [{"file_name": "a.jpg"}, {"file_name": "a.jpg"}]}, "named twice"),
        ({"images": [{"id": 1}]}, "no annotations in COCO's form"),
        ([], "no annotations in COCO's form"),
        ({"images": []}, "wrong number of samples"),
    ],
)
def test_wrong_annotations_are_refused(
    openimages: Path, tmp_path: Path, content: object, problem: str
) -> None:
    annotate(openimages, content)
    with pytest.raises(UsageError, match=problem):
        prepare("openimages", "retinanet-800", tmp_path / "out", source=openimages)
    assert not (tmp_path / "out").exists()


def test_enlarging_is_pillows_bilinear_filter_in_32_bit_floats() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    ours = retinanet_800(png(pixels)) * 255
    for channel in range(3):
        plane = Image.fromarray(pixels[:, :, channel].astype(np.float32))
        expected = np.asarray(plane.resize((800, 800), Image.Resampling.BILINEAR))
        assert np.abs(ours[channel] - expected).max() < 0.01


def test_shrinking_takes_two_neighbours_and_smooths_nothing() -> None:
    pixels = np.zeros((3200, 1600, 3), np.uint8)
    pixels[:, ::2] = 100  # every second column
    pixels[1::4] += 40  # of four rows the second; each new row lies between the second and the third
    ours = retinanet_800(png(pixels)) * 255
    assert np.allclose(ours, 50 + 20, atol=1e-3)


VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "who",
    "wrote",
    "it",
    "?",
    "the",
    "poem",
    "was",
    "by",
    "ann",
    "##a",
    ".",
]
CONTEXT = "The poem was by Anna."


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    directory = tmp_path / "squad"
    directory.mkdir()
    (directory / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    asked = [{"id": "q1", "question": "Who wrote it?", "answers": [{"text": "Anna", "answer_start": 16}]}]
    ask(directory, [{"context": CONTEXT, "qas": asked}, {"context": " ".join([CONTEXT] * 70), "qas": asked}])
    return directory


def ask(directory: Path, paragraphs: list[dict[str, object]]) -> None:
    content = {"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}
    (directory / "dev-v1.1.json").write_text(json.dumps(content))


def test_a_question_and_its_text_become_ids_mask_and_segments(squad: Path, tmp_path: Path) -> None:
    prepared = prepare("squad", "squad-384", tmp_path / "out", source=squad)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.shape, prepared.dtype, prepared.classes) == ((3, 384), "int64", 0)
    assert not (tmp_path / "out" / "labels.bin").exists()
    first = samples_of(prepared, "<i8").reshape(prepared.count, 3, 384)[0]
    tokens = [
        "[CLS]",
        "who",
        "wrote",
        "it",
        "?",
        "[SEP]",
        "the",
        "poem",
        "was",
        "by",
        "ann",
        "##a",
        ".",
        "[SEP]",
    ]
    assert first[0, :14].tolist() == [VOCABULARY.index(token) for token in tokens]
    assert first[1].tolist() == [1] * 14 + [0] * 370
    assert first[2].tolist() == [0] * 6 + [1] * 8 + [0] * 370
    assert not first[:, 14:].any()


def test_a_long_text_becomes_windows_128_tokens_apart(squad: Path, tmp_path: Path) -> None:
    prepared = prepare("squad", "squad-384", tmp_path / "out", source=squad)
    rows = samples_of(prepared, "<i8").reshape(prepared.count, 3, 384)
    shown = 384 - 4 - 3  # tokens of the text beside four of the question and three marks
    assert prepared.count == 1 + 1 + -(-(70 * 7 - shown) // 128)
    assert rows[1, 1].all()
    text = rows[1, 0, 6 : 6 + shown]
    assert rows[2, 0, 6 : 6 + shown - 128].tolist() == text[128:].tolist()


def test_calibration_takes_windows_by_number_or_questions_by_id(squad: Path, tmp_path: Path) -> None:
    whole = prepare("squad", "squad-384", tmp_path / "whole", source=squad)
    rows = samples_of(whole, "<i8").reshape(whole.count, 3, 384)
    chosen = tmp_path / "bert_calibration_features.txt"
    chosen.write_text("2\n0\n")
    part = prepare("squad", "squad-384", tmp_path / "part", source=squad, only=chosen)
    assert np.array_equal(samples_of(part, "<i8").reshape(2, 3, 384), rows[[2, 0]])
    chosen.write_text("q1\n")
    assert prepare("squad", "squad-384", tmp_path / "ids", source=squad, only=chosen).count == whole.count
    for text in ("", f"{whole.count}\n", "0\n0\n"):
        chosen.write_text(text)
        with pytest.raises(UsageError, match="no list of windows or questions"):
            prepare("squad", "squad-384", tmp_path / "none", source=squad, only=chosen)


@pytest.mark.parametrize("name", ["dev-v1.1.json", "vocab.txt"])
def test_a_missing_file_of_squad_is_named(squad: Path, tmp_path: Path, name: str) -> None:
    (squad / name).unlink()
    with pytest.raises(UsageError, match="a file is missing") as raised:
        prepare("squad", "squad-384", tmp_path / "out", source=squad)
    assert str(raised.value.where).endswith(name)


def test_a_vocabulary_of_another_model_is_refused(squad: Path, tmp_path: Path) -> None:
    (squad / "vocab.txt").write_text("[UNK]\nthe\n")
    with pytest.raises(UsageError, match=r'no token "\[CLS\]"'):
        prepare("squad", "squad-384", tmp_path / "out", source=squad)


LISTS = [[128000, 5, 7], [128000], [1, 2, 3, 4, 5]]


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    file = tmp_path / "articles" / "cnn_eval.json"
    file.parent.mkdir()
    file.write_text(json.dumps([{"input": "text", "tok_input": ids, "output": "short"} for ids in LISTS]))
    return file


def test_token_ids_keep_their_lengths_in_the_index(articles: Path, tmp_path: Path) -> None:
    prepared = prepare("cnn-dailymail", "token-ids", tmp_path / "out", source=articles.parent)
    assert load_prepared(tmp_path / "out") == prepared
    offsets = np.fromfile(tmp_path / "out" / "index.bin", "<u8")
    assert offsets.tolist() == [0, 12, 16, 36]
    ids = samples_of(prepared, "<i4")
    assert [ids[a // 4 : b // 4].tolist() for a, b in pairwise(offsets)] == LISTS
    assert "shape = n\n" in (tmp_path / "out" / "dataset.conf").read_text()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not a readable JSON file"),
        ("[]", "wrong number of samples"),
        ("{}", "wrong number of samples"),
        ('[{"tok_input": []}]', "without token ids"),
        ('[{"tok_input": [1, -2]}]', "without token ids"),
        ('[{"tok_input": [true]}]', "without token ids"),
        ('[{"other": [1]}]', "without token ids"),
        ("[3]", "without token ids"),
    ],
)
def test_a_file_without_token_ids_is_refused(
    articles: Path, tmp_path: Path, content: str, problem: str
) -> None:
    articles.write_text(content)
    with pytest.raises(UsageError, match=problem):
        prepare("cnn-dailymail", "token-ids", tmp_path / "out", source=articles.parent)
    assert not (tmp_path / "out").exists()


def test_more_samples_than_the_set_has_are_refused(articles: Path, tmp_path: Path) -> None:
    edge = articles.with_name("cnn_eval_5000.json")
    edge.write_text(json.dumps([{"tok_input": [1]}] * 5001))
    with pytest.raises(UsageError, match="wrong number of samples"):
        prepare("cnn-dailymail-edge", "token-ids", tmp_path / "out", source=articles.parent)
    edge.write_text(json.dumps([{"tok_input": [1]}] * 5000))
    assert not prepare(
        "cnn-dailymail-edge", "token-ids", tmp_path / "out", source=articles.parent
    ).demonstration


@pytest.mark.parametrize("name", not_prepared())
def test_a_data_set_that_is_not_prepared_here_says_why(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} cannot be prepared here") as raised:
        find_dataset(name)
    assert raised.value.found == not_prepared()[name]


@pytest.mark.parametrize(
    ("name", "raw"), [("squad-384", bytes(16)), ("token-ids", bytes(5)), ("token-ids", b"")]
)
def test_rows_of_another_size_are_unreadable(name: str, raw: bytes) -> None:
    with pytest.raises(Unreadable):
        PREPROCESSINGS[name].apply(raw)
