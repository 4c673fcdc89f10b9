"""Collects runs into a submission tree (docs/contracts.md, "Submission tree").

Results are added to a tree that is already there: each (system, model, scenario) is replaced as a whole,
everything else stays as it is. The tree changes in one step or not at all (``replacement``). No value in it
is invented (``system``).
"""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.errors import BakeError, NothingSelected, UsageError
from mlperf_bake.results.classification import Labels, TopOne, read_labels, top_one
from mlperf_bake.results.manifest import Accuracy, Manifest
from mlperf_bake.results.place import Place
from mlperf_bake.results.printable import printable
from mlperf_bake.results.run import ACCURACY, LeftOut, Run
from mlperf_bake.rounds import DEFAULT_ROUND, Round, load_round
from mlperf_bake.submission.completing import completing_commands
from mlperf_bake.submission.describing import Missing, Unknown, write_system
from mlperf_bake.submission.foreign import ForeignResult, one_each
from mlperf_bake.submission.foreign_tree import SubmitterFiles
from mlperf_bake.submission.layout import Owner
from mlperf_bake.submission.placing import place_files, place_result
from mlperf_bake.submission.replacement import replacing
from mlperf_bake.submission.selection import Pair, ResultKey, select
from mlperf_bake.submission.sources import read_sources
from mlperf_bake.submission.system import system_name
from mlperf_bake.submission.whole_logs import WholeLog, record
from mlperf_bake.submission.writing import write_pair, write_texts

_DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


def _undeclared(manifest: Manifest) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What the user decides about a tree.

    Attributes:
        submitter: name of the organisation; a directory of the tree.
        round: name of the round.
        division: None: each cell's own.
        system: name of the system; None: from processor and runtime.
        given: values for the system description and measurements.json (``read_system_file``).
        data: a prepared data set to count the accuracy again with; None: believe the manifests.
        declared: gives the values for measurements.json that are declared for a run's weights.
    """

    submitter: str
    round: str = DEFAULT_ROUND
    division: str | None = None
    system: str | None = None
    given: Mapping[str, str] | None = None
    data: Path | None = None
    declared: Callable[[Manifest], Mapping[str, str]] = _undeclared


@dataclass(frozen=True, slots=True)
class CollectedResult:
    """One result that is now in the tree."""

    directory: Path
    pair: Pair
    top_one: TopOne


@dataclass(frozen=True, slots=True)
class CollectedForeign:
    """One result of others that is now in the tree, and what is to be said of it."""

    directory: Path
    result: ForeignResult
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """What a call did.

    Attributes:
        tree: the submission tree.
        results: what was added or replaced, by system, model and scenario.
        left_out: runs that are not in it, with the reason.
        unknown: by system, what nobody has said yet.
        foreign: what was added or replaced of others' results.
        remarks: what is to be said of submitters as a whole.
    """

    tree: Path
    results: tuple[CollectedResult, ...]
    left_out: tuple[LeftOut, ...]
    unknown: tuple[Unknown, ...]
    foreign: tuple[CollectedForeign, ...] = ()
    remarks: tuple[str, ...] = ()


def collect(
    places: Sequence[Place], out: Path, options: CollectOptions, waiting: Callable[[], None] | None = None
) -> Collected:
    """Reads the runs in the places and lays their results out below ``out``.

    Args:
        waiting: called once if another collect is writing beside ``out``.

    Raises:
        UsageError: a place cannot be read, options that contradict the runs, or ``out`` is something else.
        NothingSelected: no run makes a result; says why for each.
    """
    rules = load_round(options.round)
    _check_names(options, rules)
    _check_out(out, rules)
    labels = read_labels(options.data) if options.data else None
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-collect-") as scratch:
        sources = read_sources(places, Path(scratch), rules)
        runs = sources.runs
        selection = select(runs.complete, lambda run: options.system or system_name(run.manifest), rules)
        counted, uncounted = _count(selection.pairs, labels)
        mine = [(_owner(pair, options), pair, share) for pair, share in counted]
        foreign, twice = one_each(
            (result for tree in sources.trees for result in tree.results),
            [f"{owner}/{pair.key}" for owner, pair, _ in mine],
        )
        without = (found for tree in sources.trees for found in tree.left_out)
        left_out = (*runs.left_out, *selection.left_out, *uncounted, *without, *twice)
        if not mine and not foreign:
            raise _nothing(places, runs.complete, left_out)
        where = f"counted again with {labels.dataset.name}" if labels else "as counted by the harness"
        with replacing(out, waiting) as tree:
            writer = _Writer(tree, out, rules, options, where)
            for owner, pair, share in mine:
                writer.write(owner, pair, share)
            for result in foreign:
                writer.place(result)
            for files in (files for source in sources.trees for files in source.submitters):
                writer.place_files(files)
            return writer.finish(left_out)


class _Writer:
    """Fills a tree, and remembers what is to be told of it."""

    def __init__(self, tree: Path, out: Path, rules: Round, options: CollectOptions, counted: str) -> None:
        self._tree, self._out, self._rules = tree, out, rules
        self._declared, self._given, self._counted = options.declared, options.given or {}, counted
        self._results: list[CollectedResult] = []
        self._foreign: list[CollectedForeign] = []
        self._logs: list[WholeLog] = []
        self._remarks: list[str] = []
        self._ours: set[Owner] = set()
        self._missing: dict[tuple[Owner, str], Missing] = {}
        self._known: dict[tuple[Owner, str], Mapping[str, object]] = {}

    def write(self, owner: Owner, pair: Pair, share: TopOne) -> None:
        """One result of our runs."""
        written = write_pair(
            self._tree, owner, pair, share, self._rules, self._given, self._declared, self._counted
        )
        self._ours.add(owner)
        self._logs.append(written.log)
        self._miss(owner, pair.key, written.unknown)
        self._results.append(CollectedResult(self._shown(written.directory), pair, share))

    def place(self, result: ForeignResult) -> None:
        """One result of others."""
        placed = place_result(self._tree, result, self._rules, self._given)
        self._logs += placed.logs
        self._miss(result.owner, result.key, placed.unknown)
        remarks = (*result.remarks, *placed.remarks)
        self._foreign.append(CollectedForeign(self._shown(placed.directory), result, remarks))

    def place_files(self, files: SubmitterFiles) -> None:
        """What a submitter has besides results."""
        place_files(self._tree, files, self._rules)
        self._known |= {(files.owner, name): values for name, values in files.systems.items()}
        self._remarks += [f"{files.owner}: {remark}" for remark in files.remarks]

    def finish(self, left_out: tuple[LeftOut, ...]) -> Collected:
        """Texts and descriptions of everything that is in the tree now."""
        for owner in sorted(self._ours):
            write_texts(self._tree, owner, self._rules)
        unknown: list[Unknown] = []
        for (owner, system), missing in sorted(self._missing.items()):
            known = self._known.get((owner, system))
            unknown += write_system(
                self._tree, owner, system, self._rules, self._given, self._out, missing, known
            )
        record(self._out, self._logs)
        return Collected(
            self._out,
            tuple(self._results),
            left_out,
            tuple(unknown),
            tuple(self._foreign),
            tuple(self._remarks),
        )

    def _miss(self, owner: Owner, key: ResultKey, unknown: Sequence[str]) -> None:
        self._missing.setdefault((owner, key.system), {}).setdefault(key.model, []).extend(unknown)

    def _shown(self, directory: Path) -> Path:
        return self._out / directory.relative_to(self._tree)


def _nothing(places: Sequence[Place], runs: Sequence[Run], left_out: Sequence[LeftOut]) -> NothingSelected:
    reasons = "\n            ".join(printable(f"{item.run_id}: {item.reason}") for item in left_out)
    return NothingSelected(
        "no run makes a result",
        where=", ".join(place.label for place in places),
        found=reasons or "no runs",
        expected="a valid performance run and an accuracy run of the same image and data in one scenario",
        remedy="\n            ".join(completing_commands(runs)),
    )


def _check_out(out: Path, rules: Round) -> None:
    """Refuses a directory that holds something else, so that nobody's files end up in a submission."""
    if not out.exists():
        return
    children = [child.name for child in out.iterdir()] if out.is_dir() else [""]
    if children and not any(name in rules.tree.divisions for name in children):
        raise UsageError(
            "there is something else where the tree should be",
            where=str(out),
            expected="nothing, or a submission tree with closed/ or open/",
            remedy="give another directory with --out",
        )


