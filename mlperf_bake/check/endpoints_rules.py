"""Rules on results measured through an endpoint (from v6.1): mlcommons/endpoints' files stand in place of LoadGen's logs."""

import json
from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.endpoint import endpoint_of
from mlperf_bake.check.opened import read_mapping
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Result
from mlperf_bake.compliance.audits import audit
from mlperf_bake.results.endpoints import score_of

ENDPOINTS: Final[Table[Result]] = Table("endpoints")

_PERFORMANCE: Final = "checks/performance_check.py "
_ACCURACY: Final = "checks/accuracy_check.py "
_SEEDS: Final = ("sample_index_rng_seed", "schedule_rng_seed")
"""Without LoadGen's sample library there is no third."""
_RATES: Final = {
    "qps": "result_completed_samples_per_sec",
    "tps": "result_completed_tokens_per_second",
}
_UNKNOWN_FIX: Final = "take the files from mlcommons/endpoints' own output"


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value)[:200]


@ENDPOINTS.rule("round", official(_PERFORMANCE + "get_performance_metric_check"))
def of_round(result: Result) -> Iterator[Breach]:
    """The round takes results measured through an endpoint."""
    if result.rules.endpoints is None:
        yield Breach(
            result.path,
            f"{result.rules.name} has no results that are measured through an endpoint",
            found="no log of LoadGen",
            expected="performance/run_1/ and accuracy/ with LoadGen's logs",
        )


@ENDPOINTS.rule("model", official(_PERFORMANCE + "endpoints_model_check"))
def model(result: Result) -> Iterator[Breach]:
    """The benchmark may be measured through an endpoint."""
    benchmark, endpoint = result.model.benchmark, endpoint_of(result)
    if endpoint and benchmark and benchmark.name not in endpoint.rules.models:
        yield Breach(
            result.path,
            f"{benchmark.name} is not measured through an endpoint",
            expected="LoadGen's logs, or one of " + ", ".join(endpoint.rules.models),
        )


@ENDPOINTS.rule("files", official("parsers/endpoints_parser.py"))
def files(result: Result) -> Iterator[Breach]:
    """The configuration and what both runs wrote are there and can be read."""
    endpoint = endpoint_of(result)
    for file in (endpoint.config, endpoint.summary, endpoint.answers) if endpoint else ():
        if file.missing:
            yield Breach(
                file.path,
                f"{file.path.name} is missing",
                expected="a file of mlcommons/endpoints",
                fix=_UNKNOWN_FIX,
            )
        elif file.error:
            error = file.error
            yield Breach(
                file.path, error.problem, found=error.found or "", expected=error.expected or "a mapping"
            )


@ENDPOINTS.rule("scenario", official(_PERFORMANCE + "inferred_check"))
def scenario(result: Result) -> Iterator[Breach]:
    """The run is of the directory's scenario: ``online`` stands for Server and Interactive."""
    endpoint = endpoint_of(result)
    if endpoint is None or result.scenario is None or endpoint.config.value is None:
        return
    said = endpoint.performance.value("effective_scenario")
    named = endpoint.performance.text("effective_scenario")
    if named is None or endpoint.scenario != result.scenario:
        yield Breach(
            endpoint.config.path,
            f"the run is of another scenario than its directory {result.path.name}",
            found=f"type {_shown(said)}",
            expected="type online"
            if result.scenario in ("Server", "Interactive")
            else f"type of {result.scenario}",
        )
    elif named.lower() == "offline" and result.scenario != "Offline":
        yield Breach(
            endpoint.config.path,
            f"an offline run stands for {result.scenario}; the official checker goes by the directory",
            found=f"type {_shown(said)}",
            severity=Severity.WARNING,
        )


@ENDPOINTS.rule("seeds", official(_PERFORMANCE + "seeds_check"))
def seeds(result: Result) -> Iterator[Breach]:
    """The seeds of sample order and schedule are the round's."""
    endpoint = endpoint_of(result)
    if endpoint is None or endpoint.config.value is None:
        return
    expected = dict(result.rules.seeds.items())
    for name in _SEEDS:
        found = endpoint.performance.value(f"effective_{name}")
        if found != expected[name]:
            yield Breach(
                endpoint.config.path,
                f"{name} is not that of {result.rules.name}",
                found=_shown(found),
                expected=str(expected[name]),
                fix="settings.runtime of the configuration takes the seeds; run again",
            )


