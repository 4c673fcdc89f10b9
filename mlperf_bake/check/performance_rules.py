"""Rules on what a performance run was set to and what came of it: seeds, duration, queries, latency, result.

A compliance test's performance run is judged by the same ones.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mlperf_bake.check.fixes import again, build, long_enough, prepare_official_data, tune
from mlperf_bake.check.log_rules import at, sound
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Log
from mlperf_bake.rounds import load_round, round_names

PERFORMANCE: Final[Table[Log]] = Table("performance")

_SOURCE: Final = "checks/performance_check.py "
_UNLIMITED_TOKENS: Final = frozenset({"llama3.1-8b-edge"})
"""Token benchmarks without limits of their own (configuration.py get_llm_models); the others are known by theirs."""


def _least_s(log: Log) -> int:
    """How long a run must last in this round, seconds."""
    benchmark = log.result.model.benchmark
    return log.result.rules.minimum_duration_ms(benchmark) // 1000 if benchmark else 0


def _demonstration(log: Log, breach: Breach) -> Breach:
    """The breach, marked where the run is a demonstration."""
    return replace(breach, demonstration=log.result.demonstration)


@PERFORMANCE.rule("valid", RULES_TEXT)
def valid(log: Log) -> Iterator[Breach]:
    """LoadGen calls the run VALID."""
    judged = sound(log)
    if judged and judged[0].complete and judged[0].validity != "VALID":
        detail = judged[0]
        reasons = (
            "result_min_duration_met",
            "result_min_queries_met",
            "result_perf_constraints_met",
            "early_stopping_met",
        )
        why = [key for key in reasons if detail.flag(key) is False]
        found = " because ".join(
            filter(None, (detail.validity or "nothing", ", ".join(f"{key} is false" for key in why)))
        )
        yield at(
            detail,
            "result_validity",
            "LoadGen calls the run invalid",
            found,
            "VALID",
            tune(log.result),
        )


@PERFORMANCE.rule("version", RULES_TEXT)
def version(log: Log) -> Iterator[Breach]:
    """LoadGen is a release that carries the round's seeds."""
    judged, release = sound(log), log.result.rules.loadgen
    if judged and release and not release.may_be(judged[0].version or ""):
        problem = "LoadGen is not the round's"
        breach = at(
            judged[0], "loadgen_version", problem, judged[0].version, f"{release.first} to {release.last}"
        )
        yield replace(breach, severity=Severity.WARNING)


@PERFORMANCE.rule("sample_count", official(_SOURCE + "performance_sample_count_check"))
def sample_count(log: Log) -> Iterator[Breach]:
    """Enough different samples were held in memory."""
    judged = sound(log)
    if judged is None:
        return
    detail, benchmark = judged
    key = "effective_performance_sample_count"
    found, least = detail.integer(key), benchmark.performance_sample_count
    if found is None or found < least:
        breach = at(
            detail,
            key,
            "too few different samples",
            found,
            f"at least {least}",
            prepare_official_data(log.result, "performance"),
        )
        yield _demonstration(log, breach)


@PERFORMANCE.rule("seeds", official(_SOURCE + "seeds_check"))
def seeds(log: Log) -> Iterator[Breach]:
    """The seeds are the round's."""
    judged, rules = sound(log), log.result.rules
    wanted = rules.test05_seeds if log.kind == "TEST05" and rules.test05_seeds else rules.seeds
    for name, expected in wanted.items() if judged else ():
        found = judged[0].integer(f"effective_{name}") if judged else None
        if judged and found != expected:
            owner = round_of_seed(name, found)
            problem = f"{name} is not that of {log.result.rules.name}" + (f" but of {owner}" if owner else "")
            image = build(log.result, log.result.model.name)
            fix = f"{image} && {again(log)}"
            yield at(judged[0], f"effective_{name}", problem, found, str(expected), fix)


def round_of_seed(name: str, value: int | None) -> str | None:
    """The round that has a seed, or None."""
    every = ((known, load_round(known)) for known in round_names())
    return next((known for known, rules in every if dict(rules.seeds.items())[name] == value), None)


@PERFORMANCE.rule("early_stopping", official(_SOURCE + "latency_check"))
def early_stopping(log: Log) -> Iterator[Breach]:
    """Streams and Server ran long enough for a percentile with confidence."""
    judged = sound(log)
    if judged is None or judged[0].scenario not in log.result.rules.tree.early_stopping_scenarios:
        return
    detail = judged[0]
    if detail.complete and detail.flag("early_stopping_met") is not True:
        said = (detail.text("early_stopping_result") or "nothing").strip().replace("\n", " ")
        yield at(
            detail,
            "early_stopping_met",
            "the early-stopping condition is not met",
            said,
            "true",
            again(log, "--duration", str(_least_s(log))),
        )


@PERFORMANCE.rule("latency", official(_SOURCE + "latency_check"))
def latency(log: Log) -> Iterator[Breach]:
    """The target latency is within the benchmark's limit."""
    judged = sound(log)
    if judged is None or log.result.scenario is None:
        return
    detail, benchmark = judged
    limits = benchmark.latency_limit_ns
    pairs = [("effective_target_latency_ns", limits.get(detail.scenario or ""))]
    if log.result.scenario == "Interactive" and "Interactive" in limits:
        pairs.append(("result_99.00_percentile_latency_ns", limits["Interactive"]))
    for key, limit in pairs:
        found = detail.number(key)
        if limit is not None and (found is None or found > limit):
            yield at(
                detail,
                key,
                "the latency is above the limit",
                found,
                f"at most {limit} ns",
                again(log),
            )


