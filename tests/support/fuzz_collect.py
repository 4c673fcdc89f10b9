"""Fuzzes everything that ``collect`` and ``compare`` read: runs of ours, bare logs, whole trees, files to be filled in.

Usage: python -m tests.support.fuzz_collect [SECONDS] [SEED]

Results are damaged and collected into an old tree. Whatever the damage, the answer is a tree or one refusal; the source
stays as it is, a refusal leaves the old tree as it was, nothing from outside the source gets into the new one, and
``check`` has a verdict on it. What breaks this is kept in a directory and ends the run with 1.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from mlperf_bake.check.engine import check
from mlperf_bake.cli.collected import as_data
from mlperf_bake.comparison.comparing import compare
from mlperf_bake.comparison.measured import measured
from mlperf_bake.errors import BakeError, UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.runs_file import read_runs_file
from mlperf_bake.submission.system import read_system_file
from tests.support.fuzz_check import SLOWEST_S, corpus, model_tree
from tests.support.mutations import damage, mutate
from tests.support.synthetic_runs import RunSpec, write_pair, write_run

SECRET = b"what lies outside is nobody's submission"
ROUNDS = ("v6.1", "v6.1", "v5.1", "v4.1")
_SAID = b"""- directory: bare/resnet50/Offline/performance/run_1
  model: resnet50
  system: box
  division: open
- directory: 'a b'
  model:
"""


@dataclass(frozen=True, slots=True)
class Models:
    """What damage is done to: the results, an old tree, and the files to be filled in."""

    results: tuple[Path, ...]
    tree: Path
    said: tuple[bytes, bytes]


def models(root: Path) -> Models:
    """Runs of ours, the bare logs of such runs, a whole tree in two layouts; and a tree that results are added to."""
    ours, bare, tree = root / "ours", root / "bare", root / "tree"
    write_pair(ours, RunSpec())
    write_pair(ours, RunSpec(scenario="SingleStream", samples=200))
    write_run(ours, RunSpec(status="interrupted", run_id="stopped"))
    for mode, place in (("performance", "performance/run_1"), ("accuracy", "accuracy")):
        logs = bare / "bare" / "resnet50" / "Offline" / place
        run = write_run(root / "runs", RunSpec(mode=mode))
        (run / "manifest.json").unlink()
        logs.parent.mkdir(parents=True, exist_ok=True)
        run.rename(logs)
        if mode == "accuracy":
            (logs / "accuracy.txt").write_text("accuracy=90.000%, good=18, total=20\n", encoding="utf-8")
    model_tree(root / "sound")
    sound = next(path.parent for path in (root / "sound").rglob("closed"))
    older = root / "older"
    collect([DirectoryPlace(sound)], older, CollectOptions(round="v5.1"))
    write_pair(root / "first", RunSpec(scenario="Server", detail={"result_completed_samples_per_sec": 50.0}))
    made = collect([DirectoryPlace(root / "first")], tree, CollectOptions("Me", system="box"))
    return Models((ours, bare, sound, older), tree, (made.unknown[0].file.read_bytes(), _SAID))


def fuzz_collect(made: Models, scratch: Path, random: Random) -> bool:
    """Damages a copy of some results and collects them into an old tree; whether a new tree came of it.

    Raises:
        Exception: what nobody who collects may see.
        AssertionError: a promise was not kept.
    """
    source, out, secret = scratch / "source", scratch / "out" / "tree", scratch / "outside"
    for place in (source, out.parent, secret):
        shutil.rmtree(place, ignore_errors=True)
    secret.mkdir()
    (secret / "secret.json").write_bytes(SECRET)
    shutil.copytree(random.choice(made.results), source)
    shutil.copytree(made.tree, out)
    damage(source, secret, corpus(), random)
    before, old, start = _content(source), _content(out), time.monotonic()
    rules, choice = random.choice(ROUNDS), random.random()
    (scratch / "copy").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch / "copy") as copy:
        try:
            found, _ = measured([DirectoryPlace(source)], Path(copy), load_round(rules), "resnet50")
            compare(found)
        except UsageError as error:
            str(error).encode("utf-8", "surrogateescape")
    try:
        options = CollectOptions(
            "Me" if choice < 0.8 else None,
            round=rules,
            system="box" if choice < 0.5 else None,
            division="open" if choice < 0.5 else None,
            model="resnet50" if choice < 0.4 else None,
            infer=choice < 0.3,
            given=_said(0, made, scratch, random) if choice < 0.2 else None,
            said=_runs(made, scratch, random) if choice > 0.9 else {},
        )
        collected = collect([DirectoryPlace(source)], out, options)
    except BakeError as error:
        str(error).encode("utf-8", "surrogateescape")
        assert error.exit_code != 1, error
        assert _content(out) == old, "a refusal changed the tree"
        whole = False
    else:
        as_data(collected)
        assert not [path for path in out.rglob("*") if path.is_symlink()], "a link got into the tree"
        assert SECRET not in _content(out).values(), "a file from outside got into the tree"
        check(out, load_round(rules))
        whole = True
    assert _content(source) == before, "the source was changed"
    assert time.monotonic() - start < SLOWEST_S, "collect hangs"
    return whole


def _content(root: Path) -> Mapping[str, bytes]:
    """Path to bytes of every regular file, and to where it leads of every link."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = os.path.relpath(path, root)
        if path.is_symlink():
            found[name] = os.fsencode(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def _said(number: int, made: Models, scratch: Path, random: Random) -> Mapping[str, str]:
    return read_system_file(_mutated(number, made, scratch, random), load_round("v6.1"))


def _runs(made: Models, scratch: Path, random: Random) -> Mapping[str, Mapping[str, str]]:
    return read_runs_file(_mutated(1, made, scratch, random))


def _mutated(number: int, made: Models, scratch: Path, random: Random) -> Path:
    path = scratch / "said.yaml"
    path.write_bytes(mutate(made.said[number], corpus(), random))
    return path


def main() -> int:
    """Fuzzes for some seconds; 1 where something broke."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rounds = trees = 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-fuzz-") as name:
        scratch = Path(name)
        made = models(scratch / "models")
        while time.monotonic() < end:
            rounds += 1
            try:
                trees += fuzz_collect(made, scratch, Random(seed * 10**9 + rounds))
            except Exception as error:
                place = Path(tempfile.gettempdir()) / f"mlperf-bake-fuzz-collect-{seed}-{rounds}"
                shutil.copytree(scratch / "source", place, symlinks=True)
                sys.stderr.write(f"seed {seed}, round {rounds}: {error!r}; the results are in {place}\n")
                raise
    sys.stdout.write(f"{rounds} damaged results: {trees} trees, {rounds - trees} refusals, nothing broke\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
