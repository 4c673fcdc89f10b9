"""Pickled tables: read without being run, in the forms that pandas writes; everything else in a pickle ends the reading."""

import base64
import gzip
import json
import os
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.datasets.pickled_table import read_columns
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.errors import UsageError

# DataFrame({"id", "input", "output", "tok_input", "tok_output", "tok_input_length", "score", "origin"}) of three rows.
PANDAS_2_3 = (  # to_pickle(protocol=4), NumPy 2.4
    "H4sIAAAAAAACA41TzW7TQBC2HTtJC2qpkEoQEuIYLpYKlx5AQRRVAqtB6j1are2NbcVZW/aaNBKVwqGllfaW5QbPwCuhPgFv"
    "ADNrB1LooSt5Zrw/M983Pwv7y6Ft6CV3cspDWrpBVjB3XNApU3LjDRX0UNtL9fSTOlV9aZNpVCj5eP16wgUrOE1Ld0o5jVhR"
    "Knn3dZoFk6P6H5735W7zhKSJX/59o+Q2qXieBJOUER8fwW25y6tpPneJ9j+tUpHQoqBz8EsKFmS8FEUVCLzp6JtKdsC5vrJU"
    "nnGmDkxffVbHqu+ZnuO1zlW8LZ1QzHPkIq33++ryoj5vSfOjGg6H737B0sIbCOVfjgCzE2TC3VOyPU4pd59htOSD+xwc0AEI"
    "H0UAojVnQGSLZ0+uFkv4vp5cLb4paaiRBmAeta2j74LVfxZor0VBOBR32l4Hd7qUQVjZ9asE6HLw55RpEjBNCDiYCNezUMZ3"
    "4q14B2nG91ckTU2yJ63kGrUX/1AzkNpBrym7YTXabLSC43gPorVvHW+8Fi9+eWO02vePQa1/Ntp41USDBNwu2iNdlBYURUkb"
    "SwKZh4IoVvvpeN11PwKzL3vXOzVkJ6x0fVpCf28SzmbkLe5BkmNfOitbd3oI3a/+h9I9WwGxkhCKlPC8AjztrBLa2BDZhDSb"
    "m2ivDu79OSAp45GIscIICx8XSZRwTUTaHCduWJ1jLkL58CYCBeURMjhGvYY6ng3BqaCFgKaRdimyHHoNDQaGqX0yFDDIMAyA"
    "Flmu5p1MmaCa9giwUSFgkk8BHYFcR9p8QNM0m5UkrHLoTSoYSanPYIovysp3fwOa64k5UQQAAA=="
)
PANDAS_1_5 = (  # to_pickle(protocol=5), NumPy 1.26
    "H4sIAAAAAAACA3VUUU/UQBBue9e7AwyIRsWYGB/xpQn6woMGIsZEG86Ed7Ju273rhnbbbLfCJZLgAwjJvjH6pL/Bv2T4Bf4D"
    "nd325EDd5Gamuzsz38y3c0f+53ddxy69XFKR0CqIC8mCkaQ5Az33kir6ytrn8PgjHMKq7pJ8LEE/nL3OhWJS0KwKciromMkK"
    "9I0XWRHvbTff6L6q77YuJONRdekDeonUouTxXsZIZJzwtr4j6rycNOHzOlOcSkknGJZIFheiUrKOlbno24ug+xjbXjmH0DmG"
    "LTeCT7ADq6Eb+mHnBNIl7SdqUppStPd2Hc5Om/OOdj/AcDh88wuXFeGGguhsFyH7caGCNdC9UUZF8MRk4++DpxiAbqCIjIhR"
    "dCYM61gUxaOLo3P8fT24OPoG2oFdC8Dd7nnb3xVrvjzUYYei8KnZ6YV9szOgDNPqQVRzLFdgPL/KeMxsQViDa+CGnpHpgr41"
    "0x80meQx6AUykkUe1aNR0/IvKw25Tkuy47XabTWkK9rjV3rx7FovHASFoLGD2t0CZbKvIZreVTzp+mWyZv3YaPTPVjubNtlo"
    "Jln6/H+p0s02EfbmWqLFdNnwm96ests4PLB8dZAv0F3DFpKCXIHpKcbph4PZOMoQo1euvuGEHbAqiGiFL3+eCLZPXps9bGQa"
    "aX9q2xlIcC7gbyiD4ykQjyfIHxdljXh6Ra2sMaeKPdJuzht7enDzzwHJmBir1JBvYBlnycdc2EJ0V5hZHNYnpheJvv+vAiQV"
    "Y1PBjtEzqNP9IQZVVCp8T7pbqaLEZ2gMhoZrYzIjcMRxThCtqXL6T0BypqgtexexUaVwxg8RHcFej615j2ZZsV+RpC7x2VLF"
    "SEYjhvN9WtVR8BvdAvmtawQAAA=="
)
IDS = [[1, 1, 518, 29871], [1, 2], [3]]
OUTPUT = ["yes", "no – “x”", ""]
NAME = "open_orca_gpt4_tokenized_llama.sampled_24576.pkl"


