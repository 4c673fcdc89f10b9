"""The command that runs again what LoadGen called INVALID, with the option that the harness says was wrong."""

import shlex
from collections.abc import Sequence

from mlperf_bake.run.harness_options import as_typed, overriding
from mlperf_bake.run.service import RunOutcome


def correction_of(outcome: RunOutcome) -> tuple[str, tuple[str, ...]]:
    """What an INVALID run missed, and the harness's options that would have met it; empty where the manifest has none."""
    result = outcome.manifest.get("result")
    correction = result.get("correction") if isinstance(result, dict) else None
    if not isinstance(correction, dict):
        return "", ()
    options = correction.get("options")
    words = tuple(str(word) for word in options) if isinstance(options, list) else ()
    return str(correction.get("because") or ""), words


def corrected_command(outcome: RunOutcome, command: Sequence[str], harness_options: Sequence[str]) -> str:
    """The command as a shell takes it; empty where the harness offers no other option.

    Args:
        outcome: of the run.
        command: ``mlperf-bake run ...`` up to the harness's options.
        harness_options: those the run was given.
    """
    _, options = correction_of(outcome)
    if not options:
        return ""
    return shlex.join([*command, *as_typed(overriding(harness_options, options))])
