"""Rules on a performance run's logs; a compliance test's performance run is judged by the same ones."""

from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.fixes import prepare_official_data, run_again, tune
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Log, directories
from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.results.run import DETAIL, SUMMARY, logged_scenario
from mlperf_bake.rounds import ModelRules

PERFORMANCE: Final[Table[Log]] = Table("performance")

_SOURCE: Final = "checks/performance_check.py "
_OPTIONAL_FILES: Final = (
    "mlperf_log_accuracy.json",
    "mlperf_log_trace.json",
    "manifest.json",
    "results.json",
    "spl.txt",
)


def _sound(log: Log) -> tuple[DetailLog, ModelRules] | None:
    """The log and its benchmark, if the log is one to judge by; else another rule has said why not."""
    detail, benchmark = log.detail.value, log.result.model.benchmark
    if detail is None or benchmark is None or log.result.scenario is None or not detail.entries:
        return None
    return detail, benchmark


def _at(detail: DetailLog, key: str, problem: str, found: object, expected: str, fix: str = "") -> Breach:
    """A breach at the line of a key."""
    shown = "nothing" if found is None else str(found)
    return Breach(detail.path, problem, found=shown, expected=expected, fix=fix, line=detail.line(key))


def _least_s(log: Log) -> int:
    """How long a run must last in this round, seconds."""
    benchmark = log.result.model.benchmark
    return log.result.rules.minimum_duration_ms(benchmark) // 1000 if benchmark else 0


def _demonstration(log: Log, breach: Breach) -> Breach:
    """The breach, marked where the run is a demonstration."""
    return Breach(
        breach.path,
        breach.problem,
        breach.found,
        breach.expected,
        breach.fix,
        breach.line,
        breach.severity,
        demonstration=log.result.demonstration,
    )


@PERFORMANCE.rule("files", RULES_TEXT + " (only the detail log: performance_check.py missing_check)")
def files(log: Log) -> Iterator[Breach]:
    """Detail and summary log are there and can be read."""
    for opened_file in (log.detail, log.summary):
        if opened_file.missing:
            yield Breach(opened_file.path, f"{opened_file.path.name} is missing", expected="a log of LoadGen")
        elif opened_file.error:
            yield Breach(opened_file.path, opened_file.error.problem, found=opened_file.error.found or "")


@PERFORMANCE.rule("stray", RULES_TEXT)
def stray(log: Log) -> Iterator[Breach]:
    """Only logs lie beside the logs, and there is one run."""
    if log.kind != "performance" or not log.directory.is_dir():
        return
    for path in sorted(log.directory.iterdir()):
        if path.name not in (DETAIL, SUMMARY, *_OPTIONAL_FILES) and not path.name.startswith("."):
            yield Breach(path, "does not belong beside the logs", severity=Severity.WARNING, fix="remove it")
    for path in directories(log.directory.parent):
        if path.name not in ("run_1", "power", "ranging"):
            yield Breach(
                path, "is never looked at", expected="run_1", severity=Severity.WARNING, fix="remove it"
            )


@PERFORMANCE.rule("whole", RULES_TEXT)
def whole(log: Log) -> Iterator[Breach]:
    """The detail log is whole: every line can be read and the run was logged to its end."""
    detail = log.detail.value
    if detail is None:
        return
    for problem in detail.problems:
        yield Breach(
            detail.path,
            "the log is damaged",
            found=problem.text,
            expected="the log as LoadGen wrote it",
            fix="copy it from the run again",
            line=problem.line,
        )
    if not detail.problems and not detail.complete:
        yield Breach(
            detail.path,
            "the log was not written to its end",
            found=f"{detail.lines} lines, no result",
            expected="a run that LoadGen finished",
            fix=run_again(log.result, "performance"),
        )


@PERFORMANCE.rule("mode", RULES_TEXT)
def mode(log: Log) -> Iterator[Breach]:
    """The log is of a performance run."""
    sound = _sound(log)
    if sound and sound[0].mode not in ("performance", "submission"):
        yield _at(
            sound[0],
            "effective_test_mode",
            "the log is not of a performance run",
            sound[0].mode,
            "performance",
        )


@PERFORMANCE.rule("scenario", official(_SOURCE + "inferred_check"))
def scenario(log: Log) -> Iterator[Breach]:
    """The log is of the directory's scenario, or of one that an edge system may infer it from."""
    sound = _sound(log)
    if sound is None or log.result.scenario is None:
        return
    detail, here = sound[0], log.result.scenario
    there = detail.scenario
    if there == logged_scenario(here):
        return
    if (there, here) in log.result.rules.tree.inferable and "edge" in log.result.system.text("system_type"):
        yield Breach(
            detail.path,
            f"the result is inferred from {there}",
            found=f"a log of {there}",
            expected=f"a run of {here} says more",
            severity=Severity.NOTE,
            line=detail.line("effective_scenario"),
        )
        return
    problem = f"the log is of another scenario than its directory {log.result.path.name}"
    yield _at(
        detail, "effective_scenario", problem, there, logged_scenario(here), "move it, or run this scenario"
    )


