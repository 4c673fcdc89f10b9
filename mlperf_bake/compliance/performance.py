"""The score of a test's run beside the score of the result's performance run: verify_performance.txt of TEST01, TEST04, TEST05.

A score is what the round calls the result of the scenario: samples a second, or a latency in nanoseconds in the streams.
Three limits (data/audits.yaml) are understood, each a share of the reference:

- ``within``: the score lies that near, on both sides (TEST01);
- ``faster``: the run does not get done so much more in the same time (TEST04: "at most 10 % faster"). MLCommons' script
  compares queries a second there and so grants every stream the wider limit of short latencies, which its README does not:
  here the README counts;
- ``slower``: the score is not so much worse (TEST05).

``short`` takes their place in streams whose reference latency is at most 0.2 ms (MultiStream: 1.6 ms).
"""

from typing import Final

from mlperf_bake.compliance.deviations import audited
from mlperf_bake.compliance.evidence import Evidence
from mlperf_bake.results.loadgen_log import DetailLog

SHORT_NS: Final = {"SingleStream": 200_000, "MultiStream": 1_600_000}


def compare(evidence: Evidence) -> tuple[list[str], list[str]]:
    """Lines with the figures, and why the test does not pass (empty where it does).

    Raises:
        UsageError: a log that is missing or no detail log.
    """
    reference, test = evidence.details()
    faults = [*_unusable(reference, "performance run"), *_unusable(test, "run of the test")]
    faults += [f"the performance run was itself made by an audit: {key} is set" for key in audited(reference)]
    scenario = reference.scenario or ""
    if test.scenario != scenario:
        faults.append(f"the scenarios differ: {scenario or 'none'} and {test.scenario or 'none'}")
    if scenario == "Server" and _limit(test) != _limit(reference):
        faults.append(f"the latency limits differ: {_limit(reference):g} ns and {_limit(test):g} ns")
    if faults:
        return [], faults
    field = evidence.rules.result_field(evidence.benchmark, evidence.scenario)
    before, after = reference.number(field), test.number(field)
    if not before or not after or before < 0 or after < 0:
        shown = ("nothing" if value is None else f"{value:g}" for value in (before, after))
        return [], ["{} is {} in the performance run and {} in the test's".format(field, *shown)]
    lines = [f"Reference score = {before!r}", f"Test score = {after!r}"]
    return lines, _judge(before, after, scenario, evidence)


def _limit(detail: DetailLog) -> float:
    return detail.number("effective_target_latency_ns") or 0.0


def _unusable(detail: DetailLog, what: str) -> list[str]:
    if detail.problems:
        return [f"the log of the {what} is damaged: {detail.problems[0].text}"]
    if detail.mode not in ("performance", "submission"):
        return [f"the {what} is no performance run: {detail.mode or 'no mode is logged'}"]
    if detail.validity != "VALID":
        return [f"LoadGen calls the {what} {detail.validity or 'neither VALID nor INVALID'}"]
    return [f"LoadGen logged an error in the {what}: {detail.errors[0].text}"] if detail.errors else []


def _judge(before: float, after: float, scenario: str, evidence: Evidence) -> list[str]:
    stream = scenario in SHORT_NS
    limits = dict(evidence.audit.limits)
    if stream and before <= SHORT_NS[scenario]:
        limits |= {name: limits["short"] for name in ("within", "faster", "slower") if name in limits}
    share = after / before
    speed = 1 / share if stream else share
    reasons = []
    # Each limit is worked out as MLCommons' scripts do, on the reference's score: a score on the limit itself is judged alike.
    within = limits.get("within")
    if within is not None and not before * (1 - within) <= after <= before * (1 + within):
        reasons.append(
            f"the score is {_percent(share)} of the performance run's: more than {_percent(limits['within'])} off"
        )
    if "faster" in limits and not speed < 1 + limits["faster"]:
        reasons.append(f"the run is {_percent(speed - 1)} faster: {_percent(limits['faster'])} or more")
    if "slower" in limits and not (share < 1 + limits["slower"] if stream else share > 1 - limits["slower"]):
        reasons.append(
            f"the score is {_percent(share)} of the performance run's: {_percent(limits['slower'])} or more worse"
        )
    return reasons


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
