"""Collects runs into a submission tree (docs/contracts.md, "Submission tree").

Results are added to a tree that is already there: each (system, model, scenario) is replaced as a whole,
everything else stays as it is. The tree changes in one step or not at all (``replacement``). No value in it
is invented (``system``).
"""

import re
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlperf_bake.errors import BakeError, NothingSelected, UsageError
from mlperf_bake.results.classification import Labels, read_labels
from mlperf_bake.results.manifest import Manifest
from mlperf_bake.results.place import DirectoryPlace, Place
from mlperf_bake.results.run import ForeignLogs, LeftOut, Run, Runs
from mlperf_bake.rounds import DEFAULT_ROUND, Round, load_round, round_names
from mlperf_bake.submission.completing import completing_commands, round_option
from mlperf_bake.submission.filling import Collected, Filling
from mlperf_bake.submission.foreign import one_each
from mlperf_bake.submission.foreign_runs import FromRuns, read_foreign_runs
from mlperf_bake.submission.foreign_tree import is_tree
from mlperf_bake.submission.judged import accuracy_texts
from mlperf_bake.submission.keeping import displaced, kept_instead, named_by_place
from mlperf_bake.submission.layout import Owner
from mlperf_bake.submission.reasons import reasons
from mlperf_bake.submission.replacement import replacing
from mlperf_bake.submission.runs_file import BENCHMARK, KEYS, Asked, ask, runs_file
from mlperf_bake.submission.score import Score, labels_needed, score
from mlperf_bake.submission.selection import Pair, select
from mlperf_bake.submission.sources import Sources, read_sources
from mlperf_bake.submission.submitters import UNNAMED, submitter_of
from mlperf_bake.submission.system import system_name

_DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


def _undeclared(manifest: Manifest) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What the user decides about a tree.

    Attributes:
        submitter: name of the organisation; a directory of the tree. None: the tree's only one. Trees keep their own.
        round: name of the round.
        division: None: each cell's own.
        system: name of the system; None: from processor and runtime.
        given: values for the system description and measurements.json (``read_system_file``).
        data: a prepared data set to count the accuracy again with; None: believe the manifests.
        declared: gives the values for measurements.json that are declared for a run's weights.
        model: the model of runs of others that nothing else tells it of.
        said: by directory, what the user says of such runs (``read_runs_file``).
        infer: copy results of edge systems to the scenarios that they may stand for.
        benchmark: what an open model of runs of others stands for, where its name does not say it.
        runs: ids of runs that count whatever ``ranking`` says; runs whose own directory is a place do as well.
    """

    submitter: str | None = None
    round: str = DEFAULT_ROUND
    division: str | None = None
    system: str | None = None
    given: Mapping[str, str] | None = None
    data: Path | None = None
    declared: Callable[[Manifest], Mapping[str, str]] = _undeclared
    model: str | None = None
    said: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    infer: bool = False
    benchmark: str | None = None
    runs: tuple[str, ...] = ()


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
    _check_apart(places, out, rules)
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-collect-") as scratch:
        sources = read_sources(places, Path(scratch), rules)
        if sources.runs.complete or sources.runs.foreign:
            options = replace(options, submitter=options.submitter or submitter_of(out, rules))
        labels = _labels(options.data, sources.runs, rules)
        bare = _foreign_runs(sources.runs.foreign, options, labels, Path(scratch), rules)
        runs = sources.runs
        named = {*options.runs, *named_by_place(places)}
        selection = select(
            runs.complete,
            lambda run: options.system or system_name(run.manifest),
            rules,
            named,
            options.division,
        )
        scored, unscored = _scored(selection.pairs, rules, labels, options.data)
        every = [(_owner(pair, options), pair, found) for pair, found in scored]
        kept = [kept_instead(out, rules, owner, pair, named) for owner, pair, _ in every]
        mine = [one for one, better in zip(every, kept, strict=True) if better is None]
        foreign, twice = one_each(
            (*bare.results, *(result for tree in sources.trees for result in tree.results)),
            [f"{owner}/{pair.key}" for owner, pair, _ in mine],
        )
        without = (found for tree in sources.trees for found in tree.left_out)
        stays = tuple(better for better in kept if better)
        left_out = (
            *runs.left_out,
            *selection.left_out,
            *unscored,
            *stays,
            *bare.left_out,
            *without,
            *twice,
        )
        if not mine and not foreign:
            raise (
                _asking(out, bare.asked, places, options)
                if bare.asked
                else _nothing(places, sources, left_out, _completing(runs.complete, places, out, options))
            )
        told = [displaced(out, rules, owner, pair) for owner, pair, _ in mine]
        with replacing(out, waiting) as tree:
            given = options.given or {}
            writer = Filling(tree, out, rules, given, options.declared, options.data, infer=options.infer)
            for owner, pair, found in mine:
                writer.write(owner, pair, found)
            for result in foreign:
                writer.place(result)
            for files in (files for source in sources.trees for files in source.submitters):
                writer.place_files(files)
            collected = writer.finish(left_out, bare.asked)
        if bare.asked:
            ask(out, bare.asked, _collecting_command(places, out, options))
        beside = (remark for source in sources.trees for remark in source.remarks)
        return replace(collected, remarks=(*collected.remarks, *filter(None, told), *beside))


def _labels(data: Path | None, runs: Runs, rules: Round) -> Labels | None:
    """What classes are counted with again; of runs that are judged otherwise ``--data`` is the ground truth as it is."""
    if data is None:
        return None
    manifests = [run.manifest for run in runs.complete]
    return read_labels(data) if runs.foreign or labels_needed(manifests, rules) else None


def _foreign_runs(
    found: Sequence[ForeignLogs], options: CollectOptions, labels: Labels | None, scratch: Path, rules: Round
) -> FromRuns:
    """What runs of others make, by what is said of them."""
    texts, made = scratch / "texts", scratch / "made"
    texts.mkdir()
    made.mkdir()
    otherwise = {
        "model": options.model or "",
        "system": options.system or "",
        "division": options.division or "",
        BENCHMARK: options.benchmark or "",
    }
    judged = accuracy_texts(labels, texts)
    return read_foreign_runs(
        found, options.said, otherwise, options.submitter or UNNAMED, rules, judged, made
    )


def _asking(
    out: Path, asked: Sequence[Asked], places: Sequence[Place], options: CollectOptions
) -> NothingSelected:
    """Writes the file that asks for what the logs do not say."""
    labels = [place.label for place in places]
    command = _collecting_command(places, out, options)
    file = ask(out, asked, command)
    return NothingSelected(
        "LoadGen's logs do not say what was run, and where",
        where=", ".join(labels),
        found=f"{len(asked)} runs without a manifest; of {asked[0].directory} nobody has said "
        + ", ".join(asked[0].missing),
        expected=f"{', '.join(KEYS)} of each, in {file} or as --model, --system and --division",
        remedy=f"fill in {file}, then {shlex.join(command)}",
    )


def _collecting_command(places: Sequence[Place], out: Path, options: CollectOptions) -> list[str]:
    """What to type when the file on runs of others is filled in; what it asks for is left to the file."""
    labels = [place.label for place in places]
    words = ["mlperf-bake", "collect", *labels, "--out", str(out), "--runs-file", str(runs_file(out))]
    words += ["--submitter", options.submitter] if options.submitter not in (None, UNNAMED) else []
    words += ["--benchmark", options.benchmark] if options.benchmark else []
    words += ["--data", str(options.data)] if options.data else []
    words += ["--infer"] if options.infer else []
    return [*words, *round_option(options.round)]


def _completing(
    runs: Sequence[Run], places: Sequence[Place], out: Path, options: CollectOptions
) -> list[str]:
    """What makes a result of runs that make none: of runs of another round, that round's tree takes them."""
    there = sorted({run.manifest.cell.round for run in runs})
    others = [name for name in there if name != options.round and name in round_names()]
    if not others or options.round in there:
        return list(completing_commands(runs))
    other = others[-1]
    chosen = select(
        runs, lambda run: options.system or system_name(run.manifest), load_round(other), (), options.division
    )
    words = ["mlperf-bake", "collect", *(place.label for place in places), "--out", str(out)]
    for option, value in (
        ("--submitter", options.submitter if options.submitter != UNNAMED else None),
        ("--system", options.system),
        ("--division", options.division),
        ("--data", options.data),
    ):
        words += [option, str(value)] if value else []
    collecting = f"{shlex.join([*words, *round_option(other)])}  # the round of these runs"
    mine = [run for run in runs if run.manifest.cell.round == other]
    return [*(() if chosen.pairs else completing_commands(mine)), collecting]


