"""`data` and `weights` on the command line: what goes to stdout, and what wrong use gets."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from mlperf_bake.cli import data, weights
from mlperf_bake.cli.app import execute
from mlperf_bake.errors import BakeError, UsageError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)


def run(app: Typer, *arguments: str) -> str:
    """stdout of a command that ends well; its BakeError otherwise."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, BakeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    directory = tmp_path / "photos"
    directory.mkdir()
    for number in range(3):
        Image.fromarray(np.full((30, 30, 3), number, np.uint8)).save(directory / f"{number}.png")
    (directory / "val_map.txt").write_text("".join(f"{number}.png {number}\n" for number in range(3)))
    return directory


def test_data_list_shows_every_data_set() -> None:
    table = run(data.app, "list")
    assert "imagenet-20" in table
    listed = json.loads(run(data.app, "list", "--json"))["datasets"]
    assert [entry["name"] for entry in listed][:3] == ["imagenet-20", "fashion-mnist", "lfw-faces"]
    assert [entry["downloadable"] for entry in listed] == [True] * 5 + [False] * (len(listed) - 5)


@pytest.mark.parametrize(
    ("option", "preprocessing"),
    [
        (("--for", "efficientnet-lite0"), "imagenet-lite-224"),
        (("--for", "resnet50"), "imagenet-caffe-224"),
        (("--preprocessing", "imagenet-caffe-224"), "imagenet-caffe-224"),
    ],
)
def test_data_prepare_prints_the_directory(photos: Path, option: tuple[str, str], preprocessing: str) -> None:
    printed = run(data.app, "prepare", "imagenet", *option, "--from", str(photos))
    path = Path(printed.strip())
    assert f"preprocessing = {preprocessing}\n" in (path / "dataset.conf").read_text()
    told = json.loads(run(data.app, "prepare", "imagenet", *option, "--from", str(photos), "--json"))
    assert (told["path"], told["count"], told["demonstration"]) == (str(path), 3, True)


def test_data_prepare_writes_where_it_is_told(photos: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert (
        run(data.app, "prepare", "imagenet", "--for", "resnet50", "--from", str(photos), "--out", out)
        == f"{out}\n"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("imagenet-20",), "in 7 ways"),
        (("imagenet-20", "--for", "resnet50", "--preprocessing", "imagenet-lite-224"), "exclude each other"),
        (("imagenet-20", "--for", "resnet"), 'did you mean "resnet50"'),
        (("imagenet-20", "--for", "fashion-net"), "cannot be prepared"),
        (("imagnet", "--for", "resnet50"), "unknown data set"),
        (("imagenet", "--for", "resnet50"), "cannot be downloaded"),
    ],
)
def test_data_prepare_refuses_wrong_use(arguments: tuple[str, ...], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        run(data.app, "prepare", *arguments)


def test_weights_fetch_refuses_another_file_and_another_model(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"other")
    with pytest.raises(UsageError, match="checksum mismatch"):
        run(weights.app, "fetch", "resnet50", "--from", str(other))
    with pytest.raises(UsageError, match="unknown model"):
        run(weights.app, "fetch", "resnet51")


def test_what_only_the_user_has_is_asked_for_with_the_model_that_was_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert execute(["data", "prepare", "imagenet", "--for", "resnet50"]) == 2
    assert "data prepare imagenet --for resnet50 --from DIRECTORY" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("imagenet",), "data prepare imagenet --for MODEL --from DIRECTORY"),
        (("imagenet", "--from", "my photos"), "data prepare imagenet --for MODEL --from 'my photos'"),
        (("coco-2017",), "data prepare coco-2017 --preprocessing yolo-640 --from DIRECTORY"),
        (("imagenet-20",), "data prepare imagenet-20 --for MODEL"),
    ],
)
def test_who_says_not_how_is_told_a_command_that_lacks_nothing_else(
    words: tuple[str, ...], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["data", "prepare", *words]) == 2
    assert capsys.readouterr().err.rstrip().endswith(remedy)
