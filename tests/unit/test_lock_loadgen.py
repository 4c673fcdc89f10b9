"""LoadGen's source distribution is held against the seeds of its round before it is locked."""

import io
import tarfile
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.lock.loadgen import require_round_seeds
from mlperf_bake.rounds import Seeds, load_round

ROUND = load_round("v5.1")


def archive(directory: Path, seeds: Seeds | None, name: str = "mlperf_conf.h") -> Path:
    """A source distribution with the header that LoadGen compiles its settings from."""
    lines = [f"*.*.{key} = {value}" for key, value in seeds.items()] if seeds else []
    text = "const char* mlperf_conf =\n" + "".join(f'"{line}\\n"\n' for line in ["# seeds", *lines]) + ";\n"
    path = directory / "mlcommons_loadgen-5.1.2.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        entry = tarfile.TarInfo(f"mlcommons_loadgen-5.1.2/{name}")
        entry.size = len(text)
        opened.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_the_seeds_of_the_round_are_accepted(tmp_path: Path) -> None:
    require_round_seeds(archive(tmp_path, ROUND.seeds), "v5.1")


def test_other_seeds_are_refused_with_both(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        require_round_seeds(archive(tmp_path, ROUND.seeds), "v6.1")
    assert str(ROUND.seeds.schedule_rng_seed) in str(raised.value.found)
    assert str(load_round("v6.1").seeds.schedule_rng_seed) in str(raised.value.expected)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("name", ["mlperf.conf", "bindings/mlperf_conf.h"])
def test_only_the_header_that_is_compiled_counts(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        require_round_seeds(archive(tmp_path, ROUND.seeds, name), "v5.1")
    assert raised.value.found == "no seeds in mlperf_conf.h"


def test_an_archive_without_seeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not those of round v4\.1"):
        require_round_seeds(archive(tmp_path, None), "v4.1")


def test_a_cut_off_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, ROUND.seeds)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UsageError, match="cannot be read"):
        require_round_seeds(path, "v5.1")