def _nothing(
    places: Sequence[Place], sources: Sources, left_out: Sequence[LeftOut], completing: Sequence[str]
) -> NothingSelected:
    runs = sources.runs.complete
    others = not runs and bool(sources.runs.foreign or sources.trees)
    return NothingSelected(
        "no run makes a result",
        where=", ".join(place.label for place in places),
        found="\n            ".join(reasons(left_out)) or "no runs",
        expected="a valid performance run and an accuracy run of the same image and data in one scenario",
        remedy="mend what is named; the same command then takes it"
        if others
        else "\n            ".join(completing),
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


def _check_apart(places: Sequence[Place], out: Path, rules: Round) -> None:
    """Refuses to collect a tree into itself: what is converted would lie beside what it was, and in somebody's submission."""
    for place in places:
        if not isinstance(place, DirectoryPlace):
            continue
        source, target = place.path.resolve(), out.resolve()
        if target == source or (target.is_relative_to(source) and is_tree(source, rules)):
            raise UsageError(
                "the tree cannot be collected into itself",
                where=str(out),
                found=f"a tree in {place.path}",
                expected="a directory outside of it",
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


def _scored(
    pairs: Sequence[Pair], rules: Round, labels: Labels | None, truth: Path | None
) -> tuple[list[tuple[Pair, Score]], tuple[LeftOut, ...]]:
    """The accuracy of each pair."""
    scored: list[tuple[Pair, Score]] = []
    left_out: list[LeftOut] = []
    for pair in pairs:
        try:
            scored.append((pair, score(pair.accuracy, rules, labels, truth)))
        except BakeError as error:
            reason = str(error).replace("\n ", "; ")
            left_out.append(LeftOut(pair.accuracy.manifest.run_id, pair.accuracy.place, reason))
    return scored, tuple(left_out)


def _owner(pair: Pair, options: CollectOptions) -> Owner:
    return Owner(options.division or pair.performance.manifest.cell.division, options.submitter or UNNAMED)
