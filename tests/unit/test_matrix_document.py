"""document.py: YAML into positioned nodes, and every way in which a file can be no plain data."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.composing import MAX_NODES, resolve
from mlperf_bake.matrix.document import MAX_BYTES, parse, read_text
from mlperf_bake.matrix.node import Node, Spot
from mlperf_bake.matrix.problems import Problems

Text = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")), max_size=20)
Plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | Text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(Text, inner, max_size=4),
    max_leaves=20,
)


def problems_of(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text, "m.yaml")[1].raise_if_any()
    assert caught.value.remedy
    return caught.value.problem


@given(Plain)
def test_json_is_read_as_it_is(value: object) -> None:
    node, problems = parse(json.dumps(value, ensure_ascii=False), "m.yaml")
    problems.raise_if_any()
    assert node.plain() == value


@given(st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), Plain, min_size=1, max_size=5))
def test_every_key_stands_where_its_position_says(value: dict[str, object]) -> None:
    lines = [f"  {json.dumps(key)}: {json.dumps(inner, ensure_ascii=False)}" for key, inner in value.items()]
    node, problems = parse("top:\n" + "\n".join(lines), "m.yaml")
    problems.raise_if_any()
    assert [node.at("top", key) for key in value] == [Spot(line, 3) for line in range(2, len(lines) + 2)]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        node, problems = parse(text, "m.yaml")
        problems.raise_if_any()
        node.plain()
    except UsageError as error:
        assert error.problem.startswith("m.yaml:")


@given(st.text(alphabet="{}[]&*a:-<!|>'\"\n #,?0.", max_size=60))
def test_any_yaml_like_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        parse(text, "m.yaml")[1].raise_if_any()
    except UsageError as error:
        assert error.problem.startswith("m.yaml:")


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("3.10", 3.1),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        ("-7", -7),
        ("-.inf", float("-inf")),
        ("on", "on"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.31.1", "1.31.1"),
        ("true", True),
        ("~", None),
        ("", None),
        ("9" * 50, None),
    ],
)
def test_unquoted_words_mean_what_yaml_1_2_says(word: str, meaning: object) -> None:
    found = resolve(word)
    assert (found, type(found)) == (meaning, type(meaning))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", 'm.yaml:2:1: duplicate key "a": it stands at line 1 already'),
        ("a: *b\n", 'm.yaml:1:4: unknown anchor "*b"'),
        ("a: &a [*a]\n", 'm.yaml:1:8: unknown anchor "*a"'),
        ("a: !!python/object:os.system x\n", "m.yaml:1:4: the tag"),
        ("a: !!set {b}\n", "m.yaml:1:4: the tag"),
        ("3.10: x\n", 'm.yaml:1:1: a key must be text, found 3.10; put it in quotes: "3.10"'),
        ("? [a, b]\n: 1\n", "a key must be text, found a list"),
        ("<<: text\n", "m.yaml:1:5: only a mapping can be merged with <<"),
        ("a: 1\n---\nb: 2\n", "m.yaml:2:1: a second document begins here"),
        ("a: 1\n\tb: 2\n", "m.yaml:2:1: this is not YAML"),
        ('a: "b\n', "this is not YAML"),
        ("a: b\0c\n", "m.yaml:1:5: the character U+0000 is not allowed"),
        ("x: 1\na: b\n\x1b[31m\n", "m.yaml:3:1: the character U+001B is not allowed"),
        ("[" * 5000, "nested deeper than 24 levels"),
        ("a: " + "9" * 5000 + "\n", "is too large a number"),
    ],
)
def test_what_is_no_plain_data_is_named_with_its_place(text: str, said: str) -> None:
    assert said in problems_of(text)


def test_one_mistake_is_told_once() -> None:
    node, problems = parse("a: *b\nc: !!int 1\n", "m.yaml")
    assert node.mapping is not None and node.mapping["a"].broken
    with pytest.raises(UsageError) as caught:
        problems.raise_if_any()
    assert caught.value.problem.count("m.yaml:") == 2


def test_the_line_at_fault_is_shown_with_a_marker() -> None:
    assert problems_of("ok: 1\nname: *gone\n").splitlines()[1:] == ["    2 | name: *gone", "      |       ^"]


def test_nothing_that_a_terminal_obeys_is_shown() -> None:
    said = problems_of('a: &x "\\e[31m"\n"\\e[2J": 1\n"\\e[2J": 2\n')
    assert "\x1b" not in said


def test_an_alias_bomb_is_stopped_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert f"more than {MAX_NODES:,} values" in problems_of("\n".join(lines))


def test_a_merge_bomb_is_stopped_early() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(2000))
    merges = "\n".join(f"b{n}: {{<<: *a}}" for n in range(2000))
    assert f"more than {MAX_NODES:,} values" in problems_of(f"a: &a {{{keys}}}\n{merges}\n")


def test_merges_keep_what_stands_in_the_mapping_itself() -> None:
    node, problems = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "m.yaml")
    problems.raise_if_any()
    assert node.plain() == {"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}}


def test_a_quoted_merge_sign_is_a_key() -> None:
    assert parse('"<<": 1\n', "m.yaml")[0].plain() == {"<<": 1}


@pytest.mark.parametrize("text", ["a: 1\r\nb:\r\n  - x\r\n", "\ufeffa: 1\nb: [x]\n", "a: 1\nb: [x]\n...\n"])
def test_line_ends_of_windows_and_a_byte_order_mark_are_nothing(text: str) -> None:
    node, problems = parse(text, "m.yaml")
    problems.raise_if_any()
    assert node.plain() == {"a": 1, "b": ["x"]}
    assert node.at("b") == Spot(2, 1)


def test_an_empty_file_is_null() -> None:
    assert parse("", "m.yaml")[0] == Node(Spot(1, 1))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bytes(range(256)), "the file is not text in UTF-8"),
        ("a: 1\n".encode("utf-16"), "the file is not text in UTF-8"),
        (b"a: 1\nb: \xe9\n", "m.yaml:2: the file is not text in UTF-8"),
        (b"a: 1\n" * (MAX_BYTES // 5 + 1), "the file is too large"),
    ],
    ids=["binary", "utf-16", "latin-1", "too large"],
)
def test_what_is_no_text_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_text(path, "m.yaml")
    assert said in str(caught.value)
    assert caught.value.remedy


def test_a_missing_file_and_a_directory_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_text(tmp_path / "gone.yaml")
    with pytest.raises(UsageError, match="is a directory"):
        read_text(tmp_path)


NOTHING_WRONG = """\
base: &base {"text": plain, number: 0x10, float: .5, nothing: ~, "on": 1:30, list: [true, "true", 3.10, [], {}]}
more:
  <<: *base
  text: |
    two
    lines
alias: [*base, .inf]
"""
LONG_COMMENT = "#" * 2_000 + "\n"


def test_a_text_that_was_read_before_gives_the_same_tree_without_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlperf_bake.matrix import composing

    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path))
    composed: list[str] = []
    compose = composing.compose

    def counted(text: str, problems: Problems, file: str) -> Node:
        composed.append(text)
        return compose(text, problems, file)

    monkeypatch.setattr(composing, "compose", counted)
    text = LONG_COMMENT + NOTHING_WRONG
    first, _ = parse(text, "one")
    again, problems = parse(text, "two")
    assert again == first
    assert repr(again) == repr(first)
    assert (len(composed), problems.name, bool(problems)) == (1, "two", False)
    parse(text + "new: key\n", "one")
    parse(text + "new: other key\n", "one")
    assert len(composed) == 3


def test_a_text_in_which_something_is_wrong_is_told_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path))
    for _ in range(2):
        assert parse(LONG_COMMENT + "a: 1\na: 2\n", "doubled")[1]
    assert list(tmp_path.rglob("*")) == []
