"""What `build --dry-run` shows to people: each image and why, then one sentence of how much that is."""

from mlperf_bake.build.intention import Intention
from mlperf_bake.build.view import short_seconds
from mlperf_bake.cli.output import counted, print_prose, print_table


def print_intention(intended: Intention) -> None:
    """A table of the images, and what building them takes."""
    print_table(
        ("CELL", "FINGERPRINT", "STATE", "LAST TOOK", "WHY"),
        [
            (image.cell_id, image.fingerprint[7:19], state.action, _took(intended, image.cell_id), state.why)
            for image, state in intended.states
        ],
        least=("FINGERPRINT", "LAST TOOK"),
    )
    print_prose(summary(intended))


def summary(intended: Intention) -> str:
    """How many images would be built, where they go, and what that takes."""
    waiting = intended.to_build
    if not waiting:
        return f"Nothing would be built of {counted(len(intended.states), 'image')}."
    jobs = min(intended.jobs, len(waiting))
    at_a_time = f", {jobs} at a time" if jobs > 1 else ""
    place = "the engine's own store" if intended.output.layouts is None else intended.output.registry
    return (
        f"{len(waiting)} of {counted(len(intended.states), 'image')} would be built{at_a_time}, into {place}: "
        f"{intended.room}. The same with `--json` prints the bake file that says how."
    )


def _took(intended: Intention, cell_id: str) -> str:
    seconds = intended.seconds.get(cell_id)
    return "-" if seconds is None else short_seconds(seconds)
