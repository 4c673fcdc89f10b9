"""Runs the reference implementation's program once and leaves a result directory as the contract has it.

The program runs in a copy of its own directory below the results, the one place that can be written. The result gets its
name when it is complete, so that a run that was killed is never taken for one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import FrameType

from mlperf_reference import arguments, audit, failure
from mlperf_reference.cell import Cell, read_cell
from mlperf_reference.failure import Failure
from mlperf_reference.loadgen_log import read_detail
from mlperf_reference.manifest import accuracy_of, manifest, sha256_of

LOGS = ("mlperf_log_summary.txt", "mlperf_log_detail.txt", "mlperf_log_accuracy.json")

STARTUP = Path(__file__).parent / "startup"
"""What Python runs before the program."""

GREETING = """The reference implementation of mlcommons/inference behind mlperf-bake's image contract.
  docker run --rm IMAGE --help
  docker run --rm -v results:/results -v DATA:/data:ro IMAGE --scenario Offline --mode performance --data /data
"""


def main(words: list[str]) -> int:
    """The exit code of the contract."""
    if not words:
        sys.stdout.write(GREETING)
        return 0
    try:
        return run(words)
    except Failure as error:
        sys.stderr.write(f"mlperf-reference: {error}\n")
        return error.code


def run(words: list[str]) -> int:
    """One run. Errors: Failure."""
    options = arguments.parse(words)
    cell = read_cell(options.cell)
    require_weights(cell)
    if not options.data.is_dir():
        raise Failure(
            failure.DATA, f"{options.data} is no directory; mount the data set there: -v DIR:/data:ro."
        )
    test = arguments.compliance_test(options)
    given = {word.partition("=")[0] for word in words}
    audited = audit.settings(cell, test, options.scenario, given) if test else {}
    partial, final = places(options.results, options.run_id)
    try:
        validity = perform(cell, options, words, audited, partial)
    except Failure:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    partial.rename(final)
    tell(
        options.progress, {"event": "done", "run": options.run_id, "status": "finished", "validity": validity}
    )
    return 0 if validity == "VALID" else failure.INVALID


def perform(cell: Cell, options: Namespace, words: list[str], audited: dict[str, int], partial: Path) -> str:
    """Runs the program in ``partial`` and leaves there what a result holds; its validity. Errors: Failure."""
    started = now()
    work = partial / "work"
    out = work / "out"
    conf = partial / "user.conf"
    conf.write_text(arguments.user_conf(options), encoding="utf-8")
    prepare(cell, options, work, conf)
    if audited:
        config = audit.text(audited, options.scenario)
        for directory, name in product((work, out, partial), audit.FILES):
            (directory / name).write_text(config, encoding="utf-8")
    program = [sys.executable, cell.program.name, *arguments.program_words(cell, options, out, conf)]
    variables = dict(
        arguments.fill(word, cell, options, out, conf).split("=", 1)
        for word in cell.words("reference_environment")
    )
    ended = follow(program, work, variables, options.progress)
    if ended == failure.INTERRUPTED:
        raise Failure(failure.INTERRUPTED, "the run was interrupted; nothing of it counts.")
    logs = find_logs(work)
    complete = logs is not None and came_to_an_end(logs, options.mode)
    if ended != 0 and not (complete and options.mode == "accuracy"):
        raise Failure(
            failure.BACKEND, f"{cell['reference_program']} ended with {ended}; what it said stands above."
        )
    if logs is None or not complete:
        raise Failure(failure.BACKEND, "the program ended and LoadGen did not; what it said stands above.")
    if ended != 0:
        sys.stderr.write(
            f"mlperf-reference: the program ended with {ended} after LoadGen's accuracy run was complete; its log is "
            "kept, without a figure of the program's own: mlperf-bake accuracy RUN measures it.\n"
        )
    accuracy = accuracy_of(cell, logs) if options.mode == "accuracy" and ended == 0 else None
    for name in LOGS:
        if (logs / name).is_file():
            shutil.move(logs / name, partial / name)
        else:
            (partial / name).touch()
    values = read_detail(partial / "mlperf_log_detail.txt")
    audit.require_effective(audited, values)
    record = manifest(cell, options, words, values, (started, now()), accuracy)
    shutil.rmtree(work)
    if audited:
        for name in audit.FILES[1:]:
            (partial / name).unlink()
    (partial / "manifest.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return str(record["result"]["validity"])


def require_weights(cell: Cell) -> None:
    """Does nothing where the weights are there, and are those that are locked. Errors: Failure with WEIGHTS."""
    path = cell.weights
    if not path.is_file():
        supply = path.parents[len(Path(cell["weights"]).parts) - 2] / "SUPPLY"
        how = f": {supply.read_text(encoding='utf-8').strip()}" if supply.is_file() else "."
        raise Failure(
            failure.WEIGHTS,
            f"{path} is missing; mount its directory, -v DIR:{cell.root / 'weights'}:ro, "
            f"or build with --context weights=DIR{how}",
        )
    expected = cell["weights_sha256"]
    if expected != "unlocked" and (found := sha256_of(path)) != expected:
        raise Failure(failure.WEIGHTS, f"{path} has sha256 {found}, expected {expected}.")


def places(results: Path, run_id: str) -> tuple[Path, Path]:
    """Where the run is written, and its name when it is complete. Errors: Failure with RESULTS."""
    partial, final = results / f".partial-{run_id}", results / run_id
    try:
        if final.exists():
            raise Failure(failure.RESULTS, f"{final} exists already; choose another --run-id.")
        partial.mkdir()
    except OSError as error:
        raise Failure(
            failure.RESULTS, f"{results} cannot be written: {error.strerror}; mount a volume there."
        ) from error
    return partial, final


def prepare(cell: Cell, options: Namespace, work: Path, conf: Path) -> None:
    """A copy of the program's directory, with links where it reads files at fixed places."""
    if not cell.program.is_file():
        raise Failure(
            failure.CELL,
            f"{cell.program} is missing; build the image with a complete --context reference=DIR.",
        )
    shutil.copytree(cell.program.parent, work, symlinks=True)
    (work / "out").mkdir(exist_ok=True)
    for word in cell.words("reference_links"):
        place, _, target = word.partition("=")
        link = work / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(arguments.fill(target, cell, options, work / "out", conf))


