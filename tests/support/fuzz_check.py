"""Fuzzes everything that ``check`` reads: no crash, no hang, nothing opened outside the tree.

Usage: python -m tests.support.fuzz_check [SECONDS] [SEED]

Readers get mutations of the files in tests/corpus/check, ``check`` gets damaged trees. A reader may refuse a file with a
``UsageError`` and nothing else; ``check`` always gives a verdict that every form can show. What breaks this is written to
a file and ends the run with 1.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from mlperf_bake.check.data import as_data
from mlperf_bake.check.engine import check
from mlperf_bake.check.files import FORMS, write
from mlperf_bake.check.opened import read_mapping, read_text, read_yaml
from mlperf_bake.check.power_log import Window, moment, read_draw, read_session
from mlperf_bake.check.report import plain
from mlperf_bake.cli.output import print_json
from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import read_detail, read_summary
from mlperf_bake.results.log_line import BadLine, read_line
from mlperf_bake.results.manifest import read_manifest
from mlperf_bake.rounds import load_round
from tests.support.endpoint_trees import write_endpoint_tree
from tests.support.mutations import damage, mutate
from tests.support.power_session import add_power
from tests.support.submission_trees import CLOSED, add_compliance, build
from tests.support.synthetic_runs import RunSpec

CORPUS = Path(__file__).parents[1] / "corpus" / "check"
SLOWEST_S = 20.0
"""A single reading that takes longer, on however busy a machine, counts as a hang."""
_BEGIN, _END = moment("11-22-2026 09:15:00.500"), moment("11-22-2026 09:15:10.500")


def _read_lines(path: Path) -> None:
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            read_line(line)
        except BadLine:
            continue


READERS: tuple[Callable[[Path], object], ...] = (
    read_detail,
    read_summary,
    _read_lines,
    read_mapping,
    read_manifest,
    read_session,
    read_text,
    read_yaml,
    *((partial(read_draw, window=Window(_BEGIN, _END)),) if _BEGIN and _END else ()),
)


def corpus() -> tuple[bytes, ...]:
    """The files to start from, by name."""
    return tuple(path.read_bytes() for path in sorted(CORPUS.iterdir()))


def fuzz_reader(data: bytes, scratch: Path) -> int:
    """Gives a file to every reader; how many took it.

    Raises:
        Exception: what no reader may raise.
        AssertionError: one took too long.
    """
    path = scratch / "file"
    path.write_bytes(data)
    taken = 0
    for read in READERS:
        start = time.monotonic()
        try:
            read(path)
            taken += 1
        except UsageError as error:
            str(error).encode("utf-8", "surrogateescape")
        assert time.monotonic() - start < SLOWEST_S, f"{read} hangs"
    return taken


def model_tree(root: Path) -> Path:
    """A small tree: a closed result with compliance tests and a power measurement, and open ones through an endpoint."""
    tree = build(root, RunSpec(model="resnet50"), "closed")
    add_compliance(tree)
    for scenario in ("SingleStream", "MultiStream"):
        shutil.rmtree(tree / CLOSED.model / scenario)
    add_power(tree / CLOSED.result)
    write_endpoint_tree(tree, load_round("v6.1"), "wan-2.2-t2v-a14b", division="open")
    return tree


@contextmanager
def opened_outside(tree: Path) -> Iterator[list[str]]:
    """The files of other people that are opened meanwhile: neither in the tree nor of this program."""
    outside: list[str] = []
    watching = True
    own = tuple(
        os.path.realpath(place) for place in (tree, Path(__file__).parents[2], sys.prefix, sys.base_prefix)
    )

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[0], str):
            real = os.path.realpath(arguments[0])
            if not real.startswith(own):
                outside.append(real)

    sys.addaudithook(audit)
    try:
        yield outside
    finally:
        watching = False


def fuzz_tree(model: Path, scratch: Path, random: Random) -> str:
    """Damages a copy of a tree and judges it; the verdict's word.

    Raises:
        Exception: ``check`` or a form of its verdict crashed.
        AssertionError: it took too long, or read a file outside the tree.
    """
    tree, secret = scratch / "tree", scratch / "outside"
    secret.mkdir(exist_ok=True)
    (secret / "secret.json").write_text('{"secret": 1}', encoding="utf-8")
    shutil.copytree(model, tree)
    damage(tree, secret, corpus(), random)
    start = time.monotonic()
    with opened_outside(tree) as outside:
        verdict = check(tree, load_round("v6.1"))
    assert time.monotonic() - start < SLOWEST_S, "check hangs"
    assert [path for path in outside if str(secret) in path or path.startswith(("/etc", "/root"))] == []
    plain(verdict).encode("utf-8")
    sys.stdout, kept = open(os.devnull, "w", encoding="utf-8"), sys.stdout  # noqa: PTH123, SIM115
    try:
        print_json(as_data(verdict))
    finally:
        sys.stdout.close()
        sys.stdout = kept
    for form in FORMS:
        write(form, scratch / form, verdict)
    shutil.rmtree(tree)
    return verdict.state.value


def main() -> int:
    """Fuzzes for some seconds; 1 where something broke."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    files, rounds, trees, taken = corpus(), 0, 0, 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-fuzz-") as name:
        scratch = Path(name)
        model = model_tree(scratch / "model")
        while time.monotonic() < end:
            rounds += 1
            random = Random(seed * 10**9 + rounds)
            data = mutate(random.choice(files), files, random)
            try:
                taken += fuzz_reader(data, scratch)
                if rounds % 20 == 0:
                    trees += 1
                    fuzz_tree(model, scratch, random)
            except Exception as error:
                place = Path(tempfile.gettempdir()) / f"mlperf-bake-fuzz-{seed}-{rounds}"
                place.write_bytes(data)
                sys.stderr.write(f"seed {seed}, round {rounds}: {error!r}; the file is in {place}\n")
                raise
    sys.stdout.write(
        f"{rounds} files to {len(READERS)} readers ({taken} taken), {trees} trees: nothing broke\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
