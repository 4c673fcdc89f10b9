"""Cells of several inputs and outputs with their data sets: question answering and object detection on networks small
enough that every response can be said beforehand."""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import frozen_graphs, onnx_networks, openvino_networks

COUNT, POSITIONS, ROWS = 20, 4, 8


@dataclass(frozen=True)
class TensorCell:
    """A cell.conf with its weights, a prepared data set, and the response to each of its samples."""

    conf: Path
    data: Path
    responses: Mapping[int, tuple[float, ...]]


def span_cell(root: Path, backend: str, *lines: str) -> TensorCell:
    """Question answering. Window i has ids 100 i + position, the mask 10 i + position and segments of i.

    Args:
        backend: the weights are in its own form where that is not ONNX.
        lines: further ones of cell.conf.
    """
    windows = [
        (
            tuple(100 * i + at for at in range(POSITIONS)),
            tuple(10 * i + at for at in range(POSITIONS)),
            (i,) * POSITIONS,
        )
        for i in range(COUNT)
    ]
    samples = b"".join(struct.pack(f"<{POSITIONS}q", *part) for window in windows for part in window)
    responses = {
        i: tuple(
            float(logit) for a, b, c in zip(ids, mask, segments, strict=True) for logit in (a + b, a - c)
        )
        for i, (ids, mask, segments) in enumerate(windows)
    }
    conf = _cell(
        root,
        *_SPANS.get(backend, ("network.onnx", onnx_networks.spans(POSITIONS))),
        "task = question-answering\nbenchmark = bert-99\nloadgen_model = bert",
        "input_name = ids, mask, segments\ninput_shape = 4, 4, 4\ninput_dtype = int64, int64, int64",
        "input_values = 0..99, 1, 0..1\noutput_name = starts, ends\noutput_kind = tensors",
        "output_shape = 4, 4\noutput_dtype = float32, float32",
        f"backend = {backend}",
        *lines,
    )
    return TensorCell(conf, _data(root, samples, "shape = 3x4\ndtype = int64"), responses)


def box_cell(root: Path, backend: str, *lines: str) -> TensorCell:
    """Object detection. Row r of picture i is the box (0, 1, 2, score), its score above 0.5 where r < i % 4."""
    pictures = [[(0.0, 1.0, 2.0, 0.75 if row < i % 4 else 0.25) for row in range(ROWS)] for i in range(COUNT)]
    samples = b"".join(struct.pack("<4f", *row) for picture in pictures for row in picture)
    responses = {
        i: tuple(
            value
            for row, (left, top, right, bottom) in enumerate(picture)
            if bottom > 0.5
            for value in (i, top / ROWS, left / 4, bottom / ROWS, right / 4, bottom, row)
        )
        for i, picture in enumerate(pictures)
    }
    conf = _cell(
        root,
        "network.onnx",
        onnx_networks.boxes(ROWS),
        "task = object-detection\nbenchmark = retinanet\nloadgen_model = retinanet",
        f"input_name = images\ninput_shape = 1x{ROWS}x4\ninput_dtype = float32\ninput_values = 0..1",
        "output_name = boxes, labels, scores\noutput_kind = tensors",
        "output_shape = nx4, n, n\noutput_dtype = float32, int64, float32\ntask.score_threshold = 0.05",
        f"backend = {backend}",
        *lines,
    )
    return TensorCell(conf, _data(root, samples, f"shape = 1x{ROWS}x4\ndtype = float32"), responses)


_SPANS = {
    "openvino": ("network.xml", openvino_networks.spans(POSITIONS).encode()),
    "tensorflow": ("network.pb", frozen_graphs.spans(POSITIONS)),
}
"""The network of question answering in the backend's form: file and content."""


def _cell(root: Path, file: str, network: bytes, *lines: str) -> Path:
    (root / file).write_bytes(network)
    (root / file).with_suffix(".bin").touch()  # OpenVINO's constants, of which there are none
    conf = root / "cell.conf"
    conf.write_text(
        "\n".join(
            (
                "cell = m-i-f-h-o\nmodel = m\nimplementation = i\nframework = f\nhardware = h\nos = o",
                "division = open\nround = v6.1\nprecision = fp32",
                f"weights = {file}\nweights_sha256 = {hashlib.sha256(network).hexdigest()}",
                "preprocessing = none\nperformance_sample_count = 1024\nserver_target_latency_ms = 15",
                "qsl_rng_seed = 2085463073848966840\nsample_index_rng_seed = 2747215439041700203",
                "schedule_rng_seed = 16159082839903944936",
                *lines,
                "",
            )
        ),
        encoding="utf-8",
    )
    return conf


def logged_responses(run: Path) -> dict[int, tuple[float, ...]]:
    """The responses in LoadGen's accuracy log, by sample."""
    log = json.loads((run / "mlperf_log_accuracy.json").read_text(encoding="utf-8"))
    return {
        entry["qsl_idx"]: tuple(value for (value,) in struct.iter_unpack("<f", bytes.fromhex(entry["data"])))
        for entry in log
    }


def _data(root: Path, samples: bytes, layout: str) -> Path:
    place = root / "data"
    place.mkdir()
    (place / "samples.bin").write_bytes(samples)
    (place / "dataset.conf").write_text(
        f"name = ramp\npreprocessing = none\ncount = {COUNT}\n{layout}\nclasses = 0\n"
        f"samples_sha256 = {hashlib.sha256(samples).hexdigest()}\n"
        "demonstration = yes\nofficial_count = 0\nsource = a test\n",
        encoding="utf-8",
    )
    return place
