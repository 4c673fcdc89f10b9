"""A power measurement as the official power client leaves it, beside a result of a synthetic tree.

The lines are the tests' own; no analyser wrote them.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.synthetic_runs import log_line

FORMAT = "%m-%d-%Y %H:%M:%S.%f"
START = datetime(2026, 11, 22, 9, 15, 0, 500_000, UTC)
SECONDS = 10


def samples(begin: datetime, watts: float) -> str:
    """``spl.txt``: a sample a second from before the window till after it."""
    times = (begin + timedelta(seconds=second) for second in range(-2, SECONDS + 3))
    return "".join(
        f"Time,{time.strftime(FORMAT)[:-3]},Watts,{watts:.3f},Volts,230.1,Amps,0.5,PF,0.98,Mark,x\n"
        for time in times
    )


def add_power(result: Path, watts: float = 100.0, ranging_watts: float = 100.0) -> None:
    """Gives a result a measurement: ``ranging`` an hour before ``run_1``."""
    performance = result / "performance"
    (performance / "run_1" / "manifest.json").replace(performance / "manifest.json")
    steps: dict[str, list[list[float]]] = {}
    for mode, run, begin, drawn in (
        ("ranging", "ranging", START - timedelta(hours=2), ranging_watts),
        ("testing", "run_1", START, watts),
    ):
        directory = performance / run
        directory.mkdir(exist_ok=True)
        end = begin + timedelta(seconds=SECONDS)
        detail = (performance / "run_1" / "mlperf_log_detail.txt").read_text(encoding="utf-8")
        lines = [line for line in detail.splitlines(keepends=True) if '"power_' not in line]
        for key, time in (("power_begin", begin), ("power_end", end)):
            lines.insert(-1, log_line(key, time.strftime(FORMAT)[:-3]))
        (directory / "mlperf_log_detail.txt").write_text("".join(lines), encoding="utf-8")
        summary = (performance / "run_1" / "mlperf_log_summary.txt").read_bytes()
        (directory / "mlperf_log_summary.txt").write_bytes(summary)
        (directory / "spl.txt").write_text(samples(begin, drawn), encoding="utf-8")
        first = begin.timestamp()
        steps[mode] = [[first - 5], [first - 1], [first + SECONDS + 1], [first + SECONDS + 5]]
    power = performance / "power"
    power.mkdir()
    for name in ("client.log", "ptd_logs.txt", "server.log"):
        (power / name).write_text(f"{name}\n", encoding="utf-8")
    hashes = {
        path.relative_to(performance).as_posix(): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in sorted(performance.rglob("*.txt")) + sorted(performance.rglob("*.log"))
    }
    for side in ("client", "server"):
        session = {
            "version": 1,
            "timezone": 0,
            "modules": {},
            "sources": {},
            "messages": [{"cmd": "mlcommons/power client v3", "reply": "mlcommons/power server v3"}],
            "uuid": {"client": "c" * 32, "server": "d" * 32},
            "session_name": "2026-11-22_09-15-00",
            "results": hashes,
            "phases": steps,
        }
        (power / f"{side}.json").write_text(json.dumps(session), encoding="utf-8")
