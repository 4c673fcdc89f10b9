"""What a run through an endpoint (mlcommons/endpoints) says of itself, under the names of LoadGen's keys.

Such a run leaves ``config.yaml``, and ``result_summary.json`` or ``accuracy_results.json``, in place of LoadGen's logs. Where
each value stands is what the official checker reads (parsers/endpoints_parser.py, constants.py ENDPOINTS_*): in the JSON under
the first of its paths, else in the configuration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple


class _Places(NamedTuple):
    """Paths in the JSON document and in the configuration, in the order they are asked; dots part the keys."""

    document: tuple[str, ...]
    config: tuple[str, ...]


PLACES: Final[Mapping[str, _Places]] = {
    "effective_scenario": _Places(("effective_scenario",), ("type", "effective_scenario")),
    "effective_sample_index_rng_seed": _Places(
        ("effective_sample_index_rng_seed",),
        ("settings.runtime.dataloader_random_seed", "effective_sample_index_rng_seed"),
    ),
    "effective_schedule_rng_seed": _Places(
        ("effective_schedule_rng_seed",),
        ("settings.runtime.scheduler_random_seed", "effective_schedule_rng_seed"),
    ),
    "effective_min_duration_ms": _Places(
        ("min_duration_ms",), ("settings.runtime.min_duration_ms", "min_duration_ms")
    ),
    "generated_query_count": _Places(
        ("generated_query_count", "n_samples_issued"), ("generated_query_count",)
    ),
    "generated_query_duration": _Places(("duration_ns",), ("duration_ns",)),
    "qsl_reported_total_count": _Places(("n_samples_issued",), ("n_samples_issued",)),
    "num_errors": _Places(("result.failed", "n_samples_failed"), ("result.failed",)),
    "mean_output_tokens": _Places(("output_sequence_lengths.avg",), ("output_sequence_lengths.avg",)),
    "result_completed_samples_per_sec": _Places(("qps",), ("qps",)),
    "result_completed_tokens_per_second": _Places(("tps",), ("tps",)),
    "result_mean_latency_ns": _Places(("latency.avg",), ("latency.avg",)),
    **{
        key: _Places((path,), (path,))
        for key, path in (
            ("result_90.00_percentile_latency_ns", "latency.early_stopping_percentiles.90.0"),
            ("result_99.00_percentile_latency_ns", "latency.early_stopping_percentiles.99.0"),
            ("result_first_token_99.00_percentile_latency_ns", "ttft.early_stopping_percentiles.99.0"),
            ("result_time_per_output_token_99.00_percentile_ns", "tpot.early_stopping_percentiles.99.0"),
        )
    },
}


@dataclass(frozen=True, slots=True)
class EndpointRun:
    """One run: its JSON document and the configuration it was made with."""

    document: Mapping[str, object]
    config: Mapping[str, object]

    def value(self, key: str) -> object:
        """What the run says under one of LoadGen's keys; None where it says nothing.

        Samples a second that it does not give are its samples by its duration: always in Offline.
        """
        found = self._said(key)
        if found is None and key in ("result_samples_per_second", "result_completed_samples_per_sec"):
            samples, nanoseconds = (
                self.number("generated_query_count"),
                self.number("generated_query_duration"),
            )
            return samples / (nanoseconds / 1e9) if samples and nanoseconds else None
        return found

    def _said(self, key: str) -> object:
        places = PLACES.get(key, _Places((), ()))
        asked = [(self.document, path) for path in places.document]
        asked += [(self.config, path) for path in places.config]
        return next((value for data, path in asked if (value := nested(data, path)) is not None), None)

    def number(self, key: str) -> float | None:
        """A value as a finite number; None for anything else."""
        return _number(self.value(key))

    def text(self, key: str) -> str | None:
        """A value as text; None for anything else."""
        value = self.value(key)
        return value if isinstance(value, str) else None

    @property
    def scores(self) -> tuple[Mapping[str, object], ...] | None:
        """The entries of ``accuracy_scores``; None where that is no list of mappings."""
        entries = self.document.get("accuracy_scores", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            return None
        return tuple(entries)

    @property
    def score(self) -> object:
        """The first score: a number, a text or a mapping of metrics; None where there is none."""
        return next((entry["score"] for entry in self.scores or () if entry.get("score") is not None), None)

    @property
    def accuracy_samples(self) -> int | None:
        """Samples of the accuracy data sets together; without any, those that were issued."""
        counts = [
            count
            for entry in self.scores or ()
            if entry.get("dataset_type") in (None, "accuracy") and (count := _samples(entry)) is not None
        ]
        issued = self.number("qsl_reported_total_count")
        if counts:
            return sum(counts)
        return int(issued) if issued is not None else None


def nested(data: object, path: str) -> object:
    """The value at a dotted path, the longest key first: percentiles are keys like ``99.9``, and ``99.0`` may stand as ``99``.

    Empty lists and mappings count as nothing.
    """
    found = _nested(data, path.split("."))
    return None if isinstance(found, list | dict) and not found else found


def _nested(data: object, parts: Sequence[str]) -> object:
    if not parts:
        return data
    if not isinstance(data, dict):
        return data if list(parts) == ["0"] and not isinstance(data, list) else None
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in data:
            return _nested(data[key], parts[length:])
    return None


def score_of(score: object, metrics: Sequence[str]) -> float | None:
    """A score as one number, as the official checker takes it: itself, or the metric's entry of a mapping.

    Args:
        metrics: names of the benchmark's metrics; ``F1_HIERARCHICAL`` may stand as ``f1_hierarchical`` or ``hierarchical``.
    """
    if not isinstance(score, dict):
        return _number_or_text(score)
    names = [name for metric in metrics for name in (metric, metric.lower(), metric.split("_")[-1].lower())]
    found = (_number_or_text(score.get(name)) for name in (*names, "f1", "score", "accuracy"))
    return next((number for number in found if number is not None), None)


def _samples(entry: Mapping[str, object]) -> int | None:
    counts = entry.get("response_counts")
    total = entry.get("total_samples")
    if total is None and isinstance(counts, dict):
        total = counts.get("issued")
    number = _number_or_text(total)
    return int(number) if number is not None else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def _number_or_text(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return _number(float(value))
        except ValueError:
            return None
    return _number(value)
