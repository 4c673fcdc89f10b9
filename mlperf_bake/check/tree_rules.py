"""Rules on the shape of the tree: its root, what belongs to a submitter, models and scenarios."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from mlperf_bake.check.fixes import run_again
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Model, Submitter, Tree, directories
from mlperf_bake.program import shown
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.submission.describing import describing_command
from mlperf_bake.submission.submitters import UNNAMED

TREE: Final[Table[Tree]] = Table("tree")
SUBMITTER: Final[Table[Submitter]] = Table("submitter")
MODEL: Final[Table[Model]] = Table("model")

LARGE_FILE: Final = 50 * 2**20
_ROOT_FILES: Final = ("README.md", "LICENSE", "LICENSE.md")
_SUBMITTER_ENTRIES: Final = (
    "results",
    "systems",
    "src",
    "code",
    "documentation",
    "measurements",
    "compliance",
    "calibration.md",
    "model_mapping.json",
    "README.md",
    "LICENSE",
)


def _entries(path: Path) -> tuple[Path, ...]:
    """What lies in a directory, hidden files left out."""
    return tuple(sorted(child for child in path.iterdir() if not child.name.startswith(".")))


@TREE.rule("root", official("loader.py load"))
def root(tree: Tree) -> Iterator[Breach]:
    """The root holds a directory for each division."""
    divisions = tree.rules.tree.divisions
    if any((tree.root / division).is_dir() for division in divisions):
        return
    expected = "closed/, open/ or network/, then the submitter's name"
    where = tree.root.absolute()
    too_low = next((parent for parent in (where, *where.parents) if parent.name in divisions), None)
    below = [child for child in directories(tree.root) if any((child / name).is_dir() for name in divisions)]
    if too_low:
        yield Breach(
            tree.root,
            "the directory is inside a tree, not its root",
            found=f"the root of the tree seems to be {too_low.parent}",
            expected=expected,
            fix=f"mlperf-bake check {too_low.parent}",
        )
    elif below:
        yield Breach(
            tree.root,
            "the tree starts one directory further down",
            found=f"the root of the tree seems to be {below[0]}",
            expected=expected,
            fix=f"mlperf-bake check {below[0]}",
        )
    else:
        runs = any((child / MANIFEST).is_file() for child in (tree.root, *directories(tree.root)))
        there = ", ".join(entry.name for entry in _entries(tree.root)[:5]) or "an empty directory"
        yield Breach(
            tree.root,
            "runs, not a submission tree" if runs else "not a submission tree",
            found=there,
            expected=expected,
            fix=f"mlperf-bake collect {tree.root} --out submission" if runs else "",
        )


@TREE.rule("results", official("main.py"))
def results(tree: Tree) -> Iterator[Breach]:
    """There is at least one result."""
    divisions = (tree.root / division for division in tree.rules.tree.divisions)
    if not tree.results and any(path.is_dir() for path in divisions):
        yield Breach(
            tree.root,
            "the tree holds no result",
            expected="results/<system>/<model>/<Scenario>",
            fix=f"mlperf-bake collect ./results --out {shlex.quote(str(tree.root))}",
        )


@TREE.rule("stray", RULES_TEXT)
def stray(tree: Tree) -> Iterator[Breach]:
    """Nothing lies at the root that belongs nowhere."""
    for entry in _entries(tree.root) if tree.submitters else ():
        if entry.name not in (*tree.rules.tree.divisions, *_ROOT_FILES):
            yield Breach(
                entry, "does not belong into a submission", severity=Severity.WARNING, fix="remove it"
            )


@TREE.rule("links", RULES_TEXT)
def links(tree: Tree) -> Iterator[Breach]:
    """No file is a link: a tree must be whole wherever it is unpacked."""
    for path in sorted(tree.root.rglob("*")) if tree.submitters else ():
        if path.is_symlink():
            yield Breach(
                path, "is a link", found=f"to {path.readlink()}", expected="a file", fix="copy the file"
            )


@TREE.rule(
    "size", "MLPerf Inference submission rules: files of at most 50 MB; the official checker no longer looks"
)
def size(tree: Tree) -> Iterator[Breach]:
    """No file is larger than 50 MB."""
    for path in sorted(tree.root.rglob("*")) if tree.submitters else ():
        if path.is_file() and not path.is_symlink() and path.stat().st_size > LARGE_FILE:
            yield Breach(
                path,
                "is too large for the results repository",
                found=f"{path.stat().st_size / 2**20:.0f} MB",
                expected="at most 50 MB",
                severity=Severity.WARNING,
            )


def _demonstration(submitter: Submitter) -> bool:
    return any(system.demonstration for system in submitter.systems)


def _rename(submitter: Submitter) -> str:
    """The directory under another name, which the descriptions of its systems then say, too."""
    there, named = shown(submitter.path), shown(submitter.path.with_name("NAME"))
    steps = [["mv", there, named]]
    root = submitter.tree.root
    steps += [describing_command(root, "NAME", system.name) for system in submitter.systems]
    return " && ".join(map(shlex.join, steps))


@SUBMITTER.rule("name", RULES_TEXT)
def name(submitter: Submitter) -> Iterator[Breach]:
    """The submitter is named."""
    if submitter.name == UNNAMED:
        yield Breach(
            submitter.path,
            "nobody has said who submits",
            found=f'"{UNNAMED}"',
            expected="the name of your organisation",
            fix=_rename(submitter),
            demonstration=_demonstration(submitter),
        )


@SUBMITTER.rule("src", official("checks/measurements_checks.py directory_exist_check"))
def src(submitter: Submitter) -> Iterator[Breach]:
    """The sources are there."""
    if not submitter.systems:
        return
    if not submitter.src.is_dir() or not any(submitter.src.iterdir()):
        other = next(
            (path for path in (submitter.path / "code", submitter.path / "src") if path.is_dir()), None
        )
        yield Breach(
            submitter.src,
            "the sources are missing",
            found=f"{other.name}/, which another round wants"
            if other and other != submitter.src
            else "nothing",
            expected="a directory with the code of the submission, or where to get it",
        )


@SUBMITTER.rule("mapping", official("loader.py load, configuration.py get_mlperf_model"))
def mapping(submitter: Submitter) -> Iterator[Breach]:
    """model_mapping.json names benchmarks of the round, and is for the open division."""
    file = submitter.mapping
    if file.missing:
        return
    if file.error:
        yield Breach(file.path, file.error.problem, found=file.error.found or "")
        return
    if submitter.division != "open":
        yield Breach(file.path, "is read in the open division only", severity=Severity.WARNING)
    benchmarks = submitter.tree.rules.models
    for model, benchmark in (file.value or {}).items():
        if not isinstance(benchmark, str) or benchmark not in benchmarks:
            yield Breach(
                file.path,
                f"maps {model} to no benchmark of the round",
                found=repr(benchmark),
                expected="one of " + ", ".join(benchmarks),
            )


@SUBMITTER.rule("orphans", RULES_TEXT)
def orphans(submitter: Submitter) -> Iterator[Breach]:
    """Every system described has results."""
    with_results = {system.name for system in submitter.systems}
    systems = submitter.path / "systems"
    for path in sorted(systems.glob("*.json")) if systems.is_dir() else ():
        if path.stem not in with_results:
            yield Breach(
                path, "describes a system without results", severity=Severity.WARNING, fix="remove it"
            )


@SUBMITTER.rule("stray", RULES_TEXT)
def submitter_stray(submitter: Submitter) -> Iterator[Breach]:
    """Nothing lies beside the submitter's directories that belongs nowhere."""
    for entry in _entries(submitter.path):
        if entry.name not in _SUBMITTER_ENTRIES:
            yield Breach(
                entry, "does not belong into a submission", severity=Severity.WARNING, fix="remove it"
            )