@PERFORMANCE.rule("valid", RULES_TEXT)
def valid(log: Log) -> Iterator[Breach]:
    """LoadGen calls the run VALID."""
    sound = _sound(log)
    if sound and sound[0].complete and sound[0].validity != "VALID":
        detail = sound[0]
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
        yield _at(
            detail,
            "result_validity",
            "LoadGen calls the run invalid",
            found,
            "VALID",
            tune(log.result),
        )


@PERFORMANCE.rule(
    "errors", RULES_TEXT + " (performance_check.py loadgen_errors_check looks only with a flag)"
)
def errors(log: Log) -> Iterator[Breach]:
    """LoadGen logged no error."""
    detail = log.detail.value
    for error in detail.errors if detail else ():
        yield Breach(
            log.detail.path,
            "LoadGen logged an error",
            found=error.text,
            expected="no errors",
            line=error.line,
        )


@PERFORMANCE.rule("audit", RULES_TEXT)
def audit(log: Log) -> Iterator[Breach]:
    """No audit.config was in force, except in a compliance test."""
    detail = log.detail.value
    for warning in detail.warnings if detail and log.kind == "performance" else ():
        if "audit config" in warning.text.lower():
            yield Breach(
                log.detail.path,
                "the run was made with an audit.config",
                found=warning.text,
                expected="none in the directory it ran in",
                line=warning.line,
            )


@PERFORMANCE.rule("summary", RULES_TEXT)
def summary(log: Log) -> Iterator[Breach]:
    """The summary log is of the same run as the detail log."""
    detail, short = log.detail.value, log.summary.value
    if detail is None or short is None or not detail.complete:
        return
    pairs = [("scenario", short.scenario, detail.scenario), ("result", short.validity, detail.validity)]
    for what, said, logged in pairs:
        if said != logged:
            problem = f"the summary's {what} is not that of the detail log"
            yield Breach(short.path, problem, found=said or "nothing", expected=logged or "nothing")


@PERFORMANCE.rule("version", RULES_TEXT)
def version(log: Log) -> Iterator[Breach]:
    """LoadGen is the round's."""
    sound, expected = _sound(log), log.result.rules.loadgen_version
    if sound and expected and sound[0].version != expected:
        breach = _at(sound[0], "loadgen_version", "LoadGen is not the round's", sound[0].version, expected)
        yield Breach(
            breach.path,
            breach.problem,
            breach.found,
            breach.expected,
            line=breach.line,
            severity=Severity.WARNING,
        )


