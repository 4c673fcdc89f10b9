"""Commands in messages can be pasted, however the program was started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.program import pasteable, program

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The program in a virtual environment's bin directory."""
    file = tmp_path / ".venv" / "bin" / "mlperf-bake"
    file.parent.mkdir(parents=True)
    code = "from mlperf_bake.cli.app import main\nmain()\n"
    file.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(CHECKOUT)!r})\n{code}")
    file.chmod(0o755)
    return file


def test_a_program_on_the_path_is_called_by_its_name(installed: Path) -> None:
    assert program(str(installed), f"/nowhere:{installed.parent}") == "mlperf-bake"


def test_a_program_beside_the_path_is_called_as_it_was_started(installed: Path, tmp_path: Path) -> None:
    assert program(str(installed), "/nowhere") == str(installed)
    other = tmp_path / "mlperf-bake"
    other.write_text("another one")
    other.chmod(0o755)
    assert program(str(installed), str(tmp_path)) == str(installed), "PATH leads to another program"


def test_a_path_with_a_space_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "my tools" / "mlperf-bake"
    file.parent.mkdir()
    file.touch()
    assert program(str(file), "") == f"'{file}'"


@pytest.mark.parametrize("started", ["-c", "/usr/bin/pytest", "gone/mlperf-bake"])
def test_a_start_that_says_nothing_leaves_the_name(started: str, installed: Path) -> None:
    assert program(started, str(installed.parent)) == "mlperf-bake"


def test_only_commands_are_respelt(monkeypatch: pytest.MonkeyPatch, installed: Path) -> None:
    monkeypatch.setattr(sys, "argv", [str(installed)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert pasteable("run `mlperf-bake lock`, then mlperf-bake plan") == (
        f"run `{installed} lock`, then {installed} plan"
    )
    for text in (
        "a checkout of mlperf-bake",
        "mlperf-bake: interrupted",
        "mlperf-bake/base",
        "bin/mlperf-bake run",
    ):
        assert pasteable(text) == text
    assert UsageError("no", remedy="mlperf-bake doctor").remedy == f"{installed} doctor"


def test_what_the_program_prints_can_be_pasted(installed: Path) -> None:
    def said(*arguments: str, path: str) -> str:
        done = subprocess.run(
            [".venv/bin/mlperf-bake", *arguments],
            cwd=installed.parents[2],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    (installed.parents[2] / "matrix.yaml").write_bytes((CHECKOUT / "matrix.yaml").read_bytes())
    assert "\nnext: .venv/bin/mlperf-bake build --target " in said("explain", "resnet50", path="/usr/bin")
    assert "`.venv/bin/mlperf-bake list` shows" in said("explain", "nonsense", path="/usr/bin")
    assert "`mlperf-bake list` shows" in said("explain", "nonsense", path=str(installed.parent))