def follow(program: list[str], work: Path, variables: dict[str, str], progress: str) -> int:
    """Runs the program to its end and passes on what it says; its exit status, or INTERRUPTED where a signal came."""
    paths = (str(STARTUP), *os.environ.get("PYTHONPATH", "").split(os.pathsep))
    environment = {
        **variables,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "HOME": str(work),
        "LOG_PATH": str(work / "out"),
        "SKIP_VERIFY_ACCURACY": "1",
        "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1"),
    }
    process = subprocess.Popen(
        program,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    interrupted = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    tell(progress, {"event": "phase", "phase": "measuring"})
    assert process.stdout is not None
    for line in process.stdout:
        if progress != "none":
            sys.stderr.write(line.decode("utf-8", errors="replace"))
    status = process.wait()
    return failure.INTERRUPTED if interrupted else status


def find_logs(work: Path) -> Path | None:
    """The directory that LoadGen wrote to, the newest where there are several; None where it wrote nothing."""
    found = sorted(work.rglob("mlperf_log_detail.txt"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def came_to_an_end(logs: Path, mode: str) -> bool:
    """Whether LoadGen did: it gives performance runs a verdict and closes the accuracy log, last of all, in accuracy runs."""
    if mode != "accuracy":
        return "result_validity" in read_detail(logs / "mlperf_log_detail.txt")
    log = logs / "mlperf_log_accuracy.json"
    if not log.is_file():
        return False
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 16))
        return stream.read().rstrip().endswith(b"]")


def tell(progress: str, event: dict[str, str]) -> None:
    """One line of progress."""
    if progress != "none":
        line = json.dumps(event) if progress == "json" else " ".join(event.values())
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
