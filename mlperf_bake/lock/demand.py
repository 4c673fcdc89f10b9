"""What a matrix needs pinned: one line of text a thing, so that a lock can say exactly what it was made from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Fetch, Hardware, Weights

Section = Literal["bases", "loadgen", "packages", "sources", "weights"]
SECTIONS: tuple[Section, ...] = ("bases", "loadgen", "packages", "sources", "weights")
SUPPLIED = "supplied"
"""Asked for where whoever builds gives weights that no checksum is known of."""
BUILD_ARCHITECTURES = ("amd64", "arm64")
"""The machines that images can be built on."""


@dataclass(frozen=True, order=True, slots=True)
class Demand:
    """One thing to pin: its section and key in matrix.lock, and what exactly is asked for."""

    section: Section
    key: str
    wanted: str


def package_key(fetch: Fetch, machine: str | None = None) -> str:
    """The key of a package in the lock: registry, name, version, and the machine where the file differs by it."""
    parts = [fetch.registry, fetch.name, fetch.version, *([machine] if machine else [])]
    return " ".join(parts)


def wheel_key(fetch: Fetch, hardware: Hardware) -> str:
    """The key of a compiled wheel for one hardware."""
    return package_key(fetch, hardware.machine)


def demands(matrix: Matrix, loadgen: Mapping[str, str]) -> tuple[Demand, ...]:
    """Everything that must be pinned for ``matrix``, sorted.

    Args:
        loadgen: round to LoadGen release, for every round that has one: images can be built for each.
    """
    found = {Demand("loadgen", name, version) for name, version in loadgen.items()}
    found.update(Demand("bases", key, image.reference) for key, image in matrix.bases)
    for framework in matrix.frameworks.values():
        for hardware in matrix.hardware.values():
            package = framework.on(hardware.name).package
            if package and matrix.may_meet("framework", framework.name, "hardware", hardware.name):
                tag = f"cp{package.python} {package.platform_tag}_{hardware.machine}"
                found.add(Demand("packages", wheel_key(package, hardware), tag))
        if headers := framework.headers:
            for architecture in BUILD_ARCHITECTURES:
                found.add(Demand("packages", package_key(headers, architecture), headers.suite or ""))
    for implementation in matrix.implementations.values():
        if source := implementation.source:
            found.add(Demand("sources", implementation.name, f"{source.git} {source.revision}"))
    for model in matrix.models.values():
        weights = model.weights
        found.add(Demand("weights", model.name, _wanted(weights)))
        if weights.fetch:
            found.add(Demand("packages", package_key(weights.fetch), "any"))
    return tuple(sorted(found))


def _wanted(weights: Weights) -> str:
    if weights.kind == "given":
        return f"given {weights.sha256}" if weights.sha256 else SUPPLIED
    return weights.url or f"recipe {weights.recipe}"


def checksum(wanted: tuple[Demand, ...]) -> str:
    """``sha256:`` and 64 hex digits over the demands: what the lock says it was made from."""
    text = "".join(f"{demand.section}\t{demand.key}\t{demand.wanted}\n" for demand in wanted)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