def _check_names(options: CollectOptions, rules: Round) -> None:
    """Refuses names that cannot be directories of the tree."""
    for option, name in (("--submitter", options.submitter), ("--system", options.system)):
        if name is not None and not _DIRECTORY.fullmatch(name):
            raise UsageError(
                f"{option} cannot be the name of a directory",
                found=repr(name),
                expected="letters, digits, '.', '_', '+' and '-', a letter or digit first",
            )
    if options.division is not None and options.division not in rules.tree.divisions:
        expected = "one of " + ", ".join(rules.tree.divisions)
        raise UsageError(f'unknown division "{options.division}"', expected=expected)


def _count(
    pairs: Sequence[Pair], labels: Labels | None
) -> tuple[list[tuple[Pair, TopOne]], tuple[LeftOut, ...]]:
    """The accuracy of each pair: counted again if there are labels, else as the manifest says."""
    counted: list[tuple[Pair, TopOne]] = []
    left_out: list[LeftOut] = []
    for pair in pairs:
        manifest = pair.accuracy.manifest
        try:
            counted.append((pair, _accuracy(pair.accuracy, manifest.accuracy, labels)))
        except BakeError as error:
            left_out.append(LeftOut(manifest.run_id, pair.accuracy.place, str(error).replace("\n ", "; ")))
    return counted, tuple(left_out)


def _accuracy(run: Run, said: Accuracy | None, labels: Labels | None) -> TopOne:
    if labels is None:
        if said is None or said.metric != "top1":
            raise UsageError(
                "the manifest holds no top-1", remedy="give the prepared data set with --data DIR"
            )
        return TopOne(said.correct, said.total)
    dataset = run.manifest.dataset
    if dataset and dataset.labels_sha256 and dataset.labels_sha256 != labels.dataset.labels_sha256:
        raise UsageError(
            "the run used other labels than the data set given",
            found=dataset.labels_sha256,
            expected=labels.dataset.labels_sha256,
        )
    found = top_one(run.file(ACCURACY), labels)
    if said and (said.correct, said.total) != (found.correct, found.total):
        raise UsageError(
            "the accuracy log and the manifest disagree",
            found=f"{found.correct} of {found.total} in the log",
            expected=f"{said.correct} of {said.total} as in the manifest",
        )
    return found


def _owner(pair: Pair, options: CollectOptions) -> Owner:
    return Owner(options.division or pair.performance.manifest.cell.division, options.submitter)
