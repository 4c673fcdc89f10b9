"""What people say of a system, written into a tree: its description, and measurements.json of its results.

``collect`` describes every system that it adds results of; ``describe`` does the same for a system that is in the tree
already, from what the user has filled in since.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.manifest import Manifest, read_manifest
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.rounds import Round
from mlperf_bake.submission.replacement import replacing
from mlperf_bake.submission.system import (
    Described,
    describe_measurements,
    describe_system,
    machine,
    slug,
    system_file_text,
)

MEASUREMENTS: Final = "measurements.json"

Declared = Callable[[Manifest], Mapping[str, str]]
"""What is declared of the weights of a run: values for measurements.json."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Values a system's results still need, and the file to give them in."""

    system: str
    keys: tuple[str, ...]
    file: Path


def describe(
    out: Path,
    rules: Round,
    submitter: str,
    system: str | None,
    given: Mapping[str, str],
    declared: Declared,
    waiting: Callable[[], None] | None = None,
) -> tuple[Unknown, ...]:
    """Describes a system of the tree anew; its results and every other system stay as they are.

    Args:
        out: the tree.
        submitter: whose system.
        system: its name; None: the only one there is.
        given: what the user says (``read_system_file``).
        declared: as in ``CollectOptions``.

    Returns:
        What nobody has said yet, for each division that the system is in.

    Raises:
        UsageError: no such system, or several and none was named.
    """
    places = [
        path
        for division in rules.tree.divisions
        for path in sorted((out / division / submitter / "results").glob("*"))
        if path.is_dir() and system in (None, path.name)
    ]
    names = sorted({path.name for path in places})
    if len(names) != 1:
        raise UsageError(
            "the tree holds several systems" if names else "the tree holds no such system",
            where=str(out),
            found=", ".join(names) or f"no results of {system or 'any system'} by {submitter}",
            expected="one, to be described" if names else None,
            remedy="name one with --system NAME" if names else f"mlperf-bake check {out}",
        )
    unknown: list[Unknown] = []
    with replacing(out, waiting) as tree:
        for place in places:
            division = place.parent.parent.parent.name
            below = tree / division / submitter
            missing = [
                key
                for path in sorted((below / "results" / names[0]).glob(f"*/*/performance/run_1/{MANIFEST}"))
                for key in write_measurements(
                    path.parent.parent.parent, read_manifest(path), rules, given, declared
                )
            ]
            unknown += write_system(below, names[0], rules, given, out, missing)
    return tuple(unknown)


def write_measurements(
    result: Path,
    manifest: Manifest,
    rules: Round,
    given: Mapping[str, str],
    declared: Declared,
    earlier: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """measurements.json of a result; gives the keys that nobody has said.

    Args:
        result: directory of the result.
        manifest: of its performance run.
        earlier: what the file said; None: what it says.
    """
    file = result / MEASUREMENTS
    known = earlier_values(file) if earlier is None else earlier
    described = describe_measurements(manifest, rules, given, known, declared(manifest))
    write_json(file, described.values)
    return described.unknown


def write_system(
    submitter: Path, system: str, rules: Round, given: Mapping[str, str], out: Path, missing: Sequence[str]
) -> tuple[Unknown, ...]:
    """systems/<system>.json, from the manifests of its results in the tree.

    Args:
        submitter: directory in the tree.
        out: the tree as the user knows it; the file to fill in lies beside it.
        missing: keys of measurements.json that nobody has said.
    """
    path = submitter / "systems" / f"{system}.json"
    path.parent.mkdir(exist_ok=True)
    manifests = manifests_below(submitter, system)
    _check_machine(system, manifests)
    fixed = {**given, "division": submitter.parent.name, "submitter": submitter.name}
    described = describe_system(system, manifests, rules, fixed, earlier_values(path))
    write_json(path, described.values)
    needed = tuple(dict.fromkeys((*described.unknown, *missing)))
    if not needed:
        return ()
    return (Unknown(system, needed, _file_to_fill(out, submitter.name, system, needed, described)),)


def manifests_below(submitter: Path, system: str = "*") -> tuple[Manifest, ...]:
    """The manifests of all results in a submitter's part of the tree, or of one system's."""
    pattern = f"results/{system}/*/*/*/**/{MANIFEST}"
    return tuple(read_manifest(path) for path in sorted(submitter.glob(pattern)))


def earlier_values(path: Path) -> dict[str, str]:
    """The text values of a JSON file of an earlier collect; empty if there is none or it is no such file."""
    if not path.exists():
        return {}
    data = strict_json.read(path)
    return (
        {key: value for key, value in data.items() if isinstance(value, str)}
        if isinstance(data, dict)
        else {}
    )


def write_json(path: Path, values: Mapping[str, str]) -> None:
    """A JSON file of the tree, one key a line."""
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def file_to_fill(out: Path, system: str) -> Path:
    """Where the file lies in which the user says what is unknown of a system: beside the tree."""
    return out.parent / f"{out.name or 'tree'}.{slug(system) or 'system'}.yaml"


def describing_command(out: Path, submitter: str, system: str) -> list[str]:
    """What to type when that file is filled in."""
    return [
        *("mlperf-bake", "collect", "--out", str(out), "--submitter", submitter, "--system", system),
        *("--system-file", str(file_to_fill(out, system))),
    ]


def _file_to_fill(
    out: Path, submitter: str, system: str, needed: Sequence[str], described: Described
) -> Path:
    """Writes that file; one that is there is left alone."""
    path = file_to_fill(out, system)
    if not path.exists():
        command = describing_command(out, submitter, system)
        path.write_text(system_file_text(system, needed, described.values, command), encoding="utf-8")
    return path


def _check_machine(system: str, manifests: Sequence[Manifest]) -> None:
    """Refuses one system's name for runs of different machines."""
    for manifest in manifests[1:]:
        if machine(manifests[0].host) != machine(manifest.host):
            raise UsageError(
                f'the system "{system}" would be two different machines',
                found=f"{manifests[0].run_id} and {manifest.run_id} ran on different hosts",
                remedy="collect each machine's results by themselves, with --system NAME",
            )