@pytest.fixture(params=[PANDAS_2_3, PANDAS_1_5], ids=["pandas 2.3", "pandas 1.5"])
def table(request: pytest.FixtureRequest) -> bytes:
    """A pickled table, not gzipped."""
    return gzip.decompress(base64.b64decode(request.param))


def test_columns_of_lists_texts_and_numbers_are_read(table: bytes, tmp_path: Path) -> None:
    file = tmp_path / "table.pkl"
    file.write_bytes(table)
    assert read_columns(file, ("tok_input", "output"), ("tok_input_length", "score", "absent")) == {
        "tok_input": IDS,
        "output": OUTPUT,
        "tok_input_length": [4, 2, 1],
        "score": [0.5, 1.0, 2.0],
    }


@pytest.mark.parametrize("packed", [True, False])
def test_open_orca_keeps_lengths_and_truth(table: bytes, tmp_path: Path, packed: bool) -> None:
    source = tmp_path / "größe 1"
    source.mkdir()
    (source / (NAME + ".gz" * packed)).write_bytes(gzip.compress(table) if packed else table)
    prepared = prepare("open-orca", "token-ids", tmp_path / "out", source=source)
    assert load_prepared(tmp_path / "out") == prepared
    assert prepared.demonstration
    offsets = np.fromfile(tmp_path / "out" / "index.bin", "<u8")
    ids = np.fromfile(tmp_path / "out" / "samples.bin", "<i4")
    assert [ids[a // 4 : b // 4].tolist() for a, b in pairwise(offsets)] == IDS
    assert json.loads(truth_of(tmp_path / "out").read_text()) == {"output": OUTPUT}


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "it ran"),)

    file = tmp_path / NAME
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UsageError, match="more than a table") as raised:
        prepare("open-orca", "token-ids", tmp_path / "out", source=file)
    assert raised.value.found == "posix.mkdir"
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value", [eval, getattr, np.ones(3), Path("x"), {"tok_input": [[1]]}, [1], None], ids=repr
)
def test_other_pickles_are_no_tables(tmp_path: Path, value: object, protocol: int) -> None:
    file = tmp_path / "other.pkl"
    file.write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(UsageError):
        read_columns(file, ("tok_input",))


def test_a_table_cut_off_or_changed_anywhere_is_one_error_or_still_a_table(
    table: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "table.pkl"
    for place in range(0, len(table), 7):
        for damaged in (table[:place], table[:place] + bytes([table[place] ^ 0x55]) + table[place + 1 :]):
            file.write_bytes(damaged)
            try:
                found = read_columns(file, ("tok_input",))
            except UsageError:
                continue
            assert len(damaged) == len(table) and len(found["tok_input"]) <= 3


def test_a_gzipped_file_cut_off_is_named(table: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"{NAME}.gz"
    file.write_bytes(gzip.compress(table)[:-20])
    with pytest.raises(UsageError, match="cannot be read") as raised:
        read_columns(file, ("tok_input",))
    assert raised.value.where == str(file)


def test_a_table_without_token_ids_says_what_it_has(table: bytes, tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(table)
    with pytest.raises(UsageError, match="lacks a column") as raised:
        read_columns(file, ("gt_output",))
    assert "tok_input" in str(raised.value.found)


def test_a_directory_without_the_table_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the table is not there") as raised:
        prepare("mixtral-15k", "token-ids", tmp_path / "out", source=tmp_path)
    assert "09292024_mixtral_15k_mintoken2_v1.pkl" in str(raised.value.expected)
