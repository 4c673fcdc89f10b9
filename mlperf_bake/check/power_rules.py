"""Rules on an official power measurement, where a result has one (``performance/power/``).

What the analyser's own program logged, and whether the power client and server were untouched, the Power working
group's ``power_checker.py`` judges; ``check --official`` runs it, and a note says so.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlperf_bake.check.opened import Opened
from mlperf_bake.check.power_log import Draw, Session, read_draw, read_session, window_of
from mlperf_bake.check.rule import Breach, Severity, Table, official
from mlperf_bake.check.tree import Result
from mlperf_bake.results.headline import MULTISTREAM_SAMPLES, Headline
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.run import DETAIL, SUMMARY
from mlperf_bake.unreadable import unreadable

POWER: Final[Table[Result]] = Table("power")

SAMPLES: Final = "spl.txt"
_SOURCE: Final = "checks/power_check.py "
_CHECKER: Final = "checks/power/power_checker.py "
_RUN_FILES: Final = frozenset({SUMMARY, DETAIL, SAMPLES})
_POWER_FILES: Final = frozenset({"client.json", "client.log", "ptd_logs.txt", "server.json", "server.log"})
_OPTIONAL: Final = frozenset(
    {"mlperf_log_accuracy.json", "mlperf_log_trace.json", "results.json", ".gitkeep"}
)
_HASHED: Final = (
    *(f"power/{name}" for name in ("client.log", "ptd_logs.txt", "server.log")),
    *(f"{run}/{name}" for run in ("ranging", "run_1") for name in sorted(_RUN_FILES)),
)
_APART_S: Final = 0.8
_SUMMER_S: Final = 3600
"""The official checker allows for one hour between LoadGen's clock and the session's."""
_LEAST_SHARE: Final = 0.95


def measured(result: Result) -> bool:
    """Whether the result has a power measurement."""
    return result.inventory.is_directory(_place(result))


def power(result: Result) -> Headline | None:
    """The power figure: watts, or millijoules a stream's query; None without a measurement that can be read."""
    draw, detail = _draw(result, "run_1").value if measured(result) else None, result.performance.detail.value
    window = window_of(detail) if detail else None
    if draw is None or detail is None or window is None or not draw.samples:
        return None
    if result.scenario not in ("SingleStream", "MultiStream"):
        return Headline("power", draw.watts, "W")
    queries = detail.integer("result_query_count")
    inferred = (detail.scenario, result.scenario) == ("SingleStream", "MultiStream")
    scale = MULTISTREAM_SAMPLES if inferred else 1
    millijoules = draw.watts * window.duration.total_seconds() * 1000 * scale
    return Headline("power", millijoules / queries, "mJ/query") if queries else None


def _place(result: Result) -> Path:
    return result.path / "performance" / "power"


def _draw(result: Result, run: str) -> Opened[Draw]:
    """What was drawn in one of the two runs."""
    directory = result.path / "performance" / run
    detail = result.tree.read(directory / DETAIL, read_detail).value
    window = window_of(detail) if detail else None
    if window is None:
        return Opened(directory / SAMPLES, None)
    return result.tree.read(directory / SAMPLES, lambda path: read_draw(path, window))


def _session(result: Result, side: str) -> Opened[Session]:
    return result.tree.read(_place(result) / f"{side}.json", read_session)


@POWER.rule("files", official(_SOURCE + "required_files_check"))
def files(result: Result) -> Iterator[Breach]:
    """Both runs and the session hold their files and nothing else."""
    directory = result.path / "performance"
    places = (("run_1", _RUN_FILES), ("ranging", _RUN_FILES), ("power", _POWER_FILES))
    for name, wanted in places if measured(result) else ():
        there = set(result.inventory.files(directory / name)) - _OPTIONAL
        if there != wanted:
            yield Breach(
                directory / name,
                "a power measurement has other files than it must",
                found=", ".join(sorted(there)) or "nothing",
                expected=", ".join(sorted(wanted)),
            )


@POWER.rule("window", official(_SOURCE + "get_power_metric_check"))
def window(result: Result) -> Iterator[Breach]:
    """LoadGen logged when power was to be measured, and the analyser measured then."""
    for run in ("ranging", "run_1") if measured(result) else ():
        directory = result.path / "performance" / run
        detail = result.tree.read(directory / DETAIL, read_detail).value
        draw = _draw(result, run)
        if detail is not None and window_of(detail) is None:
            begin, end = detail.text("power_begin"), detail.text("power_end")
            yield Breach(
                detail.path,
                "the log does not say when power was measured",
                found=f"power_begin {begin}, power_end {end}",
                expected="two times in order",
                line=detail.line("power_begin"),
            )
        elif draw.error:
            yield Breach(draw.path, draw.error.problem, draw.error.found or "", draw.error.expected or "")
        elif draw.value is not None and not draw.value.samples:
            yield Breach(
                draw.path,
                "the analyser measured nothing while the run lasted",
                found="no sample above 0 W between power_begin and power_end",
                expected="samples of the whole run",
            )


