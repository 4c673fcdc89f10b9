"""Rules on a submitter's directory: the name, the sources, the mapping of models, and what lies beside them."""

import shlex
from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.inventory import Kind
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Submitter, System
from mlperf_bake.program import shown
from mlperf_bake.submission.describing import describing_command
from mlperf_bake.submission.submitters import UNNAMED

SUBMITTER: Final[Table[Submitter]] = Table("submitter")

_ENTRIES: Final = (
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


def _demonstration(submitter: Submitter) -> bool:
    return any(System(submitter, path).demonstration for path in submitter.system_paths)


def _rename(submitter: Submitter) -> str:
    """The directory under another name, which the descriptions of its systems then say, too."""
    there, named = shown(submitter.path), shown(submitter.path.with_name("NAME"))
    steps = [["mv", there, named]]
    root, rules = submitter.tree.root, submitter.tree.rules
    steps += [describing_command(root, "NAME", path.name, rules.name) for path in submitter.system_paths]
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


@SUBMITTER.rule("results", official("loader.py load"))
def results(submitter: Submitter) -> Iterator[Breach]:
    """A submitter's directory holds results."""
    if not submitter.tree.inventory.is_directory(submitter.path / "results"):
        yield Breach(
            submitter.path,
            f"{submitter.name} has no results",
            found="no results/; the official checker ends in a traceback here",
            expected="results/<system>/<model>/<Scenario>",
            fix=shlex.join(["rm", "-r", shown(submitter.path)]),
        )


@SUBMITTER.rule("src", official("checks/measurements_checks.py directory_exist_check"))
def src(submitter: Submitter) -> Iterator[Breach]:
    """The sources are there."""
    inventory = submitter.tree.inventory
    if not submitter.system_paths or inventory.entries(submitter.src):
        return
    others = (submitter.path / "code", submitter.path / "src")
    other = next((path for path in others if path != submitter.src and inventory.is_directory(path)), None)
    yield Breach(
        submitter.src,
        "the sources are missing",
        found=f"{other.name}/, which another round wants" if other else "nothing",
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
        yield Breach(file.path, "the mapping counts in the open division only", severity=Severity.WARNING)
    benchmarks = submitter.tree.rules.models
    for model, benchmark in (file.value or {}).items():
        if not isinstance(benchmark, str) or benchmark not in benchmarks:
            yield Breach(
                file.path,
                f"{model} is mapped to no benchmark of the round",
                found=repr(benchmark),
                expected="one of " + ", ".join(benchmarks),
            )


@SUBMITTER.rule("orphans", RULES_TEXT)
def orphans(submitter: Submitter) -> Iterator[Breach]:
    """Every system described has results."""
    with_results = {path.name for path in submitter.system_paths}
    systems = submitter.path / "systems"
    for name in submitter.tree.inventory.files(systems):
        stem, dot, ending = name.rpartition(".")
        if dot and ending == "json" and stem not in with_results:
            yield Breach(
                systems / name,
                "the description of a system without results",
                found=name,
                expected=f"results/{stem}",
                severity=Severity.WARNING,
                fix="remove it",
            )


@SUBMITTER.rule("stray", RULES_TEXT)
def submitter_stray(submitter: Submitter) -> Iterator[Breach]:
    """Nothing lies beside the submitter's directories that belongs nowhere."""
    for entry in submitter.tree.inventory.entries(submitter.path):
        if entry.name not in _ENTRIES and not entry.name.startswith(".") and entry.kind is not Kind.LINK:
            yield Breach(
                submitter.path / entry.name,
                "not part of a submission",
                found=entry.name,
                severity=Severity.WARNING,
                fix="remove it",
            )
