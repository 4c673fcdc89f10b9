"""Benchmarks whose accuracy cannot be measured honestly here, and why."""

from collections.abc import Mapping
from typing import Final

_JUDGE: Final = (
    "a large language model judges the answers; use accuracy_eval.py of MLCommons' e2e-rag with that model"
)

_GPT3: Final = "its tokens are those of a Megatron SentencePiece model, which is not read here"

REFUSED: Final[Mapping[str, str]] = {
    "gpt3-99": _GPT3,
    "gpt3-99.9": _GPT3,
    "wan-2.2-t2v-a14b": "VBench judges the videos with several networks of its own; use run_evaluation.py of MLCommons' "
    "text_to_video with its accelerators",
    "e2e-rag-qna": _JUDGE,
    "e2e-rag-db": "the data base that was built is searched by the reference's own retrieval; use "
    "datasetup_accuracy_eval.py of MLCommons' e2e-rag",
    "qwen3.6-27b": "function calls are judged by the Berkeley leaderboard's own checker; use the example of "
    "mlcommons/endpoints",
    "pointpainting": "rotated boxes in space are judged by the reference's Waymo evaluation; use accuracy_waymo.py of "
    "MLCommons' automotive/3d-object-detection",
}
