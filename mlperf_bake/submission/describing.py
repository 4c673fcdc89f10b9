"""What people say of a system, written into a tree: its description, and measurements.json of its results.

``collect`` describes every system that it adds results of; ``describe`` does the same for a system that is in the tree
already, from what the user has filled in since.
"""

import glob
import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.manifest import Manifest, read_manifest
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.results.written import replace_text
from mlperf_bake.rounds import DEFAULT_ROUND, Round
from mlperf_bake.submission.layout import Owner, ResultPaths, result_paths
from mlperf_bake.submission.power import manifest_of
from mlperf_bake.submission.replacement import replacing
from mlperf_bake.submission.selection import ResultKey
from mlperf_bake.submission.system import (
    Described,
    complete_system,
    describe_measurements,
    describe_system,
    machine,
    measurement,
    slug,
    system_file_text,
)

_LONGEST: Final = 80
_PLAIN: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_+-]{{0,{_LONGEST - 1}}}")
"""Names that the file is named after as they are; a dot parts the names, so none is in them."""

Missing = dict[str, list[str]]
"""Model to the keys of its measurements.json that nobody has said."""

Declared = Callable[[Manifest], Mapping[str, str]]
"""What is declared of the weights of a run: values for measurements.json."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Values a system's results still need, and the file to give them in."""

    submitter: str
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
            remedy="name one with --system NAME" if names else f"mlperf-bake check {shlex.quote(str(out))}",
        )
    unknown: list[Unknown] = []
    with replacing(out, waiting) as tree:
        for place in places:
            owner = Owner(place.parent.parent.parent.name, submitter)
            missing: Missing = {}
            for result in sorted((owner.path(tree) / "results" / names[0]).glob("*/*")):
                if result.is_dir():
                    key = ResultKey(names[0], result.parent.name, result.name)
                    paths = result_paths(tree, rules, owner, key)
                    missing.setdefault(key.model, []).extend(
                        _describe_result(paths, key, rules, given, declared)
                    )
            unknown += write_system(tree, owner, names[0], rules, given, out, missing)
    return tuple(unknown)


def _describe_result(
    paths: ResultPaths, key: ResultKey, rules: Round, given: Mapping[str, str], declared: Declared
) -> tuple[str, ...]:
    """The measurements' JSON of a result in the tree, written anew; gives the keys that nobody has said."""
    manifest = manifest_of(paths.results / "performance")
    if manifest.is_file():
        return write_measurements(paths.measurements_json, read_manifest(manifest), rules, given, declared)
    return write_foreign_measurements(paths, key.model, known_values(paths.measurements_json), rules, given)


