"""Compiled templates in the cache: used again, made anew where the text is another, and never a reason to fail."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.render.origins import LineMarks
from mlperf_bake.render.templates import Templates


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "a.j2").write_text("one {{ x }}\n", encoding="utf-8")
    return folder


def kept(templates: Path) -> list[Path]:
    return sorted(path for path in (templates.parent / "cache").rglob("*") if path.is_file())


def render(templates: Path, x: int = 1) -> str:
    return Templates(templates).render("a.j2", {"x": x})


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what Jinja compiles."""
    from jinja2 import Environment

    seen: list[str] = []
    whole = Environment.compile

    def compile(self: Environment, source: str, name: str | None = None, *rest: object) -> object:
        seen.append(str(name))
        return whole(self, source, name, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Environment, "compile", compile)
    return seen


def test_a_template_is_compiled_once_and_again_when_it_changed(
    templates: Path, compilations: list[str]
) -> None:
    assert (render(templates), render(templates, 2)) == ("one 1", "one 2")
    assert compilations == ["a.j2"]
    (templates / "a.j2").write_text("two {{ x }}\n", encoding="utf-8")
    assert (render(templates), render(templates)) == ("two 1", "two 1")
    assert compilations == ["a.j2", "a.j2"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"\0" * len(data),
    ],
    ids=["empty", "short", "cut", "flipped", "zeros"],
)
def test_what_is_damaged_is_compiled_anew(
    templates: Path, compilations: list[str], damage: Callable[[bytes], bytes]
) -> None:
    render(templates)
    (file,) = kept(templates)
    file.write_bytes(damage(file.read_bytes()))
    assert render(templates) == "one 1"
    assert render(templates) == "one 1"
    assert len(compilations) == 2


def test_what_others_can_write_to_is_not_run(templates: Path, compilations: list[str]) -> None:
    render(templates)
    kept(templates)[0].parent.chmod(0o777)
    render(templates)
    assert len(compilations) == 2


def test_a_cache_that_cannot_be_written_is_no_error(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (templates.parent / "cache").write_text("a file in the way", encoding="utf-8")
    assert render(templates) == "one 1"
    monkeypatch.delenv("MLPERF_BAKE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", _homeless)
    assert render(templates) == "one 1"


def _homeless() -> Path:
    raise RuntimeError("no home")


def test_templates_read_with_an_extension_are_compiled_apart(
    templates: Path, compilations: list[str]
) -> None:
    assert render(templates) == "one 1"
    assert Templates(templates, LineMarks).render("a.j2", {"x": 1}) != "one 1"
    assert render(templates) == "one 1"
    assert len(compilations) == 2


def test_a_fault_in_a_compiled_template_is_told_by_its_line(templates: Path) -> None:
    from mlperf_bake.errors import UsageError

    (templates / "a.j2").write_text("one\n{{ missing }}\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            render(templates)
        assert caught.value.where == "templates/a.j2:2"


def test_two_directories_share_nothing(templates: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.j2").write_text("other {{ x }}\n", encoding="utf-8")
    assert (render(templates), Templates(other).render("a.j2", {"x": 1})) == ("one 1", "other 1")
    assert len(kept(templates)) == 2
