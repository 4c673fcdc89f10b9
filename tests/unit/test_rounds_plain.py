"""A round's file is loaded once, anew where it is another, and a wrong one is told each time."""

from pathlib import Path

import pytest
import yaml

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import plain
from mlperf_bake.rounds.plain import plain_data


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path / "cache"))
    plain._remembered.cache_clear()
    seen: list[str] = []
    load = yaml.load

    def counted(text: str, Loader: type[yaml.CSafeLoader]) -> object:
        seen.append(text)
        return load(text, Loader=Loader)

    monkeypatch.setattr(yaml, "load", counted)
    return seen


def test_a_file_is_loaded_once_and_again_when_it_changed(loads: list[str], tmp_path: Path) -> None:
    file = tmp_path / "round.yaml"
    file.write_text("round: v1\nmodels: {a: [1, 2.5, null]}\n", encoding="utf-8")
    wanted = {"round": "v1", "models": {"a": [1, 2.5, None]}}
    assert [plain_data(file)[1] for _ in range(2)] == [wanted, wanted]
    assert plain_data(file, until="\nmodels:") == ("round: v1", {"round": "v1"})
    file.write_text("round: v2\n", encoding="utf-8")
    assert plain_data(file)[1] == {"round": "v2"}
    assert len(loads) == 3


def test_what_cannot_be_remembered_is_loaded_each_time(loads: list[str], tmp_path: Path) -> None:
    file = tmp_path / "round.yaml"
    file.write_text("when: 2026-01-01\n", encoding="utf-8")
    assert plain_data(file) == plain_data(file)
    assert len(loads) == 2


def test_what_is_not_yaml_is_told_each_time_with_its_place(loads: list[str], tmp_path: Path) -> None:
    file = tmp_path / "round.yaml"
    file.write_text("round: v1\nmodels: [\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(UsageError) as caught:
            plain_data(file)
        assert caught.value.where == f"{file}:3:1"
