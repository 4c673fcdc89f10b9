"""CMake refuses a LoadGen whose compiled-in seeds are not those of the round that it is to be compiled for."""

import subprocess
from pathlib import Path

import pytest

from mlperf_bake.rounds import Seeds, load_round

ROOT = Path(__file__).parents[2]


def configured(directory: Path, carried: Seeds | None, wanted: Seeds) -> subprocess.CompletedProcess[str]:
    """A project that takes LoadGen ready compiled, with a source distribution that carries these seeds."""
    source = directory / "loadgen"
    source.mkdir()
    (source / "loadgen.h").touch()
    library = directory / "libmlperf_loadgen.a"
    library.touch()
    if carried:
        lines = "".join(f'"*.*.{name} = {value}\\n"\n' for name, value in carried.items())
        (source / "mlperf_conf.h").write_text(
            'const char* mlperf_conf =\n"# all models\\n"\n' + lines + ";\n", encoding="utf-8"
        )
    (directory / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(seeds LANGUAGES NONE)\n"
        f'include("{ROOT}/harness/cmake/LoadGen.cmake")\n',
        encoding="utf-8",
    )
    seeds = ";".join(str(value) for _, value in wanted.items())
    return subprocess.run(
        [
            *("cmake", f"-S{directory}", f"-B{directory / 'build'}", f"-DLOADGEN_DIR={source}"),
            *(f"-DLOADGEN_LIB={library}", f"-DLOADGEN_SEEDS={seeds}"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("toolchain")
def test_the_rounds_own_seeds_are_taken(tmp_path: Path) -> None:
    seeds = load_round("v5.1").seeds
    done = configured(tmp_path, seeds, seeds)
    assert "are not those of the round" not in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("toolchain")
def test_another_rounds_seeds_are_refused_with_both(tmp_path: Path) -> None:
    carried, wanted = load_round("v5.1").seeds, load_round("v6.1").seeds
    done = configured(tmp_path, carried, wanted)
    assert done.returncode != 0
    told = " ".join(done.stderr.split())
    for seeds in (carried, wanted):
        assert ";".join(str(value) for _, value in seeds.items()) in told.replace("; ", ";")


@pytest.mark.usefixtures("toolchain")
def test_a_loadgen_without_seeds_is_refused(tmp_path: Path) -> None:
    done = configured(tmp_path, None, load_round("v6.1").seeds)
    assert done.returncode != 0
    assert "are not those of the round" in " ".join(done.stderr.split())
