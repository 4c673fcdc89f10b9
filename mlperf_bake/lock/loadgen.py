"""LoadGen's source distribution, and the seeds that are compiled into LoadGen from it: they must be the round's.

A release carries its seeds twice: in mlperf.conf, for people, and in mlperf_conf.h, which is what is compiled.
"""

import re
import tarfile
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import Seeds, load_round

PACKAGE = "mlcommons-loadgen"
COMPILED = "mlperf_conf.h"
READ_LIMIT = 1 << 20


def require_round_seeds(archive: Path, round_name: str) -> None:
    """Does nothing where the archive carries the seeds of the round.

    Errors:
        UsageError: it carries none, or others; both are named.
    """
    expected, found = load_round(round_name).seeds, _seeds_in(archive)
    if found == expected:
        return
    raise UsageError(
        f"the seeds in {archive.name} are not those of round {round_name}",
        found=_shown(found) if found else f"no seeds in {COMPILED}",
        expected=_shown(expected),
        remedy=f"name the release that carries them in mlperf_bake/rounds/data/{round_name}.yaml",
    )


def _seeds_in(archive: Path) -> Seeds | None:
    """The compiled-in seeds; None where there are none. Errors: UsageError where the archive cannot be read."""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            entry = next((one for one in opened if one.isfile() and _in_top(one.name) == COMPILED), None)
            stream = opened.extractfile(entry) if entry else None
            text = stream.read(READ_LIMIT).decode("utf-8", "replace") if stream else ""
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UsageError(
            "the source distribution cannot be read",
            where=archive.name,
            found=str(error),
            remedy="mlperf-bake lock",
        ) from error
    values = [
        re.search(rf'^"\*\.\*\.{name} = ([0-9]+)\\n"', text, re.MULTILINE)
        for name in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
    ]
    numbers = [int(value[1]) for value in values if value]
    return Seeds(*numbers) if len(numbers) == len(values) else None


def _in_top(name: str) -> str:
    """The path below the archive's one directory."""
    return name.partition("/")[2]


def _shown(seeds: Seeds) -> str:
    return ", ".join(f"{name} {value}" for name, value in seeds.items())
