"""Tuned settings on disk, found again by cell, scenario, machine and the options they were tuned with.

``.mlperf-bake/tuned/<cell>/<scenario>-<key>.json``, where the key stands for the machine and the options, so that machines
that share a checkout keep one file each. The image's fingerprint is inside: a setting for another image is stale, and
whoever reads it is told so. A file is written whole or not at all.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.rounds.record import Record
from mlperf_bake.run.harness_options import options_in
from mlperf_bake.tune.machine import Machine
from mlperf_bake.tune.session import Tuned

SCHEMA = "mlperf-bake/tuned/1"
FOLDER = "tuned"

EXECUTION = frozenset({"workers", "threads", "batch"})
_CONDITIONS = frozenset({"backend", "backend-option", "precision", "pin", "batch-timeout-us"})
_SERVED_CONDITIONS = _CONDITIONS | {"target-latency-ms"}
"""In Server and Interactive that option is the limit that the rate must keep."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a setting holds for.

    Attributes:
        cell_id, scenario: of the runs.
        fingerprint: of the image.
        machine: it was tuned on.
        conditions: options of the harness that change how fast it is, in one order.
    """

    cell_id: str
    scenario: str
    fingerprint: str
    machine: Machine
    conditions: tuple[str, ...] = ()

    def path(self, state: Path) -> Path:
        """The file that a setting for them is kept in."""
        known = json.dumps([asdict(self.machine), self.conditions])
        key = hashlib.sha256(known.encode()).hexdigest()[:12]
        return folder(state, self.cell_id) / f"{self.scenario}-{key}.json"


@dataclass(frozen=True, slots=True)
class Stored:
    """A setting as it was read back.

    Attributes:
        path: its file.
        circumstances: it was tuned in.
        options: for the harness.
        made_at: UTC.
    """

    path: Path
    circumstances: Circumstances
    options: tuple[str, ...]
    made_at: str


def folder(state: Path, cell_id: str) -> Path:
    """Where the settings of a cell lie."""
    return state / FOLDER / cell_id


def conditions_of(words: Iterable[str], scenario: str) -> tuple[str, ...]:
    """Those of the harness's options that decide how fast it is and are not tuned, sorted by name."""
    counted = _SERVED_CONDITIONS if scenario in {"Server", "Interactive"} else _CONDITIONS
    chosen = sorted(
        (name, option[0].partition("=")[2] if "=" in option[0] and len(option) == 1 else option[-1])
        for name, option in options_in(words)
        if name in counted
    )
    return tuple(word for name, value in chosen for word in (f"--{name}", value))


def store(state: Path, circumstances: Circumstances, tuned: Tuned) -> Path:
    """Write the setting; returns its file.

    Raises:
        OSError: it cannot be written.
    """
    path = circumstances.path(state)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps(document(circumstances, tuned), indent=2) + "\n"
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def document(circumstances: Circumstances, tuned: Tuned) -> dict[str, object]:
    """Everything about a tuning as plain values."""
    gain = tuned.comparison.gain
    return {
        "schema": SCHEMA,
        "cell": circumstances.cell_id,
        "scenario": circumstances.scenario,
        "fingerprint": circumstances.fingerprint,
        "machine": asdict(circumstances.machine),
        "conditions": list(circumstances.conditions),
        "options": list(tuned.setting.options(tuned.scenario)),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "default": asdict(tuned.default),
        "confirmation": tuned.confirmation.as_json(),
        "gain": asdict(gain) if gain else None,
        "why_no_gain": tuned.comparison.why_none or None,
        "resolved": tuned.resolved,
        "trials": [trial.as_json() for trial in tuned.trials],
    }


def load(path: Path) -> Stored:
    """A stored setting.

    Raises:
        UsageError: unreadable, or not of this schema; says which key.
    """

    def refuse(at: tuple[str, ...], found: str, expected: str) -> NoReturn:
        raise UsageError(
            f"not a file of tuned settings: {'.'.join(at) or 'the whole file'}",
            where=str(path),
            found=found,
            expected=expected,
            remedy=f"remove it, or run with --untuned: rm {path}",
        )

    record = Record(strict_json.read(path), (), refuse)
    record.text("schema", among=(SCHEMA,))
    machine = record.record("machine")
    return Stored(
        path,
        Circumstances(
            record.text("cell"),
            record.text("scenario"),
            record.text("fingerprint"),
            Machine(machine.text("cpu_model"), machine.integer("cpus"), machine.text("cpuset")),
            record.texts("conditions"),
        ),
        record.texts("options"),
        record.text("made_at"),
    )


def kept(state: Path, cell_id: str, scenario: str) -> tuple[Path, ...]:
    """All settings of a cell in a scenario, whatever machine and options they are for."""
    return tuple(sorted(folder(state, cell_id).glob(f"{scenario}-*.json")))