@ENDPOINTS.rule("duration", official(_PERFORMANCE + "min_duration_check"))
def duration(result: Result) -> Iterator[Breach]:
    """The run was to last at least as long as the round demands."""
    endpoint, benchmark = endpoint_of(result), result.model.benchmark
    if endpoint is None or benchmark is None or endpoint.config.value is None:
        return
    least = result.rules.minimum_duration_ms(benchmark)
    found = endpoint.performance.number("effective_min_duration_ms")
    if found is None or found < least:
        yield Breach(
            endpoint.config.path,
            "the run is too short",
            found=_shown(endpoint.performance.value("effective_min_duration_ms")),
            expected=f"min_duration_ms of at least {least}",
        )


@ENDPOINTS.rule("numbers", official("parsers/endpoints_parser.py"))
def numbers(result: Result) -> Iterator[Breach]:
    """What the performance run gives as its rate is a number, also where the result is quoted in the other of the two."""
    endpoint = endpoint_of(result)
    if endpoint is None or endpoint.summary.value is None:
        return
    for name, key in _RATES.items():
        said = endpoint.performance.value(key)
        if said is not None and endpoint.performance.number(key) is None:
            yield Breach(
                endpoint.summary.path,
                f"{name} is no number",
                found=_shown(said),
                expected="a finite number",
                fix=_UNKNOWN_FIX,
            )


@ENDPOINTS.rule("latency", official(_PERFORMANCE + "latency_check, llm_check"))
def latency(result: Result) -> Iterator[Breach]:
    """The 99th percentiles keep the benchmark's limits: of latency, or of first token and time per token."""
    endpoint, benchmark = endpoint_of(result), result.model.benchmark
    if endpoint is None or benchmark is None or result.scenario is None or endpoint.summary.value is None:
        return
    limits: list[tuple[str, int, bool]] = []
    tokens = benchmark.token_latency_limit_ns.get(result.scenario)
    whole = benchmark.latency_limit_ns.get(result.scenario)
    if tokens:
        limits.append(("result_first_token_99.00_percentile_latency_ns", tokens.ttft_ns, False))
        limits.append(("result_time_per_output_token_99.00_percentile_ns", tokens.tpot_ns, False))
    elif whole is not None and not benchmark.token_latency_limit_ns:
        limits.append(("result_99.00_percentile_latency_ns", whole, True))
    for key, limit, reached in limits:
        found = endpoint.performance.number(key)
        if found is None or found > limit or (found == limit and not reached):
            yield Breach(
                endpoint.summary.path,
                f"{key} is above the limit",
                found=_shown(endpoint.performance.value(key)),
                expected=f"{'at most' if reached else 'below'} {limit} ns, as early_stopping_percentiles give it",
            )


@ENDPOINTS.rule("result", official(_PERFORMANCE + "get_performance_metric_check"))
def figure(result: Result) -> Iterator[Breach]:
    """The summary holds the figure that is the result of its scenario."""
    endpoint = endpoint_of(result)
    if endpoint is None or endpoint.summary.value is None or endpoint.scenario is None:
        return
    found = endpoint.figure
    if found is None or found.value <= 0:
        yield Breach(
            endpoint.summary.path,
            f"the summary holds no figure of {endpoint.written}",
            found=_shown(found.value if found else None),
            expected=endpoint.field or "a scenario that has one",
        )


@ENDPOINTS.rule("network", official(_PERFORMANCE + "network_check"))
def network(result: Result) -> Iterator[Breach]:
    """The system's description does not say that LoadGen reached it over a network."""
    endpoint = endpoint_of(result)
    if endpoint and result.system.network:
        yield Breach(
            result.path,
            "a result through an endpoint has no name that the network division asks for",
            found="is_network true",
            expected=f'LoadGen\'s logs with "{result.rules.tree.network_sut_name}" in sut_name, or is_network false',
        )


@ENDPOINTS.rule(
    "errors", official(_ACCURACY + "loadgen_errors_check") + "; of performance runs " + RULES_TEXT
)
def errors(result: Result) -> Iterator[Breach]:
    """No sample of either run failed."""
    endpoint = endpoint_of(result)
    runs = (
        ((endpoint.summary, endpoint.performance), (endpoint.answers, endpoint.accuracy)) if endpoint else ()
    )
    for file, run in runs:
        failed = run.value("num_errors")
        if file.value is not None and failed:
            yield Breach(file.path, "samples failed", found=_shown(failed), expected="0")