def write_measurements(
    file: Path,
    manifest: Manifest,
    rules: Round,
    given: Mapping[str, str],
    declared: Declared,
    earlier: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The measurements' JSON of a result; gives the keys that nobody has said.

    Args:
        file: where it belongs.
        manifest: of its performance run.
        earlier: what the file said; None: what it says.
    """
    known = earlier_values(file) if earlier is None else earlier
    described = describe_measurements(manifest, rules, given, known, declared(manifest))
    write_json(file, described.values)
    return described.unknown


def write_foreign_measurements(
    paths: ResultPaths, model: str, known: Mapping[str, object], rules: Round, given: Mapping[str, str]
) -> tuple[str, ...]:
    """The same for a result without manifest: what others wrote (``known``), and what the user gives."""
    values: dict[str, object] = dict(known)
    for key in rules.tree.measurement_keys:
        values[key] = measurement(given, model, key) or values.get(key) or ""
    paths.measurements.mkdir(parents=True, exist_ok=True)
    write_json(paths.measurements_json, values)
    return tuple(key for key in rules.tree.measurement_keys if not values[key])


def write_system(
    tree: Path,
    owner: Owner,
    system: str,
    rules: Round,
    given: Mapping[str, str],
    out: Path,
    missing: Missing,
    known: Mapping[str, object] | None = None,
) -> tuple[Unknown, ...]:
    """systems/<system>.json, from the manifests of its results in the tree; without any, from what others wrote.

    Args:
        out: the tree as the user knows it; the file to fill in lies beside it.
        missing: by model, keys of measurements.json that nobody has said.
        known: what others wrote; comes before what the file in the tree says.
    """
    submitter = owner.path(tree)
    path = submitter / "systems" / f"{system}.json"
    path.parent.mkdir(exist_ok=True)
    manifests = manifests_below(submitter, system)
    _check_machine(system, manifests)
    fixed = {**given, "division": owner.division, "submitter": owner.submitter}
    earlier = {
        **known_values(path),
        **{key: value for key, value in (known or {}).items() if value not in (None, "")},
    }
    if manifests:
        texts = {key: value for key, value in earlier.items() if isinstance(value, str)}
        described = describe_system(system, manifests, rules, fixed, texts)
    else:
        described = complete_system({"system_name": system, **earlier}, rules, fixed)
    write_json(path, described.values)
    needed = tuple(dict.fromkeys((*described.unknown, *_asked(missing))))
    if not needed:
        return ()
    command = describing_command(out, owner.submitter, system, rules.name)
    file = file_to_fill(out, owner.submitter, system)
    _write_file_to_fill(file, system, needed, described, command)
    return (Unknown(owner.submitter, system, needed, file),)


def _asked(missing: Missing) -> tuple[str, ...]:
    """The keys as they are asked for: ``MODEL/KEY`` where the system has results of several models."""
    named = len(missing) > 1
    return tuple(f"{model}/{key}" if named else key for model, keys in missing.items() for key in keys)


def manifests_below(submitter: Path, system: str = "*") -> tuple[Manifest, ...]:
    """The manifests of all results in a submitter's part of the tree, or of one system's."""
    name = system if system == "*" else glob.escape(system)
    pattern = f"results/{name}/*/*/*/**/{MANIFEST}"
    return tuple(read_manifest(path) for path in sorted(submitter.glob(pattern)))


def earlier_values(path: Path) -> dict[str, str]:
    """The text values of a JSON file of an earlier collect; empty if there is none or it is no such file."""
    return {key: value for key, value in known_values(path).items() if isinstance(value, str)}


def known_values(path: Path) -> dict[str, object]:
    """All values of such a file."""
    data = strict_json.read(path) if path.exists() else None
    return data if isinstance(data, dict) else {}


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """A JSON file of the tree, one key a line."""
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def file_to_fill(out: Path, submitter: str, system: str) -> Path:
    """Where the file lies in which the user says what is unknown of a submitter's system: beside the tree.

    Each has a file of its own: names that cannot stand in it as they are are told apart by a part of their hash.
    """
    return out.parent / f"{out.name or 'tree'}.{_name(submitter)}.{_name(system)}.yaml"


def _name(name: str) -> str:
    if _PLAIN.fullmatch(name):
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{slug(name)[:_LONGEST] or 'system'}-{mark}"


def describing_command(out: Path, submitter: str, system: str, round_name: str = DEFAULT_ROUND) -> list[str]:
    """What to type when that file is filled in."""
    return [
        *("mlperf-bake", "collect", "--out", str(out), "--submitter", submitter, "--system", system),
        *("--system-file", str(file_to_fill(out, submitter, system))),
        *(() if round_name == DEFAULT_ROUND else ("--round", round_name)),
    ]


def _write_file_to_fill(
    path: Path, system: str, needed: Sequence[str], described: Described, command: Sequence[str]
) -> None:
    """Writes that file; one that is there is left alone, if anything is in it."""
    if not path.exists() or path.stat().st_size == 0:
        replace_text(path, system_file_text(system, needed, described.values, command))


def _check_machine(system: str, manifests: Sequence[Manifest]) -> None:
    """Refuses one system's name for runs of different machines."""
    for manifest in manifests[1:]:
        if machine(manifests[0].host) != machine(manifest.host):
            raise UsageError(
                f'the system "{system}" would be two different machines',
                found=f"{manifests[0].run_id} and {manifest.run_id} ran on different hosts",
                remedy="collect each machine's results by themselves, with --system NAME",
            )
