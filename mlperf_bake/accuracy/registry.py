"""Which benchmark is measured how: its module, what the ground truth is, what a response holds.

A module is imported when its benchmark is measured. Benchmarks that cannot be measured honestly here are named with
the reason.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from mlperf_bake.accuracy.measured import Given, Measured
from mlperf_bake.accuracy.refused import REFUSED
from mlperf_bake.errors import UsageError

Measure = Callable[[Path, Given], Measured]


@dataclass(frozen=True, slots=True)
class Task:
    """How one benchmark is measured.

    Attributes:
        measure: ``module.function`` below mlperf_bake.accuracy.
        metrics: what it can measure, as rounds name it.
        truth: what the ground truth is, in words.
        response: what a response holds, in words.
        unit: by how much the round's targets must be multiplied to be in the unit of accuracy.txt.
        needs_truth: whether nothing can be measured without a ground truth.
    """

    measure: str
    metrics: tuple[str, ...]
    truth: str
    response: str
    unit: float = 1
    needs_truth: bool = True

    def function(self) -> Measure:
        """The function that measures, its module imported."""
        module, _, name = self.measure.partition(".")
        return cast(Measure, getattr(importlib.import_module(f"mlperf_bake.accuracy.{module}"), name))


_BERT = Task(
    "squad.measure",
    ("F1",),
    "a directory with SQuAD's dev-v1.1.json and BERT's vocab.txt",
    "start and end logits of a window, float32, in pairs",
)
_UNET = Task(
    "segmentation.measure",
    ("DICE",),
    "a directory of KiTS19 cases: CASE/segmentation.nii.gz",
    "the class of each voxel, uint8",
)
_BOXES = "rows of sample, y1, x1, y2, x2, score, class, float32"
_COCO = Task("detection.measure", ("mAP",), "COCO-style annotations: a JSON file", _BOXES)
_TOKENS = "generated tokens; --tokenizer says what they mean"
_SUMMARIES = Task(
    "rouge.summaries",
    ("ROUGE1", "ROUGE2", "ROUGEL", "ROUGELSUM", "GEN_LEN"),
    "cnn_eval.json, or a table with a column output",
    _TOKENS + ", int64",
)
_LLAMA2 = Task(
    "rouge.answers",
    ("ROUGE1", "ROUGE2", "ROUGEL", "TOKENS_PER_SAMPLE"),
    "Open Orca as a table with a column output",
    _TOKENS + ", int64",
)
_CLICKS = Task(
    "recommendation.dlrm_v2",
    ("AUC",),
    "a directory with labels.npy and boundaries.npy",
    "predictions of the sample's pairs, float32, alone or each with its label",
)
_REASONING = "a table with the columns dataset and ground_truth"

TASKS: Final = {
    "resnet": Task(
        "classification.measure",
        ("acc",),
        "val_map.txt, or the directory of a prepared data set",
        "the predicted class, int64, int32 or float32",
    ),
    "rgat": Task(
        "classification.measure",
        ("acc",),
        "an .npy of classes in the order of the samples",
        "the predicted class, int64, int32 or float32; else name it with --dtype",
        unit=100,
    ),
    "retinanet": _COCO,
    "yolo-95": _COCO,
    "yolo-99": _COCO,
    "bert-99": _BERT,
    "bert-99.9": _BERT,
    "3d-unet-99": _UNET,
    "3d-unet-99.9": _UNET,
    "rnnt": Task(
        "speech.rnnt",
        ("ACCURACY", "WER"),
        "LibriSpeech's manifest: JSON with transcript and original_duration",
        "the transcript, one int64 a character: its place in the alphabet",
    ),
    "whisper": Task(
        "speech.whisper",
        ("ACCURACY",),
        "LibriSpeech's manifest: JSON with transcript and original_duration",
        "the transcript, one int64 a character: its place in the alphabet",
    ),
    "gptj-99": _SUMMARIES,
    "gptj-99.9": _SUMMARIES,
    "llama3.1-8b": _SUMMARIES,
    "llama3.1-8b-edge": _SUMMARIES,
    "llama2-70b-99": _LLAMA2,
    "llama2-70b-99.9": _LLAMA2,
    "llama2-70b-interactive-99": _LLAMA2,
    "llama2-70b-interactive-99.9": _LLAMA2,
    "llama3.1-405b": Task(
        "long_context.measure",
        ("ROUGEL", "exact_match", "TOKENS_PER_SAMPLE"),
        "a table with the columns gt_output and metric",
        _TOKENS + ", int64",
    ),
    "mixtral-8x7b": Task(
        "mixture.measure",
        ("ROUGE1", "ROUGE2", "ROUGEL", "gsm8k_accuracy", "TOKENS_PER_SAMPLE"),
        "a table with the columns dataset and gt_output",
        _TOKENS + ", int64",
    ),
    "deepseek-r1": Task(
        "reasoning.deepseek_r1", ("exact_match", "TOKENS_PER_SAMPLE"), _REASONING, _TOKENS + ", int32"
    ),
    "gpt-oss-120b": Task(
        "reasoning.gpt_oss", ("exact_match", "TOKENS_PER_SAMPLE"), _REASONING, _TOKENS + ", int32"
    ),
    "dlrm-99": _CLICKS,
    "dlrm-99.9": _CLICKS,
    "dlrm-v2-99": _CLICKS,
    "dlrm-v2-99.9": _CLICKS,
    "dlrm-v3": Task(
        "recommendation.dlrm_v3",
        ("DLRM_NE", "DLRM_ACC", "DLRM_AUC"),
        "none: the labels come with the responses",
        "float32: time, query, n predictions, n labels, n weights, n",
        needs_truth=False,
    ),
    "stable-diffusion-xl": Task(
        "images.measure",
        ("CLIP_SCORE", "FID_SCORE"),
        "the real images' statistics: an .npz with mu and sigma; --features has those of the generated ones",
        "the pixels of an image, uint8",
        needs_truth=False,
    ),
    "qwen3-vl-235b-a22b": Task(
        "categories.measure",
        ("F1_HIERARCHICAL",),
        "a table with a column ground_truth_category",
        "a JSON text with category, brand and is_secondhand",
    ),
}


def task_of(benchmark: str) -> Task:
    """How a benchmark is measured.

    Raises:
        UsageError: it cannot be measured here, with the reason, or there is no such benchmark.
    """
    if benchmark in TASKS:
        return TASKS[benchmark]
    if benchmark in REFUSED:
        raise UsageError(f"the accuracy of {benchmark} is not measured here", found=REFUSED[benchmark])
    raise UsageError(f'unknown benchmark "{benchmark}"', expected="one of " + ", ".join(sorted(TASKS)))
