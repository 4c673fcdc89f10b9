"""The LoadGen release of each round, read off the heads of the rounds' files: the lock needs all rounds, the planner is in
a hurry, and a round's models are what takes time to read."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from mlperf_bake.rounds.load import DATA, loadgen_of, round_names
from mlperf_bake.rounds.model import LoadGenRelease


@cache
def loadgen_releases() -> Mapping[str, LoadGenRelease]:
    """Round to release, newest round first; a round whose seeds no release carries is left out.

    Errors:
        UsageError: a file is not that of a round.
    """
    found = ((name, loadgen_of(DATA / f"{name}.yaml")) for name in round_names())
    return MappingProxyType({name: release for name, release in found if isinstance(release, LoadGenRelease)})
