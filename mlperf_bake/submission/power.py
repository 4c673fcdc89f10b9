"""A power measurement beside a performance run, as the official client and server of mlcommons/power-dev leave it.

``performance/power`` holds what client and server say of the session, ``performance/ranging`` the first run, which sets the
analyser's ranges, and ``run_1/spl.txt`` the analyser's samples during the run itself. Read here is what can be told
without the analyser: that the files are there and are those of one session, that none was changed since (client.json and
server.json hold their SHA-1), and the average power while LoadGen measured. Formats: power-dev at c4b3ad82,
ptd_client_server/lib and compliance/check.py.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.run import DETAIL, RANGING, SUMMARY

POWER: Final = "power"
RUN: Final = "run_1"
SAMPLES: Final = "spl.txt"
SESSION_FILES: Final = ("client.json", "client.log", "ptd_logs.txt", "server.json", "server.log")
RANGING_FILES: Final = (DETAIL, SUMMARY, SAMPLES)
_TIME: Final = "%m-%d-%Y %H:%M:%S.%f"
_STAMP = re.compile(rb"power_(begin|end)\D*?(\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2}\.\d+)", re.IGNORECASE)
_WATTS: Final = 3
"""Column of an analyser's sample that holds watts; column 1 is the time."""


@dataclass(frozen=True, slots=True)
class PowerMeasurement:
    """What the files tell.

    Attributes:
        faults: why they are no measurement of this run; empty for a sound one.
        watts: average of the samples taken while LoadGen measured; None where there is none.
        samples: how many that are.
    """

    faults: tuple[str, ...]
    watts: float | None
    samples: int


def is_measured(performance: Path) -> bool:
    """Whether a result's ``performance/`` holds anything of a power measurement."""
    return (
        (performance / POWER).exists()
        or (performance / RANGING).exists()
        or (performance / RUN / SAMPLES).exists()
    )


def read_power(performance: Path) -> PowerMeasurement:
    """The power measurement in a result's ``performance/``."""
    faults = list(_missing(performance))
    if not faults:
        faults += _session_faults(performance)
    watts = tuple(_watts(performance / RUN)) if not faults else ()
    if not faults and not watts:
        faults.append(f"{RUN}/{SAMPLES} holds no sample from the time in which LoadGen measured")
    return PowerMeasurement(tuple(faults), sum(watts) / len(watts) if watts else None, len(watts))


def _missing(performance: Path) -> Iterator[str]:
    wanted = [f"{POWER}/{name}" for name in SESSION_FILES]
    wanted += [f"{RANGING}/{name}" for name in RANGING_FILES]
    wanted += [f"{RUN}/{name}" for name in (DETAIL, SUMMARY, SAMPLES)]
    for name in wanted:
        path = performance / name
        if not path.is_file() or path.stat().st_size == 0:
            yield f"{name} of the power measurement is missing or empty"


def _session_faults(performance: Path) -> Iterator[str]:
    """Client and server must speak of one session, and of these very files."""
    try:
        client, server = (_mapping(performance / POWER / name) for name in ("client.json", "server.json"))
    except UsageError as error:
        yield f"{POWER}/{Path(error.where or '').name.partition(':')[0]}: {error.problem}"
        return
    for key in ("uuid", "session_name"):
        if key not in client or client.get(key) != server.get(key):
            yield f"client.json and server.json have different {key}s: two measurements"
    for side, values in (("client.json", client), ("server.json", server)):
        results = values.get("results")
        if not isinstance(results, dict):
            yield f"{side} names no files with their hashes"
            continue
        for name, said in sorted(results.items()):
            if name.startswith((f"{RUN}/", f"{RANGING}/")) and not _is(performance, name, said):
                yield f"{name} is not the file that {side} was written for"


def _is(performance: Path, name: str, said: object) -> bool:
    """Whether a file of the session has the hash that was written down; names that lead elsewhere have none."""
    path = performance / name
    if ".." in Path(name).parts or not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest() == said


def _mapping(path: Path) -> Mapping[str, object]:
    data = strict_json.read(path)
    if not isinstance(data, dict):
        raise UsageError("not a mapping", where=str(path))
    return data


def _watts(run: Path) -> Iterator[float]:
    """The analyser's positive readings between LoadGen's power_begin and power_end."""
    times = dict(_marks(run / DETAIL))
    begin, end = times.get("begin"), times.get("end")
    if begin is None or end is None:
        return
    with (run / SAMPLES).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.split(",")
            if fields[0] != "Time" or len(fields) <= _WATTS:
                continue
            time, watts = _moment(fields[1]), _number(fields[_WATTS])
            if time is not None and begin < time < end and watts is not None and watts > 0:
                yield watts


def _marks(log: Path) -> Iterator[tuple[str, datetime]]:
    with log.open("rb") as file:
        for line in file:
            match = _STAMP.search(line)
            time = _moment(match.group(2).decode()) if match else None
            if match and time is not None:
                yield match.group(1).decode().lower(), time


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value < float("inf") else None
