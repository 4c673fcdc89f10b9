"""MLPerf Inference rounds: seeds, targets, limits and layouts, each a file in data/."""

from mlperf_bake.rounds.load import DEFAULT_ROUND, load_round, require_round, round_names
from mlperf_bake.rounds.model import (
    Endpoints,
    LoadGenRelease,
    ModelRules,
    Round,
    Scenarios,
    Seeds,
    TokenLimits,
    TreeLayout,
    TreeRules,
)
from mlperf_bake.rounds.releases import loadgen_releases

__all__ = [
    "DEFAULT_ROUND",
    "Endpoints",
    "LoadGenRelease",
    "ModelRules",
    "Round",
    "Scenarios",
    "Seeds",
    "TokenLimits",
    "TreeLayout",
    "TreeRules",
    "load_round",
    "loadgen_releases",
    "require_round",
    "round_names",
]