@PERFORMANCE.rule("tokens", official(_SOURCE + "llm_check"))
def tokens(log: Log) -> Iterator[Breach]:
    """Token benchmarks measure token latencies, and keep their limits."""
    judged = sound(log)
    if judged is None or log.result.scenario is None:
        return
    detail, benchmark = judged
    if not benchmark.token_latency_limit_ns and benchmark.name not in _UNLIMITED_TOKENS:
        return
    if detail.flag("requested_use_token_latencies") is not True:
        key = "requested_use_token_latencies"
        yield at(detail, key, "token latencies were not measured", detail.flag(key), "true")
    limits = benchmark.token_latency_limit_ns.get(log.result.scenario)
    if limits is None and detail.scenario == "Server":
        limits = benchmark.token_latency_limit_ns.get("Server")
        if limits is None:
            key = "effective_scenario"
            problem = f"{log.result.rules.name} has no token limits of {benchmark.name} in this scenario"
            yield at(detail, key, problem, detail.scenario, "a scenario that the round has of this benchmark")
    if limits is None:
        return
    pairs = (
        ("result_first_token_99.00_percentile_latency_ns", "time to first token", limits.ttft_ns),
        ("result_time_per_output_token_99.00_percentile_ns", "time per output token", limits.tpot_ns),
    )
    for key, what, limit in pairs:
        found = detail.number(key)
        if found is None or found >= limit:
            yield at(detail, key, f"the {what} is above the limit", found, f"below {limit} ns")


@PERFORMANCE.rule("duration", official(_SOURCE + "min_duration_check"))
def duration(log: Log) -> Iterator[Breach]:
    """The run lasted at least as long as the round demands."""
    judged = sound(log)
    if judged is None:
        return
    detail, benchmark = judged
    key, least = "effective_min_duration_ms", log.result.rules.minimum_duration_ms(benchmark)
    found = detail.number(key)
    if found is None or found < least:
        fix = long_enough(log, least // 1000)
        shown = None if found is None else f"{found:g} ms"
        yield _demonstration(log, at(detail, key, "the run is too short", shown, f"at least {least} ms", fix))


@PERFORMANCE.rule("queries", official(_SOURCE + "min_query_count_check"))
def queries(log: Log) -> Iterator[Breach]:
    """Offline issues enough queries and, in the closed division, enough samples in one."""
    judged = sound(log)
    if judged is None or judged[0].scenario != "Offline":
        return
    detail, benchmark = judged
    key, least = "effective_min_query_count", benchmark.min_queries.get("Offline", 0)
    found = detail.integer(key)
    if found is None or found < least:
        yield at(detail, key, "too few queries", found, f"at least {least}")
    key, samples = "effective_samples_per_query", benchmark.offline_min_samples_per_query
    found = detail.integer(key)
    if samples is None:
        problem = f"{log.result.rules.name} has no least Offline query of {benchmark.name}: the official checker ends here"
        yield at(detail, key, problem, found, "a scenario that the round has of this benchmark")
    elif found is None:
        yield at(detail, key, "the log does not say how large the Offline query was", found, "a number")
    elif log.result.division == "closed" and found < samples:
        breach = at(
            detail,
            key,
            "the Offline query is too small",
            found,
            f"at least {samples} samples",
            again(log, "--min-queries", str(samples)),
        )
        yield _demonstration(log, breach)


@PERFORMANCE.rule("result", official(_SOURCE + "get_performance_metric_check"))
def result(log: Log) -> Iterator[Breach]:
    """The log holds the figure that is the result of its scenario."""
    judged = sound(log)
    if judged is None or not judged[0].complete or judged[0].scenario not in log.result.rules.result_fields:
        return
    detail, benchmark = judged
    field = log.result.rules.result_field(benchmark, detail.scenario or "")
    usual = log.result.rules.result_fields[detail.scenario or ""]
    if usual != field and detail.number(usual) is None:
        yield at(
            detail, usual, f"the log holds no {usual}", None, "a number, as every log of the scenario has"
        )
    inferred = (detail.scenario, log.result.scenario) == ("SingleStream", "MultiStream")
    if inferred and (detail.number("early_stopping_latency_ms") or 0) <= 0:
        key = "early_stopping_latency_ms"
        problem = "too few samples for MultiStream to be inferred from this run"
        yield at(detail, key, problem, detail.number(key), "a number above 0")
    if (detail.number(field) or 0) <= 0:
        yield at(
            detail,
            field,
            f"the log holds no {field}",
            detail.number(field),
            "a number above 0",
            again(log),
        )


@PERFORMANCE.rule("network", official(_SOURCE + "network_check"))
def network(log: Log) -> Iterator[Breach]:
    """A system reached over a network says so in its name."""
    judged = sound(log)
    needed = log.result.rules.tree.network_sut_name
    if judged and log.result.system.network and needed not in (judged[0].text("sut_name") or ""):
        found = judged[0].text("sut_name")
        yield at(
            judged[0],
            "sut_name",
            "the system under test is not named as one",
            found,
            f'"{needed}" in its name',
        )
