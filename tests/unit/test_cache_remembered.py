"""What is remembered comes back as it was or not at all, and never fills a disk."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.cache import remembered
from mlperf_bake.cache.remembered import Remembered

HERE = Path(__file__)


@pytest.fixture
def known(tmp_path: Path) -> Remembered:
    return Remembered("kind", (HERE,), tmp_path)


def test_content_comes_back_by_its_name(known: Remembered, tmp_path: Path) -> None:
    known.keep("one", b"content")
    known.keep("empty", b"")
    again = Remembered("kind", (HERE,), tmp_path)
    assert (again.get("one"), again.get("empty"), again.get("two")) == (b"content", b"", None)


def test_another_maker_or_kind_has_a_memory_of_its_own(known: Remembered, tmp_path: Path) -> None:
    known.keep("one", b"content")
    assert Remembered("kind", (HERE, Path(remembered.__file__)), tmp_path).get("one") is None
    assert Remembered("other", (HERE,), tmp_path).get("one") is None


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[:20], lambda data: data[:-1], lambda data: b"\0" * len(data)],
    ids=["empty", "short", "cut", "zeros"],
)
def test_what_is_damaged_is_forgotten(
    known: Remembered, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    known.keep("one", b"content")
    (file,) = (path for path in tmp_path.rglob("one"))
    file.write_bytes(damage(file.read_bytes()))
    assert known.get("one") is None


def test_what_others_can_write_to_is_neither_read_nor_written(known: Remembered, tmp_path: Path) -> None:
    known.keep("one", b"content")
    (file,) = tmp_path.rglob("one")
    file.parent.chmod(0o777)
    again = Remembered("kind", (HERE,), tmp_path)
    again.keep("two", b"content")
    assert (again.get("one"), list(tmp_path.rglob("two"))) == (None, [])


def test_without_a_home_or_the_makers_files_nothing_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Remembered("kind", (tmp_path / "gone.py",), tmp_path)
    for name in ("MLPERF_BAKE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    for memory in (missing, Remembered("kind", (HERE,))):
        memory.keep("one", b"content")
        assert memory.get("one") is None


def test_the_oldest_makes_way(known: Remembered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 10)
    for number in range(100):
        known.keep(str(number), b"content")
        assert known.get(str(number)) == b"content"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) < 10


def test_the_memory_of_versions_long_gone_makes_way(tmp_path: Path) -> None:
    for number in range(20):
        maker = tmp_path / f"{number}.py"
        maker.touch()
        known = Remembered("kind", (maker,), tmp_path / "cache")
        known.keep("one", b"content")
        assert known.get("one") == b"content"
    assert len(list(tmp_path.rglob("one"))) <= remembered.MAKERS
