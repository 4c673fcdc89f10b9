"""MLPerf Inference rounds: seeds, targets, limits and layouts, each a file in data/."""

from mlperf_bake.rounds.load import DEFAULT_ROUND, load_round, round_names
from mlperf_bake.rounds.model import ModelRules, Round, Scenarios, Seeds, TokenLimits, TreeLayout, TreeRules

__all__ = [
    "DEFAULT_ROUND",
    "ModelRules",
    "Round",
    "Scenarios",
    "Seeds",
    "TokenLimits",
    "TreeLayout",
    "TreeRules",
    "load_round",
    "round_names",
]
