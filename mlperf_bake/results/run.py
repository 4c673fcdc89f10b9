"""The runs in a place: each a directory with a manifest and LoadGen's logs that agree with it.

``read_runs`` gives the complete ones and, with a reason each, those that are left out: interrupted, cut off,
disagreeing with themselves. Nothing is mended or guessed. Directories whose name starts with ``.partial-`` do
not count as runs; those with LoadGen's logs and no manifest are another program's, and only named.
"""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import read_responses
from mlperf_bake.results.archive import PARTIAL
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.results.manifest import Manifest, read_manifest
from mlperf_bake.results.place import Place
from mlperf_bake.results.removing import image_of, removing_command
from mlperf_bake.results.volume import VOLUME_PREFIX
from mlperf_bake.unreadable import unreadable

MANIFEST: Final = "manifest.json"
DETAIL: Final = "mlperf_log_detail.txt"
SUMMARY: Final = "mlperf_log_summary.txt"
ACCURACY: Final = "mlperf_log_accuracy.json"
USER_CONF: Final = "user.conf"
RANGING: Final = "ranging"
"""Where a power measurement keeps the logs of its first, unmeasured run."""
_DEPTH: Final = 7


@dataclass(frozen=True, slots=True)
class Run:
    """One complete run.

    Attributes:
        manifest: what the harness wrote about it.
        detail: LoadGen's detail log.
        directory: where its files are now, maybe a copy.
        place: where the user has it.
    """

    manifest: Manifest
    detail: DetailLog
    directory: Path
    place: str

    def file(self, name: str) -> Path:
        """One of the run's files."""
        return self.directory / name


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that does not count, and why."""

    run_id: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignLogs:
    """A directory with LoadGen's logs that no manifest explains.

    Attributes:
        directory: where it is now, maybe a copy.
        root: the directory that was searched.
        place: what the user calls that.
    """

    directory: Path
    root: Path
    place: str

    @property
    def name(self) -> str:
        """Where the user has it."""
        return _place_of(self.directory, self.root, self.place)


def _place_of(directory: Path, root: Path, place: str) -> str:
    """What the user calls a directory below the root of a place."""
    below = directory.relative_to(root).as_posix()
    return place if below == "." else f"{place.rstrip('/')}/{below}"


@dataclass(frozen=True, slots=True)
class Runs:
    """What the places hold: complete runs by start time, what was left out, and logs that are not ours."""

    complete: tuple[Run, ...]
    left_out: tuple[LeftOut, ...]
    foreign: tuple[ForeignLogs, ...] = ()


def read_runs(places: Iterable[Place], scratch: Path) -> Runs:
    """The runs of all places.

    Args:
        places: where to look.
        scratch: an empty directory for copies of tar files and volumes; must outlive the runs.

    Raises:
        UsageError: a place cannot be read or trusted, or two different runs have one id.
    """
    complete: dict[str, Run] = {}
    where: dict[str, str] = {}
    left_out: list[LeftOut] = []
    foreign: list[ForeignLogs] = []
    for number, place in enumerate(places):
        copy = scratch / f"place-{number}"
        copy.mkdir(parents=True)
        root, directories = _directories_of(place, copy)
        left_out += _unfinished(root, place.label)
        for directory in directories:
            if not (directory / MANIFEST).exists():
                foreign.append(ForeignLogs(directory, root, place.label))
                continue
            found = _read(directory, place.label)
            if isinstance(found, LeftOut):
                left_out.append(found)
                continue
            run_id, here = found.manifest.run_id, _place_of(directory, root, place.label)
            twin, there = complete.setdefault(run_id, found), where.setdefault(run_id, here)
            if twin is not found and not _same(twin, found):
                raise UsageError(
                    f"two different runs have the id {run_id}",
                    where=here,
                    found=f"the other is {there}",
                    expected="each run once",
                    remedy="leave one of the two out",
                )
    ordered = sorted(complete.values(), key=lambda run: (run.manifest.started_at, run.manifest.run_id))
    return Runs(tuple(ordered), tuple(left_out), tuple(foreign))


def _directories_of(place: Place, copy: Path) -> tuple[Path, tuple[Path, ...]]:
    try:
        root = place.open(copy)
        return root, tuple(_run_directories(root))
    except OSError as error:
        where = Path(error.filename or place.label)
        raise unreadable(
            "the results cannot be read", where, error, expected="directories of runs"
        ) from error


def _run_directories(root: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """Directories with a manifest or a detail log, by name; not below another run, not through links."""
    if (root / MANIFEST).is_file() or (root / DETAIL).is_file():
        yield root
        return
    if depth == 0:
        return
    for child in sorted(root.iterdir()):
        skipped = child.name.startswith(PARTIAL) or child.name == RANGING
        if not skipped and child.is_dir() and not child.is_symlink():
            yield from _run_directories(child, depth - 1)


def _unfinished(root: Path, place: str) -> Iterator[LeftOut]:
    """Runs that were killed, or go on at this moment: they lie under a name that is never a result's."""
    for child in sorted(root.glob(f"{PARTIAL}*")):
        if child.is_dir() and not child.is_symlink():
            reason = "it was killed, or goes on at this moment; what was killed goes with the next run into this place"
            yield LeftOut(child.name.removeprefix(PARTIAL), place, reason)


