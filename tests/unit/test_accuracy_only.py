"""With ``only``, the samples of another log are judged and no others: what TEST01 of a system that is not
deterministic compares."""

import json
import struct
from pathlib import Path

import pytest

from mlperf_bake.accuracy import images, long_context, mixture, rouge
from mlperf_bake.accuracy.classification import measure
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.registry import TASKS
from mlperf_bake.cli.app import execute
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_answers
from tests.unit.test_accuracy_fuzz import PREPARED


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "IMAGE_BYTES", 12)
    for module in (rouge, long_context, mixture):
        monkeypatch.setattr(module, "english_sentences", lambda: None)


@pytest.mark.parametrize("name", sorted({task.measure for task in TASKS.values()} - {"images.measure"}))
def test_answers_to_other_samples_change_nothing(tmp_path: Path, name: str) -> None:
    task = next(task for task in TASKS.values() if task.measure == name)
    prepared = PREPARED[name](tmp_path)
    given = Given(
        **{**{slot: getattr(prepared.given, slot) for slot in Given.__slots__}, "only": frozenset({0})}
    )
    alone = task.function()(write_answers(tmp_path, [(0, prepared.good[0])]), given)
    beside = task.function()(write_answers(tmp_path, [(1, b"\xff"), (0, prepared.good[0])]), given)
    assert alone == beside
    assert alone.samples == 1


def test_a_sample_that_counts_must_be_answered(tmp_path: Path) -> None:
    truth = tmp_path / "val_map.txt"
    truth.write_text("a 1\nb 2\n", encoding="utf-8")
    log = write_answers(tmp_path, [(0, struct.pack("<q", 1))])
    for only, missing in (({0, 1}, 1), ({0, 7}, 7)):
        with pytest.raises(UsageError) as raised:
            measure(log, Given(truth, only=frozenset(only)))
        assert raised.value.found == f"1 of 2 samples; sample {missing} is the first without"


def test_both_logs_of_test01_are_judged_over_the_same_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "val_map.txt"
    truth.write_text("".join(f"{n} {n}\n" for n in range(4)), encoding="utf-8")
    whole, test = tmp_path / "accuracy", tmp_path / "TEST01"
    whole.mkdir()
    test.mkdir()
    write_answers(whole, [(n, struct.pack("<q", n % 2)) for n in range(4)])
    write_answers(test, [(n, struct.pack("<q", 2)) for n in (0, 2)])
    lines = []
    for log in (whole, test):
        command = ["accuracy", str(log), "--benchmark", "resnet", "--truth", str(truth), "--json"]
        assert execute([*command, "--only", str(test / "mlperf_log_accuracy.json")]) == 0
        lines.append(json.loads(capsys.readouterr().out)["line"])
    assert lines == ["accuracy=50.000%, good=1, total=2", "accuracy=50.000%, good=1, total=2"]
