"""Attributes for buildx: what goes in comes out, whatever is in a path."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.build.cache import cache_entries, parse_cache
from mlperf_bake.engine.attributes import attributes, read_attributes
from mlperf_bake.engine.secrets import Secret
from mlperf_bake.errors import UsageError

VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


@given(VALUES, VALUES)
def test_any_value_survives(first: str, second: str) -> None:
    assert read_attributes(attributes(f"a={first}", f"b={second}")) == {"a": first, "b": second}


def test_what_needs_no_quotes_has_none() -> None:
    assert attributes("type=oci", "dest=/a b/ü", "tar=false") == "type=oci,dest=/a b/ü,tar=false"
    assert attributes("dest=/a,b") == '"dest=/a,b"'


@pytest.mark.parametrize("text", ['"type=local', '"a"b,c'])
def test_a_quote_left_open_is_an_error(text: str) -> None:
    with pytest.raises(csv.Error):
        read_attributes(text)


def test_a_cache_below_a_directory_with_a_comma_is_named_whole() -> None:
    place = parse_cache('type=local,"dest=/a,b",compression=zstd')
    assert place.place == "/a,b"
    first, _ = cache_entries((place,), "cell", "to")
    assert read_attributes(first) == {
        "type": "local",
        "dest": "/a,b/cell",
        "compression": "zstd",
        "mode": "max",
    }
    with pytest.raises(UsageError, match="not a place for a build cache"):
        parse_cache('type=local,"dest=/a')


def test_a_secret_from_a_file_with_a_comma_is_one_source() -> None:
    assert Secret("ca", file=Path("/x,y/ca.pem")).argument == 'id=ca,"src=/x,y/ca.pem"'