@POWER.rule("ranging", official(_CHECKER + "phases_check"))
def ranging(result: Result) -> Iterator[Breach]:
    """The measured run draws at least 95 % of what the ranging run drew."""
    if not measured(result):
        return
    first, second = _draw(result, "ranging").value, _draw(result, "run_1").value
    if first and second and first.samples and second.samples and second.watts <= _LEAST_SHARE * first.watts:
        yield Breach(
            result.path / "performance" / "run_1" / SAMPLES,
            "the measured run draws less than the ranging run",
            found=f"{second.watts:.2f} W after {first.watts:.2f} W",
            expected=f"more than {_LEAST_SHARE:.0%} of it",
        )


@POWER.rule("session", official(_CHECKER + "session_name_check, uuid_check, messages_check"))
def session(result: Result) -> Iterator[Breach]:
    """Client and server tell of one session."""
    if not measured(result):
        return
    sides = [_session(result, side) for side in ("client", "server")]
    for side in sides:
        if side.error:
            yield Breach(side.path, side.error.problem, side.error.found or "", side.error.expected or "")
    client, server = (side.value for side in sides)
    if client is None or server is None:
        return
    pairs: tuple[tuple[str, object, object], ...] = (
        ("session_name", client.name, server.name),
        ("uuid", client.uuids, server.uuids),
        ("messages", client.commands, server.commands),
    )
    for key, one, other in pairs:
        if one != other:
            yield Breach(
                sides[1].path,
                f"client and server disagree on {key}",
                found=str(other)[:200],
                expected=str(one)[:200],
            )


@POWER.rule("debug", official(_CHECKER + "debug_check"))
def debug(result: Result) -> Iterator[Breach]:
    """The power server did not run for debugging."""
    server = _session(result, "server").value if measured(result) else None
    if server and server.debug:
        yield Breach(
            _place(result) / "server.json",
            "the power server ran in debug mode",
            found="debug true",
            expected="debug false",
            fix="measure again without the server's debug option",
        )


@POWER.rule("results", official(_CHECKER + "results_check"))
def results(result: Result) -> Iterator[Breach]:
    """The files are those that the session recorded."""
    sides = [_session(result, side).value for side in ("client", "server")] if measured(result) else []
    recorded = {name: value for side in sides if side for name, value in side.results.items()}
    for name in _HASHED if recorded else ():
        path = result.path / "performance" / name
        own = result.tree.read(path, _sha1).value
        if own is not None and own != recorded.get(name):
            yield Breach(
                path,
                "the file is not the one that the power session recorded",
                found=f"SHA-1 {own}",
                expected=recorded.get(name, "a file that the session recorded"),
                fix="copy it from the session's directory again",
            )


def _sha1(path: Path) -> str:
    """The SHA-1 of a file, as power sessions record it."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise unreadable("the file cannot be read", path, error) from error


@POWER.rule("phases", official(_CHECKER + "phases_check"))
def phases(result: Result) -> Iterator[Breach]:
    """Client and server went through the same steps at the same times, and the runs lie between them."""
    client, server = (_session(result, side).value for side in ("client", "server"))
    if not measured(result) or client is None or server is None:
        return
    for mode, run in (("ranging", "ranging"), ("testing", "run_1")):
        one, other = client.phases[mode], server.phases[mode]
        together = len(one) == len(other) >= 3
        if not together or any(abs(a - b) > _APART_S for a, b in zip(one, other, strict=False)):
            yield Breach(
                _place(result) / "server.json",
                f"the steps of {mode} are not those of the client",
                found=str(other)[:200],
                expected=f"{str(one)[:200]}, {_APART_S} s apart at most",
            )
            continue
        detail = result.tree.read(result.path / "performance" / run / DETAIL, read_detail).value
        times = window_of(detail) if detail else None
        moments = (times.begin.timestamp(), times.end.timestamp()) if times else ()
        if detail and not all(one[1] < at < one[2] or one[1] < at - _SUMMER_S < one[2] for at in moments):
            yield Breach(
                detail.path,
                f"the run is not within the {mode} step of the power session",
                found=f"{moments}",
                expected=f"between {one[1]} and {one[2]}",
                line=detail.line("power_begin"),
            )


@POWER.rule("elsewhere", official(_CHECKER + "check_ptd_logs, ptd_messages_check, sources_check"))
def elsewhere(result: Result) -> Iterator[Breach]:
    """What the analyser's program logged is judged by the Power working group's checker."""
    if measured(result):
        yield Breach(
            _place(result),
            "the analyser's log and the programs' checksums are not judged here",
            expected="the Power working group's power_checker.py to pass",
            fix="mlperf-bake check --official CHECKOUT, with a checkout of mlcommons/inference, runs it",
            severity=Severity.NOTE,
        )