@ENDPOINTS.rule("score", official(_ACCURACY + "accuracy_result_check"))
def score(result: Result) -> Iterator[Breach]:
    """The accuracy run has a score; where the official checker knows its unit, it reaches the target (closed, network)."""
    endpoint, benchmark = endpoint_of(result), result.model.benchmark
    if endpoint is None or benchmark is None or result.scenario is None or endpoint.answers.value is None:
        return
    path, found = endpoint.answers.path, endpoint.accuracy.score
    if endpoint.accuracy.scores is None or found is None:
        problem = "the accuracy run has no score"
        shown = _shown(endpoint.answers.value.get("accuracy_scores"))
        yield Breach(path, problem, found=shown, expected="accuracy_scores: a list of entries with a score")
        return
    if result.division == "open":
        return
    targets = benchmark.targets(result.scenario)
    if benchmark.name in endpoint.rules.judged_scores:
        metric, least = next(iter(targets.items()))
        number = score_of(found, tuple(targets))
        if number is None or number < least:
            yield Breach(
                path, f"{metric} is below its target", found=_shown(found), expected=f"at least {least:g}"
            )
        return
    yield Breach(
        path,
        "the score is not compared with the target, here as little as by the official checker",
        found=_shown(found),
        expected=", ".join(f"{metric} of at least {least:g}" for metric, least in targets.items()),
        fix="compare them: reviewers will",
        severity=Severity.NOTE,
    )


@ENDPOINTS.rule("dataset", official(_ACCURACY + "dataset_check"))
def dataset(result: Result) -> Iterator[Breach]:
    """The accuracy run covers the whole official data set."""
    endpoint, benchmark = endpoint_of(result), result.model.benchmark
    if endpoint is None or benchmark is None or result.scenario is None or endpoint.answers.value is None:
        return
    found, expected = endpoint.accuracy.accuracy_samples, benchmark.accuracy_sample_count(result.scenario)
    if expected is not None and found != expected:
        yield Breach(
            endpoint.answers.path,
            "the accuracy run does not cover the official data set",
            found=f"{found} samples",
            expected=f"{expected} samples",
        )


@ENDPOINTS.rule("audits", official("checks/compliance_check.py compliance_endpoints_check"))
def audits(result: Result) -> Iterator[Breach]:
    """The audits that the benchmark needs are there, and those that are there passed; in the open division, too."""
    endpoint, benchmark = endpoint_of(result), result.model.benchmark
    for test in benchmark.compliance_tests if endpoint and benchmark else ():
        name = endpoint.rules.audits.get(test) if endpoint else None
        if endpoint and name:
            yield from _audit(result, test, name, required=test in endpoint.rules.required_audits)


def _audit(result: Result, test: str, name: str, *, required: bool) -> Iterator[Breach]:
    path = result.compliance / "audit" / f"audit_{name}.json"
    file = result.tree.read(path, read_mapping)
    if file.missing:
        if required:
            yield Breach(
                path, f"the audit that stands for {test} is missing", expected="a file of mlcommons/endpoints"
            )
        return
    if file.value is None:
        problem, found = (file.error.problem, file.error.found) if file.error else ("unreadable", None)
        yield Breach(path, problem, found=found or "", expected="a JSON mapping with test and passed")
    elif file.value.get("test") != name:
        yield Breach(
            path, "the file is of another audit", found=_shown(file.value.get("test")), expected=name
        )
    elif not file.value.get("passed"):
        yield Breach(
            path, f"{name} did not pass", found=_shown(file.value.get("passed")), expected="passed: true"
        )


@ENDPOINTS.rule("output_length", official("checks/compliance_check.py compliance_endpoints_check"))
def output_length(result: Result) -> Iterator[Breach]:
    """TEST09 without a run of its own: the answers are as long as the reference's; in the open division, too."""
    endpoint, benchmark = endpoint_of(result), result.model.benchmark
    if endpoint is None or benchmark is None or "TEST09" not in benchmark.compliance_tests:
        return
    limits = audit("TEST09", result.rules, benchmark.name).limits
    least, most = limits["least_tokens"], limits["most_tokens"]
    found = endpoint.performance.number("mean_output_tokens")
    if endpoint.summary.value is not None and (found is None or not least <= found <= most):
        yield Breach(
            endpoint.summary.path,
            "the answers are not as long as the reference's",
            found=f"output_sequence_lengths.avg {_shown(endpoint.performance.value('mean_output_tokens'))}",
            expected=f"between {least:g} and {most:g} tokens",
        )