@MODEL.rule("benchmark", official("configuration.py get_mlperf_model"))
def benchmark(model: Model) -> Iterator[Breach]:
    """The model's directory stands for a benchmark of the round."""
    if model.benchmark is None:
        yield Breach(
            model.path,
            f"{model.name} is no benchmark of the round",
            expected="one of " + ", ".join(model.system.submitter.tree.rules.models),
            fix="in the open division, name the benchmark in model_mapping.json",
        )


@MODEL.rule("scenario", official("loader.py check_scenarios"))
def scenario(model: Model) -> Iterator[Breach]:
    """Each directory of a model is a scenario."""
    if not model.results:
        yield Breach(model.path, "the model has no scenario", expected="a directory like Offline")
    for result in model.results:
        if result.scenario is None:
            yield Breach(
                result.path,
                f"{result.path.name} is no scenario",
                expected="one of " + ", ".join(model.system.submitter.tree.rules.tree.scenarios),
            )


def _both_runs(model: Model, scenario: str) -> str:
    """The two runs of a scenario that the model lacks, like those of a scenario that it has."""
    if not model.results:
        return ""
    like = replace(model.results[0], path=model.path / scenario)
    return " && ".join(run_again(like, mode) for mode in ("performance", "accuracy"))


@MODEL.rule("required", official("loader.py check_scenarios"))
def required(model: Model) -> Iterator[Breach]:
    """Closed division: the scenarios are those the benchmark has on this kind of system, all required ones among them."""
    system = model.system
    if model.benchmark is None or system.submitter.division == "open" or system.description.value is None:
        return
    scenarios = model.benchmark.scenarios.get(system.kind)
    if scenarios is None:
        yield Breach(
            system.description.path,
            f"{model.benchmark.name} is not submitted on systems of this kind",
            found=f"system_type {system.text('system_type') or 'unknown'}",
            expected=" or ".join(kind.replace("-", ",") for kind in model.benchmark.scenarios),
        )
        return
    there = {result.scenario for result in model.results}
    demonstration = system.demonstration
    for missing in (one for one in scenarios.required if one not in there):
        yield Breach(
            model.path,
            f"the scenario {missing} is missing",
            found=", ".join(sorted(filter(None, there))) or "none",
            expected=f"{', '.join(scenarios.required)} on {system.kind} systems",
            fix=_both_runs(model, missing),
            demonstration=demonstration,
        )
    if scenarios.one_of and not there.intersection(scenarios.one_of):
        yield Breach(model.path, "one scenario is missing", expected=" or ".join(scenarios.one_of))
    for result in model.results:
        if result.scenario and result.scenario not in (*scenarios.required, *scenarios.optional):
            yield Breach(
                result.path,
                f"{model.benchmark.name} has no scenario {result.scenario} on {system.kind} systems",
                expected=", ".join((*scenarios.required, *scenarios.optional)),
                fix="remove it, or submit it in the open division",
            )
