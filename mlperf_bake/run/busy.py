"""Whether this machine is at work already: a figure that is measured beside other work is no figure of the machine."""

import os

from mlperf_bake.engine.find import Engine

LEAST = 1.5
"""Runnable processes a CPU, on the average of the last minute: more than a run of ours just before leaves behind."""


def already_busy(engine: Engine) -> str:
    """A sentence where the engine's machine does other work; empty where it does not, or is another machine."""
    return told_of(os.getloadavg()[0], engine.cpus) if engine.local else ""


def told_of(load: float, cpus: int) -> str:
    """The sentence for a load average; empty where that is none to speak of."""
    if load < LEAST * cpus:
        return ""
    return (
        f"this machine is busy: a load of {load:.1f} on {cpus} CPUs in the last minute. "
        "What is measured now is less than it can do"
    )
