"""Where what is wrong lies, in a matrix that extends the shipped one: in the user's own file, or in the shipped one."""

import re
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.document import parse
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.node import Node
from mlperf_bake.matrix.selectors import published

CHECKOUT = Path(__file__).parents[2]
SHIPPED = (CHECKOUT / "matrix.yaml").read_text(encoding="utf-8")
DEBIAN = """\
extends: shipped
version: 1
os:
  debian12:
    title: Debian of one's own
    image: debian
    tag: bookworm
    family: debian
    suite: bookworm
    python: "3.11"
"""


def test_what_an_own_value_breaks_in_the_shipped_file_is_told_of_that_file() -> None:
    with pytest.raises(UsageError) as raised:
        parse_matrix(DEBIAN + "    tools: debian13\n", "matrix.yaml")
    places = re.findall(r"(?m)^(.+?):([0-9]+):[0-9]+: \"debian12\" takes its own tools", str(raised.value))
    assert places and {file for file, _ in places} == {"matrix.yaml (shipped)"}
    lines = SHIPPED.splitlines()
    assert all("tools: debian12" in lines[int(line) - 1] for _, line in places)


def test_what_is_wrong_in_the_own_file_is_told_of_it_with_its_line_shown() -> None:
    with pytest.raises(UsageError) as raised:
        parse_matrix(DEBIAN + "    tools: debain13\n", "matrix.yaml")
    assert "matrix.yaml:11:12: unknown os" in str(raised.value)
    assert "11 |     tools: debain13" in str(raised.value)


def test_shipped_patterns_that_fit_nothing_any_more_say_how_to_replace_them() -> None:
    matrix = parse_matrix(DEBIAN + '    needs: [{hardware: [arm], because: "only there"}]\n', "matrix.yaml")
    with pytest.raises(UsageError) as raised:
        published(matrix)
    assert str(raised.value.where).startswith("matrix.yaml (shipped):")
    assert "give `published` in matrix.yaml" in str(raised.value.remedy)
    own = parse_matrix(DEBIAN + 'published: ["nothing*"]\n', "matrix.yaml")
    with pytest.raises(UsageError) as raised:
        published(own)
    assert raised.value.where == "matrix.yaml:11:1"


def files(node: Node) -> set[str]:
    inner = [*(node.mapping or {}).values(), *(node.items or ())]
    return {node.spot.file, *(spot.file for spot in node.key_spots.values())}.union(*map(files, inner))


def test_every_place_names_the_file_asked_for_whether_the_tree_is_remembered_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path))
    for file in ("", "brought along", "", "brought along"):
        assert files(parse(SHIPPED, "matrix.yaml", file)[0]) == {file}
