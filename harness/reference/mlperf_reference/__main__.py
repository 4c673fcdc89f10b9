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
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from mlperf_reference import arguments, audit, failure
from mlperf_reference.cell import Cell, read_cell
from mlperf_reference.failure import Failure
from mlperf_reference.loadgen_log import read_detail
from mlperf_reference.manifest import accuracy_of, manifest, sha256_of

LOGS = ("mlperf_log_summary.txt", "mlperf_log_detail.txt", "mlperf_log_accuracy.json")

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
    started = now()
    work = partial / "work"
    conf = partial / "user.conf"
    conf.write_text(arguments.user_conf(options), encoding="utf-8")
    prepare(cell, options, work, conf)
    if test:
        for directory in (work, partial):
            config = audit.text(audited, options.scenario)
            (directory / audit.FILE).write_text(config, encoding="utf-8")
    out = work / "out"
    program = [sys.executable, cell.program.name, *arguments.program_words(cell, options, out, conf)]
    ended = follow(program, work, options.progress)
    if ended != 0:
        shutil.rmtree(partial, ignore_errors=True)
        if ended == failure.INTERRUPTED:
            raise Failure(failure.INTERRUPTED, "the run was interrupted; nothing of it counts.")
        raise Failure(
            failure.BACKEND, f"{cell['reference_program']} ended with {ended}; what it said stands above."
        )
    logs = find_logs(work)
    accuracy = accuracy_of(logs) if options.mode == "accuracy" else None
    for name in LOGS:
        if (logs / name).is_file():
            shutil.move(logs / name, partial / name)
        else:
            (partial / name).touch()
    values = read_detail(partial / "mlperf_log_detail.txt")
    try:
        audit.require_effective(audited, values)
    except Failure:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    record = manifest(cell, options, words, values, (started, now()), accuracy)
    if record["result"] is None:
        raise Failure(
            failure.BACKEND, "LoadGen's log has no verdict; the program did not run LoadGen to its end."
        )
    shutil.rmtree(work)
    (partial / "manifest.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.rename(final)
    validity = record["result"]["validity"]
    tell(
        options.progress, {"event": "done", "run": options.run_id, "status": "finished", "validity": validity}
    )
    return 0 if validity == "VALID" else failure.INVALID


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


def prepare(cell: Cell, options: object, work: Path, conf: Path) -> None:
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
        link.symlink_to(arguments.fill(target, cell, options, work / "out", conf))  # type: ignore[arg-type]


def follow(program: list[str], work: Path, progress: str) -> int:
    """Runs the program to its end and passes on what it says; its exit status, or INTERRUPTED where a signal came."""
    environment = {
        **os.environ,
        "HOME": str(work),
        "LOG_PATH": str(work / "out"),
        "SKIP_VERIFY_ACCURACY": "1",
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


def find_logs(work: Path) -> Path:
    """The directory that LoadGen wrote to, the newest where there are several. Errors: Failure with BACKEND."""
    found = sorted(work.rglob("mlperf_log_detail.txt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise Failure(failure.BACKEND, "the program ended without LoadGen's logs.")
    return found[-1].parent


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
