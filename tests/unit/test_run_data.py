"""`--data`: a place, a name, the model's own sample data, or generated samples; and what is none of these."""

from pathlib import Path

import pytest

from mlperf_bake.cache.store import Cache
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Model
from mlperf_bake.progress import silent
from mlperf_bake.project import open_project
from mlperf_bake.run.data import data_for, raw_data, require_labels, what_is_read

MODEL: Model = open_project(Path(__file__).resolve().parents[2]).matrix.models["efficientnet-lite0"]


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Each data set that was asked for; preparing one is another test's."""
    asked: list[tuple[str, str]] = []

    class Made:
        path = Path("/made")

    def prepare(name: str, preprocessing: str, **_: object) -> type[Made]:
        asked.append((name, preprocessing))
        return Made

    monkeypatch.setattr("mlperf_bake.run.data.prepare", prepare)
    return asked


def refused(text: str, tmp_path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        data_for(text, MODEL, silent, Cache(tmp_path / "cache"))
    return caught.value


@pytest.mark.parametrize("text", ["imagenet-20", "sample"])
def test_a_name_is_prepared_for_the_model(text: str, prepared: list[tuple[str, str]], tmp_path: Path) -> None:
    assert data_for(text, MODEL, silent, Cache(tmp_path)) == Path("/made")
    assert prepared == [("imagenet-20", MODEL.preprocessing)]


def test_a_prepared_directory_and_generated_samples_are_taken_as_they_are(tmp_path: Path) -> None:
    assert data_for("synthetic", MODEL, silent) == "synthetic"
    (tmp_path / "dataset.conf").touch()
    assert data_for(str(tmp_path), MODEL, silent) == tmp_path


def test_what_only_the_user_has_is_found_where_it_was_prepared(tmp_path: Path) -> None:
    told = refused("imagenet", tmp_path)
    assert told.remedy == "mlperf-bake data prepare imagenet --for efficientnet-lite0 --from DIRECTORY"
    kept = tmp_path / "cache" / "made" / "datasets" / f"imagenet-{MODEL.preprocessing}-0123456789ab"
    kept.mkdir(parents=True)
    (kept / "dataset.conf").touch()
    assert data_for("imagenet", MODEL, silent, Cache(tmp_path / "cache")) == kept


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        (
            "imagnet-20",
            'unknown data set "imagnet-20" (did you mean "imagenet-20"?)',
            "mlperf-bake data list",
        ),
        ("fashion-mnist", "is not for efficientnet-lite0", "--data sample"),
        (
            "./nowhere",
            "not a prepared data set",
            "mlperf-bake data prepare imagenet-20 --for efficientnet-lite0",
        ),
        (
            "{here}",
            "not a prepared data set",
            "mlperf-bake data prepare imagenet-20 --for efficientnet-lite0",
        ),
    ],
)
def test_anything_else_is_refused_with_what_there_is(
    text: str, problem: str, remedy: str, tmp_path: Path
) -> None:
    told = refused(text.format(here=tmp_path), tmp_path)
    assert problem in told.problem
    assert remedy in str(told.remedy)
    assert "imagenet-20, imagenet, sample" in str(told.expected)
    assert "fashion-mnist" not in str(told.expected), "that is not for this model"


def test_a_run_on_generated_samples_says_what_it_is_good_for() -> None:
    assert what_is_read("synthetic", MODEL) == (
        "samples: generated; they measure speed alone and make no submission; --data sample reads imagenet-20"
    )
    without = MODEL._replace(network=MODEL.known_network._replace(sample_data=""))
    assert what_is_read("synthetic", without).endswith("no submission")
    assert what_is_read("sample", MODEL) == what_is_read("./prepared", MODEL) == ""


def test_accuracy_needs_labels() -> None:
    require_labels("synthetic", "performance", MODEL, "again")
    require_labels("sample", "accuracy", MODEL, "again")
    with pytest.raises(UsageError) as caught:
        require_labels("synthetic", "accuracy", MODEL, "again")
    assert caught.value.remedy == "again"
    assert "mlperf-bake data prepare NAME --for efficientnet-lite0" in str(caught.value.expected)


def test_a_reference_implementation_reads_a_directory_as_it_is(tmp_path: Path) -> None:
    assert raw_data(str(tmp_path), "a-cell") == tmp_path
    with pytest.raises(UsageError, match="from a directory of yours") as caught:
        raw_data("synthetic", "a-cell")
    assert caught.value.where == "a-cell"
