"""Lays results of others out in a tree of a round: every file to where the round's layout has it.

Logs and documents are copied as they are. Changed are only two files, in the form the rules ask for: an accuracy log
that is too long is shortened, its hash standing in accuracy.txt, and the measurements' JSON gets what the user gives.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.run import ACCURACY
from mlperf_bake.rounds import Round
from mlperf_bake.submission.copied import Source, copy_file
from mlperf_bake.submission.describing import earlier_values, write_foreign_measurements, write_json
from mlperf_bake.submission.foreign import Area, ForeignResult, Part
from mlperf_bake.submission.foreign_tree import MAPPING, SubmitterFiles
from mlperf_bake.submission.layout import ResultPaths, result_paths, source_path
from mlperf_bake.submission.loadgen_conf import NAME as CONF
from mlperf_bake.submission.loadgen_conf import complete_conf
from mlperf_bake.submission.power import is_measured, missing_files
from mlperf_bake.submission.shortening import is_shortened, said_hash, shorten
from mlperf_bake.submission.whole_logs import WholeLog
from mlperf_bake.unreadable import unreadable

ACCURACY_TEXT: Final = "accuracy.txt"
_TEXT_LIMIT: Final = 2**20
_SHORTENED_IN: Final = ("accuracy", "TEST01/accuracy")
"""Where the official truncation shortens the accuracy log: the accuracy run and TEST01's."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a result.

    Attributes:
        directory: its results in the tree.
        unknown: keys of the measurements' JSON that nobody has said.
        logs: accuracy logs that are in the tree shortened.
        remarks: what is missing in it or was changed.
    """

    directory: Path
    unknown: tuple[str, ...]
    logs: tuple[WholeLog, ...]
    remarks: tuple[str, ...]


def place_result(tree: Path, result: ForeignResult, rules: Round, given: Mapping[str, str]) -> Placed:
    """Replaces one result in the tree.

    Args:
        given: what the user says, of measurements.json among others.

    Raises:
        UsageError: a file cannot be read, or accuracy.txt gives the hash of another log than the one beside it.
    """
    paths = result_paths(tree, rules, result.owner, result.key)
    paths.clear()
    logs: list[WholeLog] = []
    for part in result.parts:
        target = _area(paths, part.area) / part.source.name
        if _is_log(part) and part.source.path.stat().st_size > rules.max_accuracy_log_bytes:
            logs.append(_shorten(part, target, tree, result))
        else:
            copy_file(part.source.path, target)
    for log in logs:
        _complete_text(tree / log.shortened, log.sha256)
    unknown = write_foreign_measurements(paths, result.key.model, result.measurements, rules, given)
    if result.owner.division == "open" and rules.benchmark_of(result.key.model) is None:
        _map(result.owner.path(tree), {result.key.model: result.benchmark.name})
    made = complete_conf(paths.measurements, result.performance, rules)
    remarks = (*_missing(paths, rules), *_power(paths))
    if made:
        remarks = (*remarks, f"{CONF} was written from what the log says was in force")
    return Placed(paths.results, unknown, tuple(logs), remarks)


def _power(paths: ResultPaths) -> tuple[str, ...]:
    """What is to be said of the power measurement, where there is one."""
    performance = paths.results / "performance"
    missing = missing_files(performance) if is_measured(performance) else ()
    return tuple(f"{name} of the power measurement is missing or empty" for name in missing)


def _area(paths: ResultPaths, area: Area) -> Path:
    areas = {
        Area.RESULTS: paths.results,
        Area.MEASUREMENTS: paths.measurements,
        Area.COMPLIANCE: paths.compliance,
    }
    return areas[area]


def _is_log(part: Part) -> bool:
    directory, _, name = part.source.name.rpartition("/")
    return name == ACCURACY and directory in _SHORTENED_IN and not is_shortened(part.source.path)


def _shorten(part: Part, target: Path, tree: Path, result: ForeignResult) -> WholeLog:
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256 = shorten(part.source.path, target)
    name = part.source.name.removesuffix(ACCURACY) + ACCURACY_TEXT
    text = next((one.source.path for one in result.parts if one.source.name == name), None)
    said = said_hash(_text(text)) if text else None
    if said not in (None, sha256):
        raise UsageError(
            "the accuracy log is not the one that accuracy.txt was written for",
            where=str(part.source.path),
            found=f"SHA-256 {sha256}",
            expected=f"{said}, as in {text}",
            remedy="put the accuracy run's own log there, or write accuracy.txt again",
        )
    size = part.source.path.stat().st_size
    place = f"{result.place}/{part.source.name}"
    return WholeLog(sha256, size, place, target.relative_to(tree).as_posix())


def _complete_text(log: Path, sha256: str) -> None:
    """Adds the hash to the accuracy.txt beside a shortened log, where it does not stand there yet."""
    text = log.with_name(ACCURACY_TEXT)
    if text.is_file() and said_hash(said := _text(text)) is None:
        text.write_text(f"{said.rstrip()}\n\nhash={sha256}\n", encoding="utf-8")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_TEXT_LIMIT).decode("utf-8", errors="replace")
    except OSError as error:
        raise unreadable("cannot be read", path, error) from error


def _missing(paths: ResultPaths, rules: Round) -> tuple[str, ...]:
    """What nobody but the user can write."""
    wanted = [(paths.measurements / name) for name in rules.tree.measurement_files]
    wanted += [paths.results / "accuracy" / name for name in rules.tree.accuracy_files]
    return tuple(f"{path.name} is missing or empty" for path in wanted if not _has_content(path))


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def place_files(tree: Path, files: SubmitterFiles, rules: Round) -> None:
    """Adds a submitter's sources, documents and mapping to the tree."""
    path = files.owner.path(tree)
    _copy(files.sources, source_path(tree, rules, files.owner))
    _copy(files.texts, path)
    if files.mapping:
        _map(path, files.mapping)


def _map(submitter: Path, mapping: Mapping[str, str]) -> None:
    """Adds to a submitter's model_mapping.json."""
    known = earlier_values(submitter / MAPPING)
    write_json(submitter / MAPPING, dict(sorted({**known, **mapping}.items())))


def _copy(sources: Iterable[Source], directory: Path) -> None:
    for source in sources:
        copy_file(source.path, directory / source.name)
