"""mlperf.conf beside a result, which trees until v4.1 hold: the settings of the round that were in force in the run.

LoadGen carries that file within itself and logs what it took from it, so it is written from the run's own log: seeds for all
models, the rest for the run's scenario. A setting that the log does not give is left out.
Source of the keys: LoadGen's test_settings_internal.cc (FromConfig, LogEffectiveSettings).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.rounds import Round

NAME: Final = "mlperf.conf"
_SETTINGS: Final[Mapping[str, str]] = {
    "performance_sample_count_override": "effective_performance_sample_count",
    "min_duration": "effective_min_duration_ms",
    "max_duration": "effective_max_duration_ms",
    "min_query_count": "effective_min_query_count",
    "samples_per_query": "effective_samples_per_query",
    "accuracy_log_probability": "effective_accuracy_log_probability",
    "sample_concatenate_permutation": "effective_sample_concatenate_permutation",
}
"""Key of the file to key of the log."""


def conf_text(detail: DetailLog, rules: Round) -> str:
    """The file for a run."""
    seeds = {name: detail.integer(f"effective_{name}") for name in dict(rules.seeds.items())}
    settings = {name: _number(detail, key) for name, key in _SETTINGS.items()}
    nanoseconds = detail.integer("effective_target_latency_ns")
    settings["target_latency"] = nanoseconds // 10**6 if nanoseconds else None
    scenario = detail.scenario or "*"
    lines = [
        f"# What LoadGen {detail.version or 'of unknown version'} carries of {rules.name}'s mlperf.conf and had in force",
        "# in this run, as its log says. Durations and latencies are in milliseconds.",
        *(f"*.*.{name} = {value}" for name, value in seeds.items() if value is not None),
        *(f"*.{scenario}.{name} = {value}" for name, value in settings.items() if value is not None),
    ]
    return "\n".join(lines) + "\n"


def complete_conf(measurements: Path, detail: DetailLog, rules: Round) -> bool:
    """Writes the file into a result's measurements where the round's tree holds one and there is none; whether it did."""
    path = measurements / NAME
    if NAME not in rules.tree.measurement_files or path.exists():
        return False
    path.write_text(conf_text(detail, rules), encoding="utf-8")
    return True


def _number(detail: DetailLog, key: str) -> int | float | None:
    flag = detail.flag(key)
    if flag is not None:
        return int(flag)
    whole = detail.integer(key)
    return detail.number(key) if whole is None else whole