def _same(one: Run, other: Run) -> bool:
    return all(
        one.file(name).read_bytes() == other.file(name).read_bytes() for name in (MANIFEST, DETAIL, SUMMARY)
    )


def _read(directory: Path, place: str) -> Run | LeftOut:
    """One run, or the reason why it does not count."""
    run_id = directory.name
    try:
        for name in (MANIFEST, DETAIL, SUMMARY, USER_CONF):
            _regular(directory / name)
        manifest = read_manifest(directory / MANIFEST)
        run_id = manifest.run_id
        if manifest.status != "finished":
            return LeftOut(run_id, place, f"the run was {manifest.status}{_stays(manifest, place)}")
        if manifest.mode == "find-peak":
            return LeftOut(run_id, place, f"{manifest.mode} runs are not results")
        detail = read_detail(directory / DETAIL)
        for reason in (*log_faults(detail), *disagreements(manifest, detail)):
            return LeftOut(run_id, place, reason)
        if manifest.mode == "accuracy":
            _regular(directory / ACCURACY)
            _count_responses(directory / ACCURACY, manifest)
        if manifest.compliance_test:
            _regular(directory / ACCURACY)
    except UsageError as error:
        return LeftOut(run_id, place, _one_line(error))
    return Run(manifest, detail, directory, place)


def _stays(manifest: Manifest, place: str) -> str:
    """How an interrupted run gets out of a volume; a directory's the user can remove, or `run` has done it."""
    if not place.startswith(VOLUME_PREFIX):
        return ""
    volume = place.removeprefix(VOLUME_PREFIX)
    return f"; it stays there until  {removing_command(volume, manifest.run_id, image_of(manifest))}"


def _one_line(error: UsageError) -> str:
    name = error.where.rpartition("/")[2] if error.where else ""
    parts = [f"{name}: {error.problem}" if name else error.problem]
    if error.found:
        parts.append(f"found {error.found}")
    if error.expected:
        parts.append(f"expected {error.expected}")
    return ", ".join(parts)


def _regular(path: Path) -> None:
    """Refuses a file that is missing, or that leads elsewhere."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise UsageError("the file is missing", where=str(path)) from error
    if not stat.S_ISREG(mode):
        raise UsageError("not a regular file", where=str(path))


def _count_responses(path: Path, manifest: Manifest) -> None:
    expected = manifest.counts.total_sample_count
    samples = {response.qsl_idx for response in read_responses(path)}
    if len(samples) != expected:
        raise UsageError(
            "the accuracy log does not cover the data set",
            where=str(path),
            found=f"{len(samples)} samples",
            expected=f"{expected} samples",
        )


def log_faults(detail: DetailLog) -> tuple[str, ...]:
    """Why a detail log cannot be relied on; empty if it can."""
    if detail.problems:
        first = detail.problems[0]
        return (f"{DETAIL}:{first.line}: {first.text}",)
    if not detail.complete:
        return (f"{DETAIL} was not written to its end",)
    return ()


def logged_scenario(scenario: str) -> str:
    """What LoadGen calls a scenario: Interactive is Server with other limits."""
    return "Server" if scenario == "Interactive" else scenario


def logged_mode(manifest: Manifest) -> str:
    """What LoadGen calls the mode of a run: a compliance test is a performance run by other settings."""
    return "performance" if manifest.compliance_test else manifest.mode


def disagreements(manifest: Manifest, detail: DetailLog) -> tuple[str, ...]:
    """What the manifest says and the detail log contradicts, in words; empty where they agree."""
    pairs: list[tuple[str, object, object]] = [
        ("scenario", logged_scenario(manifest.scenario), detail.scenario),
        ("mode", logged_mode(manifest), detail.mode),
        ("LoadGen version", manifest.loadgen.version, detail.version),
        (
            "samples of the data set",
            manifest.counts.total_sample_count,
            detail.integer("qsl_reported_total_count"),
        ),
    ]
    pairs += [
        (name, value, detail.integer(f"effective_{name}")) for name, value in manifest.loadgen.seeds.items()
    ]
    if logged_mode(manifest) == "performance":
        said = manifest.result.validity if manifest.result else None
        pairs.append(("validity", said, detail.validity))
    return tuple(
        f"{MANIFEST} says {name} {said}, {DETAIL} says {logged}"
        for name, said, logged in pairs
        if said != logged
    )
