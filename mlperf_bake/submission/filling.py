"""Fills a tree with results, ours and others', and tells what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlperf_bake.results.run import LeftOut
from mlperf_bake.rounds import Round
from mlperf_bake.submission.describing import Declared, Missing, Unknown, write_system
from mlperf_bake.submission.foreign import ForeignResult
from mlperf_bake.submission.foreign_tree import SubmitterFiles
from mlperf_bake.submission.inferring import Inference, copy_inferred, inferences
from mlperf_bake.submission.layout import Owner, source_path
from mlperf_bake.submission.placing import place_files, place_result
from mlperf_bake.submission.runs_file import Asked
from mlperf_bake.submission.score import Score
from mlperf_bake.submission.selection import Pair, ResultKey
from mlperf_bake.submission.whole_logs import WholeLog, record
from mlperf_bake.submission.writing import write_pair, write_texts


@dataclass(frozen=True, slots=True)
class CollectedResult:
    """One result that is now in the tree."""

    owner: Owner
    directory: Path
    pair: Pair
    score: Score


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
        inferred: results that were copied from another scenario's, or could be (not ``done``).
        remarks: what is to be said of submitters as a whole.
        asked: runs of others that something must be said of before they can be results.
    """

    tree: Path
    results: tuple[CollectedResult, ...]
    left_out: tuple[LeftOut, ...]
    unknown: tuple[Unknown, ...]
    foreign: tuple[CollectedForeign, ...] = ()
    remarks: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    inferred: tuple[Inference, ...] = ()


class Filling:
    """Fills a tree, and remembers what is to be told of it.

    Args:
        tree: the directory to fill; ``out`` is what the user calls it.
        given: what the user says (``read_system_file``).
        declared: what is declared of a run's weights.
        truth: the data set with its ground truth, where it is at hand.
        infer: copy results to the scenarios of edge systems that they may stand for.
    """

    def __init__(
        self,
        tree: Path,
        out: Path,
        rules: Round,
        given: Mapping[str, str],
        declared: Declared,
        truth: Path | None = None,
        *,
        infer: bool = False,
    ) -> None:
        self._tree, self._out, self._rules = tree, out, rules
        self._given, self._declared, self._truth = given, declared, truth
        self._infer = infer
        self._results: list[CollectedResult] = []
        self._foreign: list[CollectedForeign] = []
        self._logs: list[WholeLog] = []
        self._remarks: list[str] = []
        self._ours: set[Owner] = set()
        self._written: set[tuple[Owner, ResultKey]] = set()
        self._missing: dict[tuple[Owner, str], Missing] = {}
        self._known: dict[tuple[Owner, str], Mapping[str, object]] = {}

    def write(self, owner: Owner, pair: Pair, score: Score) -> None:
        """One result of our runs."""
        written = write_pair(
            self._tree,
            owner,
            pair,
            score,
            self._rules,
            self._given,
            self._declared,
            self._truth,
        )
        self._remarks += [f"{owner}/{pair.key}: {test.said}" for test in written.tests]
        self._ours.add(owner)
        self._logs += [written.log] if written.log else []
        self._miss(owner, pair.key, written.unknown)
        self._results.append(CollectedResult(owner, self._shown(written.directory), pair, score))

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

    def finish(self, left_out: tuple[LeftOut, ...], asked: Sequence[Asked]) -> Collected:
        """Texts and descriptions of everything that is in the tree now."""
        for owner in sorted(self._ours):
            write_texts(self._tree, owner, self._rules)
        for owner in sorted({one.result.owner for one in self._foreign}):
            self._remarks += self._wanting(owner)
        unknown: list[Unknown] = []
        for (owner, system), missing in sorted(self._missing.items()):
            known = self._known.get((owner, system))
            unknown += write_system(
                self._tree, owner, system, self._rules, self._given, self._out, missing, known
            )
        inferred = tuple(self._inferred())
        record(self._out, self._logs)
        return Collected(
            self._out,
            tuple(self._results),
            left_out,
            tuple(unknown),
            tuple(self._foreign),
            tuple(self._remarks),
            tuple(asked),
            inferred,
        )

    def _wanting(self, owner: Owner) -> Iterator[str]:
        """What the rules want of a submitter besides results, and only the submitter can write."""
        source = source_path(self._tree, self._rules, owner)
        calibration = owner.path(self._tree) / "documentation" / "calibration.md"
        if not source.is_dir():
            yield f"{owner}: the sources are missing: put them into {self._shown(source)}"
        if not calibration.is_file():
            where = self._shown(calibration)
            yield f"{owner}: say in {where} how the weights were quantized, or that they were not"

    def _inferred(self) -> Iterator[Inference]:
        """Inferences of the models that results were added of: made, made again, or only offered."""
        written = {
            (owner, system, model) for (owner, system), models in self._missing.items() for model in models
        }
        for owner, system, model in sorted(written):
            for inference in inferences(self._tree, self._rules, owner, system, model):
                if not inference.done and not self._infer:
                    yield inference
                elif not inference.done or self._outdated(inference):
                    copy_inferred(self._tree, self._rules, inference)
                    yield replace(inference, done=True)

    def _outdated(self, inference: Inference) -> bool:
        """Whether what was measured is new and its copy is not."""
        measured, copy = (inference.owner, inference.measured), (inference.owner, inference.target)
        return measured in self._written and copy not in self._written

    def _miss(self, owner: Owner, key: ResultKey, unknown: Sequence[str]) -> None:
        self._written.add((owner, key))
        self._missing.setdefault((owner, key.system), {}).setdefault(key.model, []).extend(unknown)

    def _shown(self, directory: Path) -> Path:
        return self._out / directory.relative_to(self._tree)
