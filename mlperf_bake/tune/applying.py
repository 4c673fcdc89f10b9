"""Which tuned options a run takes: those for its image, machine and conditions, and never over what the user gave."""

from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.run.harness_options import options_in, overriding
from mlperf_bake.tune.setting import SERVED
from mlperf_bake.tune.stored import EXECUTION, Circumstances, Stored, kept, load


@dataclass(frozen=True, slots=True)
class Applied:
    """Options for the harness, and one line for the user: which were taken from where, or why none were."""

    options: tuple[str, ...]
    says: str


def tuned_options(state: Path, circumstances: Circumstances, given: tuple[str, ...]) -> Applied:
    """The user's options and, before them, those tuned ones that fit.

    Workers, threads and batch were found together, and a rate or an expected latency with them: where the user gives
    one of the former, none of these is taken; where the user gives the target, the others are.

    Args:
        state: ``.mlperf-bake``.
        circumstances: of the run.
        given: the harness's options that the user gave.

    Raises:
        UsageError: the file that would be taken is damaged.
    """
    path = circumstances.path(state)
    if not path.is_file():
        return Applied(given, f"settings: the harness's own defaults; {_why_none(state, circumstances)}")
    stored = load(path)
    stale = _stale(stored, circumstances)
    if stale:
        return Applied(given, f"settings: the harness's own defaults; {path} is left out: {stale}")
    named = {name for name, _ in options_in(given)}
    if named & EXECUTION:
        return Applied(
            given, f"settings: yours; {path} is left out: its workers, threads and batch belong together"
        )
    if "target-qps" in named and circumstances.scenario in SERVED:
        taken = tuple(
            word for name, option in options_in(stored.options) if name in EXECUTION for word in option
        )
    else:
        taken = stored.options
    merged = overriding(taken, given)
    shown = " ".join(word for name, option in options_in(taken) if name not in named for word in option)
    return Applied(merged, f"settings: {shown or 'yours'} (tuned {stored.made_at}, {path})")


def _stale(stored: Stored, now: Circumstances) -> str:
    """Why a setting is not for this run; empty where it is."""
    then = stored.circumstances
    if then.fingerprint != now.fingerprint:
        return f"it is for image {_short(then.fingerprint)}, this one is {_short(now.fingerprint)}"
    if then.machine != now.machine:
        return f"it is for {then.machine}, this is {now.machine}"
    if then.conditions != now.conditions:
        return f"it was tuned with {' '.join(then.conditions) or 'no options'}"
    return ""


def _why_none(state: Path, now: Circumstances) -> str:
    others = kept(state, now.cell_id, now.scenario)
    if not others:
        return (
            "none were tuned for this scenario yet: "
            f"`mlperf-bake tune {now.cell_id} --scenario {now.scenario}` finds them"
        )
    try:
        other = load(others[-1])
    except UsageError as error:  # another machine's, perhaps: no reason not to run here
        return f"{others[-1]} is left out: {error.problem}"
    return f"{others[-1]} is left out: {_stale(other, now) or 'it lies under another name'}"


def _short(fingerprint: str) -> str:
    return fingerprint.removeprefix("sha256:")[:12] or "without a fingerprint"
