"""What each exit code of the harness means for the user, and what to do about it (docs/contracts.md, "Harness")."""

from dataclasses import dataclass

from mlperf_bake.errors import BakeError, Interrupted, RunFailed, UsageError
from mlperf_bake.results import figures
from mlperf_bake.run.interrupted import AGAIN
from mlperf_bake.shipped import page

FINISHED_VALID = 0
FINISHED_INVALID = 9
USAGE = 2
INTERRUPTED = 12

SPEAKS = "mlperf-harness: "
"""What the harness's own sentence begins with."""

KILLED = 137
"""128 + SIGKILL."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A failure of the harness: one sentence, one remedy, in which ``{cell_id}`` stands for the image's cell."""

    problem: str
    remedy: str


OF_THE_CLASS = (6, 14)
"""What a class of the user's is to blame for, where one answered."""
BUILD_AGAIN = "build the image again: mlperf-bake build --force {cell_id}"
CRASHED = "read what it said above; try it with -- --workers 1 --threads 1, and a class of your own with a smaller batch"

ENDINGS = {
    3: Ending("the image's cell.conf is missing or wrong", BUILD_AGAIN),
    4: Ending(
        "the data set cannot be used",
        "--data sample takes the model's own; the container's user must be able to read a directory",
    ),
    5: Ending("the weights are missing or have another checksum", BUILD_AGAIN),
    6: Ending("the backend failed", "read what it said above; try it with -- --workers 1 --threads 1"),
    7: Ending(
        "the results cannot be written",
        "use a new volume or a directory of your own; a run id is used once only",
    ),
    8: Ending("LoadGen refused the run, or its seeds are not the round's", "read what it said above"),
    13: Ending(
        "the backend did not come back",
        "where a batch may take that long: -- --watchdog SECONDS; otherwise try -- --workers 1 --threads 1",
    ),
    14: Ending("the backend answered wrongly", BUILD_AGAIN),
    15: Ending(
        "the backend leaks memory",
        "where it is meant to keep that much: -- --leak-limit-mb MB; a newer version of its library may not leak",
    ),
    125: Ending("the engine could not start the container", "mlperf-bake doctor"),
    126: Ending(
        "the image's program cannot be run on this machine", "mlperf-bake doctor --mend --platform linux/ARCH"
    ),
    127: Ending("the image has no harness", BUILD_AGAIN),
    132: Ending(
        "the backend used an instruction that this processor lacks (SIGILL)",
        "another framework, or another machine: mlperf-bake list --framework",
    ),
    134: Ending("the backend gave up (SIGABRT)", CRASHED),
    139: Ending("the backend crashed (SIGSEGV)", CRASHED),
}


def error_for(
    exit_code: int,
    *,
    cell_id: str,
    image: str,
    said: tuple[str, ...],
    out_of_memory: bool,
    memory: int,
    going_on: str = AGAIN,
    own_class: str = "",
) -> BakeError:
    """The error for a run that left no result.

    Args:
        exit_code: of the container.
        cell_id: which cell.
        image: its reference.
        said: the last lines for people.
        out_of_memory: whether the kernel ended it for memory.
        memory: the container's limit in bytes.
        going_on: what to do where it was interrupted.
        own_class: the class that answered in place of the image's own, as `--class` took it.
    """
    if exit_code == INTERRUPTED:
        return Interrupted("the run was interrupted; nothing of it counts", where=cell_id, remedy=going_on)
    if exit_code == USAGE:
        return _usage(said, cell_id, image)
    sentence = sentence_in(said)
    found = f"exit code {exit_code}" if sentence is None else f"{sentence} (exit code {exit_code})"
    if out_of_memory:
        return RunFailed(
            "the run needed more memory than it may take",
            where=cell_id,
            found=f"limit {figures.memory(memory)}",
            remedy="--memory MIB raises the limit; fewer workers and a smaller batch (-- --workers 1 --batch 1) need less",
        )
    ending = ENDINGS.get(exit_code)
    if ending is None:
        killed = exit_code == KILLED
        return RunFailed(
            "the container was killed" if killed else f"the harness ended with exit code {exit_code}",
            where=cell_id,
            found=found if sentence or killed else None,
            remedy="dmesg may say why" if killed else "read what it said above",
        )
    return RunFailed(
        ending.problem,
        where=cell_id,
        found=found,
        remedy=f"correct {own_class}, then the same command again; {page('backends.md')} says what a class must have"
        if own_class and exit_code in OF_THE_CLASS
        else ending.remedy.format(cell_id=cell_id),
    )


def sentence_in(said: tuple[str, ...]) -> str | None:
    """The harness's last sentence, which says what is wrong; where it had none, the last lines of all."""
    own = [line.removeprefix(SPEAKS) for line in said if line.startswith(SPEAKS)]
    return own[-1] if own else " | ".join(said[-3:]) or None


def _usage(said: tuple[str, ...], cell_id: str, image: str) -> UsageError:
    """The harness's sentence "what is wrong; what to do.", in its two halves."""
    problem, _, rest = (sentence_in(said) or "the harness does not take this command").partition("; ")
    rest = rest.rstrip(".")
    expected = rest.removeprefix("expected ") if rest.startswith("expected ") else None
    if not rest or expected or rest.startswith("--help"):
        rest = f"docker run --rm {image} --help lists the harness's options"
    return UsageError(problem.rstrip("."), where=cell_id, expected=expected, remedy=rest)
