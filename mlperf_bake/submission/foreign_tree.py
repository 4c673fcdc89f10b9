"""Reads a whole submission tree of others, of any round's layout, into results that another tree can take.

Both layouts are read result by result: the files of results/, and of measurements/ and compliance/ where those lie
beside it. Nothing is judged here, ``check`` does that; left out is only what no tree of the round can hold, with the
reason.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.run import DETAIL, LeftOut
from mlperf_bake.rounds import Round
from mlperf_bake.submission.copied import Source, directories_in, files_below, files_in, refused_name
from mlperf_bake.submission.foreign import Area, ForeignResult, Part, other_round
from mlperf_bake.submission.layout import Owner
from mlperf_bake.submission.selection import ResultKey

MAPPING: Final = "model_mapping.json"
_TEST: Final = re.compile(r"TEST\d\d")
_SOURCES: Final = ("src", "code")
_DOCUMENTS: Final = "documentation"
_NAMED: Final = 5
"""Files beside the submitters that are told by name."""


@dataclass(frozen=True, slots=True)
class SubmitterFiles:
    """What belongs to a submitter rather than to one result.

    Attributes:
        systems: name of a system that has results to the content of its description; empty where there is none.
        mapping: model_mapping.json.
        sources: files of the sources, named below their directory.
        texts: other files, named below the submitter's directory.
        remarks: what is to be said of them.
    """

    owner: Owner
    systems: Mapping[str, Mapping[str, object]]
    mapping: Mapping[str, str]
    sources: tuple[Source, ...]
    texts: tuple[Source, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignTree:
    """A tree, read.

    Attributes:
        remarks: what is to be said of the tree as a whole.
    """

    results: tuple[ForeignResult, ...]
    submitters: tuple[SubmitterFiles, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...] = ()


def is_tree(directory: Path, rules: Round) -> bool:
    """Whether a directory is the root of a submission tree: a submitter of a division has a result of some scenario."""
    scenarios = {name.lower() for name in rules.tree.scenarios}
    return any(
        scenario.name.lower() in scenarios
        for division in rules.tree.divisions
        for submitter in directories_in(directory / division)
        for system in directories_in(submitter / "results")
        for model in directories_in(system)
        for scenario in directories_in(model)
    )


def refuse_part(directory: Path, rules: Round) -> None:
    """Refuses a directory inside a tree.

    Raises:
        UsageError: says where the tree's root is.
    """
    where = directory.resolve()
    root = next((parent.parent for parent in (where, *where.parents) if _is_division(parent, rules)), None)
    if root:
        raise _other_level("the directory lies inside a submission tree", directory, root, rules)


def refuse_above(directory: Path, rules: Round) -> None:
    """Refuses a directory one level above a tree; errors as in ``refuse_part``."""
    root = next((child for child in directories_in(directory) if is_tree(child, rules)), None)
    if root:
        raise _other_level("the tree starts one directory further down", directory, root, rules)


def _other_level(problem: str, directory: Path, root: Path, rules: Round) -> UsageError:
    divisions = ", ".join(f"{name}/" for name in rules.tree.divisions)
    return UsageError(
        problem,
        where=str(directory),
        expected=f"the root of the tree, which holds {divisions}",
        remedy=f"give the root: {shlex.quote(str(root))}",
    )


def _is_division(directory: Path, rules: Round) -> bool:
    return directory.name in rules.tree.divisions and is_tree(directory.parent, rules)


def read_tree(root: Path, rules: Round, label: str) -> ForeignTree:
    """Everything in a tree that a tree of the round can hold.

    Args:
        root: directory with the divisions.
        rules: the round of the tree it is to go to.
        label: what the user calls the tree; it may be a copy that is read.
    """
    results: list[ForeignResult] = []
    submitters: list[SubmitterFiles] = []
    left_out: list[LeftOut] = []
    for division in rules.tree.divisions:
        for path in directories_in(root / division):
            reader = _Submitter(root, Owner(division, path.name), rules, label)
            found, without = reader.results()
            left_out += without
            results += found
            if found:
                submitters.append(reader.files({result.key.system for result in found}))
    return ForeignTree(
        tuple(results), tuple(submitters), tuple(left_out), tuple(_beside_submitters(root, rules, label))
    )


def _beside_submitters(root: Path, rules: Round, label: str) -> Iterator[str]:
    """What lies where a tree has only divisions and submitters; hidden names are not told."""
    divisions = rules.tree.divisions
    found = [f"{path.name}/" for path in directories_in(root) if path.name not in divisions]
    for place in (root, *(root / division for division in divisions)):
        entries = sorted(place.iterdir()) if place.is_dir() else ()
        found += [path.relative_to(root).as_posix() for path in entries if not path.is_dir()]
    shown = [name for name in found if not Path(name).name.startswith(".")]
    if shown:
        more = f" and {len(shown) - _NAMED} more" if shown[_NAMED:] else ""
        yield f"{label}: left out is what lies beside the submitters: {', '.join(shown[:_NAMED])}{more}"


class _Submitter:
    """Reads one submitter of a tree."""

    def __init__(self, root: Path, owner: Owner, rules: Round, label: str) -> None:
        self._root = root
        self._label = label
        self._owner = owner
        self._rules = rules
        self._path = owner.path(root)

    @cached_property
    def _mapping(self) -> Mapping[str, str]:
        return {key: value for key, value in _mapping(self._path / MAPPING).items() if isinstance(value, str)}

    def results(self) -> tuple[list[ForeignResult], list[LeftOut]]:
        results: list[ForeignResult] = []
        left_out: list[LeftOut] = []
        for system in directories_in(self._path / "results"):
            for model in directories_in(system):
                for scenario in directories_in(model):
                    label = f"{self._owner}/{system.name}/{model.name}/{scenario.name}"
                    try:
                        results.append(self._result(scenario))
                    except UsageError as error:
                        left_out.append(LeftOut(label, self._label, _sentence(error)))
        return results, left_out

    def _result(self, path: Path) -> ForeignResult:
        system, model = path.parent.parent.name, path.parent.name
        for name in (self._owner.submitter, system, model):
            if reason := refused_name(name):
                raise UsageError(reason, expected="a name that can be a directory everywhere")
        scenarios = {name.lower(): name for name in self._rules.tree.scenarios}
        scenario = scenarios.get(path.name.lower())
        if scenario is None:
            raise UsageError(f"{path.name} is no scenario", expected=" or ".join(scenarios.values()))
        mapping = self._mapping if self._owner.division == "open" else None
        benchmark = self._rules.benchmark_of(model, mapping)
        if benchmark is None:
            raise UsageError(f"{model} is none of the benchmarks of {self._rules.name}")
        beside = Path(system) / model / path.name
        parts = tuple(self._parts(path, beside))  # nothing is opened before it is known to lie in the tree
        detail = read_detail(path / "performance" / "run_1" / DETAIL)
        json, parts = self._measurements(system, scenario, parts)
        remark = other_round(detail, self._rules)
        return ForeignResult(
            owner=self._owner,
            key=ResultKey(system, model, scenario),
            benchmark=benchmark,
            performance=detail,
            parts=parts,
            measurements=json,
            place=f"{self._label}/{path.relative_to(self._root).as_posix()}",
            remarks=(remark,) if remark else (),
        )

    def _parts(self, path: Path, beside: Path) -> Iterator[Part]:
        """Every file of a result by the area it belongs to."""
        for source in files_below(path, self._root):
            first, slash, _ = source.name.partition("/")
            test = slash and _TEST.fullmatch(first)
            area = Area.COMPLIANCE if test else Area.RESULTS if slash else Area.MEASUREMENTS
            yield Part(area, source)
        for area in (Area.MEASUREMENTS, Area.COMPLIANCE):
            for source in files_below(self._path / area / beside, self._root):
                yield Part(area, source)

    def _measurements(
        self, system: str, scenario: str, parts: Sequence[Part]
    ) -> tuple[Mapping[str, object], tuple[Part, ...]]:
        """The measurements' JSON, and the parts without it."""
        pattern = re.compile(
            rf"measurements\.json|{re.escape(system)}(.*_{re.escape(scenario)})?\.json", re.IGNORECASE
        )
        found = [
            part for part in parts if part.area is Area.MEASUREMENTS and pattern.fullmatch(part.source.name)
        ]
        if not found:
            return {}, tuple(parts)
        return _mapping(found[0].source.path), tuple(part for part in parts if part is not found[0])

    def files(self, systems: set[str]) -> SubmitterFiles:
        """What is beside the results of these systems."""
        remarks: list[str] = []
        sources = next((self._path / name for name in _SOURCES if (self._path / name).is_dir()), None)
        descriptions = {}
        for name in sorted(systems):
            descriptions[name] = _mapping(self._path / "systems" / f"{name}.json")
        return SubmitterFiles(
            owner=self._owner,
            systems=descriptions,
            mapping=self._mapping,
            sources=tuple(self._kept(sources, "", remarks)) if sources else (),
            texts=tuple(self._texts(systems, remarks)),
            remarks=tuple(remarks),
        )

    def _texts(self, systems: set[str], remarks: list[str]) -> Iterator[Source]:
        """Documents, power nameplates, and files above the results: READMEs of systems and models."""
        yield from self._kept(self._path / _DOCUMENTS, f"{_DOCUMENTS}/", remarks)
        for source in files_in(self._path, self._root):
            if source.name != MAPPING:
                yield source
        for source in files_in(self._path / "systems", self._root):
            if not source.name.endswith(".json"):
                yield Source(f"systems/{source.name}", source.path)
        results = self._path / "results"
        for directory in (results, *(results / name for name in sorted(systems))):
            inner = directories_in(directory) if directory is not results else ()
            for place in (directory, *inner):
                for source in files_in(place, self._root):
                    yield Source(source.path.relative_to(self._path).as_posix(), source.path)

    def _kept(self, directory: Path, prefix: str, remarks: list[str]) -> Iterator[Source]:
        """The files below a directory of sources or documents; the first that cannot be taken ends it, with a remark."""
        try:
            for source in files_below(directory, self._root):
                yield Source(prefix + source.name, source.path)
        except UsageError as error:
            remarks.append(f"not all of {directory.name}/ was taken: {_sentence(error)}")


def _mapping(path: Path) -> Mapping[str, object]:
    """The content of a JSON file; empty where there is none.

    Raises:
        UsageError: it holds no mapping.
    """
    if not path.is_file():
        return {}
    data = strict_json.read(path)
    if not isinstance(data, dict):
        raise UsageError("not a mapping", where=str(path), expected="a JSON mapping")
    return data


def _sentence(error: UsageError) -> str:
    """An error as a reason on one line."""
    details = [
        f"{name} {value}" for name, value in (("found", error.found), ("expected", error.expected)) if value
    ]
    return "; ".join([f"{error.where}: {error.problem}" if error.where else error.problem, *details])