@PERFORMANCE.rule("sample_count", official(_SOURCE + "performance_sample_count_check"))
def sample_count(log: Log) -> Iterator[Breach]:
    """Enough different samples were held in memory."""
    sound = _sound(log)
    if sound is None:
        return
    detail, benchmark = sound
    key = "effective_performance_sample_count"
    found, least = detail.integer(key), benchmark.performance_sample_count
    if found is None or found < least:
        breach = _at(
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
    sound = _sound(log)
    for name, expected in log.result.rules.seeds.items() if sound else ():
        found = sound[0].integer(f"effective_{name}") if sound else None
        if sound and found != expected:
            problem = f"{name} is not that of {log.result.rules.name}"
            fix = f"mlperf-bake build {log.result.model.name} && {run_again(log.result, 'performance')}"
            yield _at(sound[0], f"effective_{name}", problem, found, str(expected), fix)


@PERFORMANCE.rule("early_stopping", official(_SOURCE + "latency_check"))
def early_stopping(log: Log) -> Iterator[Breach]:
    """Streams and Server ran long enough for a percentile with confidence."""
    sound = _sound(log)
    if sound is None or sound[0].scenario not in log.result.rules.tree.early_stopping_scenarios:
        return
    detail = sound[0]
    if detail.complete and detail.flag("early_stopping_met") is not True:
        said = (detail.text("early_stopping_result") or "nothing").strip().replace("\n", " ")
        yield _at(
            detail,
            "early_stopping_met",
            "the early-stopping condition is not met",
            said,
            "true",
            run_again(log.result, "performance", "--duration", str(_least_s(log))),
        )


@PERFORMANCE.rule("latency", official(_SOURCE + "latency_check"))
def latency(log: Log) -> Iterator[Breach]:
    """The target latency is within the benchmark's limit."""
    sound = _sound(log)
    if sound is None or log.result.scenario is None:
        return
    detail, benchmark = sound
    limits = benchmark.latency_limit_ns
    if log.result.scenario == "Interactive":
        key, limit = "result_99.00_percentile_latency_ns", limits.get("Interactive")
    else:
        key, limit = "effective_target_latency_ns", limits.get(detail.scenario or "")
    found = detail.number(key)
    if limit is not None and (found is None or found > limit):
        yield _at(
            detail,
            key,
            "the latency is above the limit",
            found,
            f"at most {limit} ns",
            run_again(log.result, "performance"),
        )


@PERFORMANCE.rule("tokens", official(_SOURCE + "llm_check"))
def tokens(log: Log) -> Iterator[Breach]:
    """Token benchmarks measure token latencies, and keep their limits."""
    sound = _sound(log)
    if sound is None or log.result.scenario is None or not sound[1].token_latency_limit_ns:
        return
    detail, benchmark = sound
    if detail.flag("requested_use_token_latencies") is not True:
        key = "requested_use_token_latencies"
        yield _at(detail, key, "token latencies were not measured", detail.flag(key), "true")
    limits = benchmark.token_latency_limit_ns.get(log.result.scenario)
    if limits is None:
        return
    pairs = (
        ("result_first_token_99.00_percentile_latency_ns", "time to first token", limits.ttft_ns),
        ("result_time_per_output_token_99.00_percentile_ns", "time per output token", limits.tpot_ns),
    )
    for key, what, limit in pairs:
        found = detail.number(key)
        if found is None or found >= limit:
            yield _at(detail, key, f"the {what} is above the limit", found, f"below {limit} ns")


@PERFORMANCE.rule("duration", official(_SOURCE + "min_duration_check"))
def duration(log: Log) -> Iterator[Breach]:
    """The run lasted at least as long as the round demands."""
    sound = _sound(log)
    if sound is None:
        return
    detail, benchmark = sound
    key, least = "effective_min_duration_ms", log.result.rules.minimum_duration_ms(benchmark)
    found = detail.number(key)
    if found is None or found < least:
        fix = run_again(log.result, "performance", "--duration", str(least // 1000))
        shown = None if found is None else f"{found:g} ms"
        yield _demonstration(
            log, _at(detail, key, "the run is too short", shown, f"at least {least} ms", fix)
        )


@PERFORMANCE.rule("queries", official(_SOURCE + "min_query_count_check"))
def queries(log: Log) -> Iterator[Breach]:
    """Offline issues enough queries and, in the closed division, enough samples in one."""
    sound = _sound(log)
    if sound is None or sound[0].scenario != "Offline":
        return
    detail, benchmark = sound
    key, least = "effective_min_query_count", benchmark.min_queries.get("Offline", 0)
    found = detail.integer(key)
    if found is None or found < least:
        yield _at(detail, key, "too few queries", found, f"at least {least}")
    key, samples = "effective_samples_per_query", benchmark.offline_min_samples_per_query
    found = detail.integer(key)
    if log.result.division == "closed" and samples is not None and (found is None or found < samples):
        breach = _at(
            detail,
            key,
            "the Offline query is too small",
            found,
            f"at least {samples} samples",
            run_again(log.result, "performance", "--min-queries", str(samples)),
        )
        yield _demonstration(log, breach)


@PERFORMANCE.rule("result", official(_SOURCE + "get_performance_metric_check"))
def result(log: Log) -> Iterator[Breach]:
    """The log holds the figure that is the result of its scenario."""
    sound = _sound(log)
    if sound is None or not sound[0].complete or sound[0].scenario not in log.result.rules.result_fields:
        return
    detail, benchmark = sound
    field = log.result.rules.result_field(benchmark, detail.scenario or "")
    if not detail.number(field):
        yield _at(
            detail,
            field,
            f"the log holds no {field}",
            detail.number(field),
            "a number above 0",
            run_again(log.result, "performance"),
        )


@PERFORMANCE.rule("network", official(_SOURCE + "network_check"))
def network(log: Log) -> Iterator[Breach]:
    """A system reached over a network says so in its name."""
    sound = _sound(log)
    needed = log.result.rules.tree.network_sut_name
    if sound and log.result.system.network and needed not in (sound[0].text("sut_name") or ""):
        found = sound[0].text("sut_name")
        yield _at(
            sound[0],
            "sut_name",
            "the system under test is not named as one",
            found,
            f'"{needed}" in its name',
        )
