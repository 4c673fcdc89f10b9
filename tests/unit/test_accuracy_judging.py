"""Every benchmark of every round has a task or a reason; figures are judged by the targets as the checker reads them."""

import pytest

from mlperf_bake.accuracy.judging import Verdict, judge, read_back
from mlperf_bake.accuracy.measured import Measured
from mlperf_bake.accuracy.mixture import MBXP_UNMEASURED
from mlperf_bake.accuracy.refused import REFUSED
from mlperf_bake.accuracy.registry import TASKS, task_of
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round, round_names

V61 = load_round("v6.1")
BENCHMARKS = sorted({(rules.name, name) for rules in map(load_round, round_names()) for name in rules.models})


@pytest.mark.parametrize(("round_name", "benchmark"), BENCHMARKS)
def test_every_benchmark_is_measured_or_refused_with_a_reason(round_name: str, benchmark: str) -> None:
    assert (benchmark in TASKS) != (benchmark in REFUSED)
    if benchmark in REFUSED:
        assert REFUSED[benchmark]
        return
    model = load_round(round_name).models[benchmark]
    for scenario in ("Offline", "Server", "Interactive"):
        wanted = {*model.targets(scenario), *model.accuracy_upper_limit} - {"mbxp_accuracy"}
        assert wanted <= set(TASKS[benchmark].metrics)


@pytest.mark.parametrize("task", sorted({task.measure for task in TASKS.values()}))
def test_every_task_names_a_function(task: str) -> None:
    named = next(entry for entry in TASKS.values() if entry.measure == task)
    assert callable(named.function())


def test_a_benchmark_that_is_not_measured_says_why() -> None:
    with pytest.raises(UsageError) as raised:
        task_of("wan-2.2-t2v-a14b")
    assert "VBench" in str(raised.value.found)
    with pytest.raises(UsageError, match='unknown benchmark "resnet51"'):
        task_of("resnet51")


def top_one(correct: int, total: int = 50_000) -> Measured:
    share = 100 * correct / total
    return Measured(total, {"acc": share}, f"accuracy={share:.3f}%, good={correct}, total={total}")


@pytest.mark.parametrize(
    ("correct", "verdict"), [(37_848, Verdict.REACHED), (37_847, Verdict.MISSED), (50_000, Verdict.REACHED)]
)
def test_the_line_decides_as_the_checker_reads_it(correct: int, verdict: Verdict) -> None:
    judgement = judge(top_one(correct), V61, V61.models["resnet"], "Offline")
    (figure,) = judgement.figures
    assert (figure.verdict, figure.least) == (verdict, 75.6954)
    assert judgement.missed is (verdict is Verdict.MISSED)


def test_a_part_of_the_data_set_gives_no_verdict() -> None:
    judgement = judge(top_one(1, 20), V61, V61.models["resnet"], "Offline")
    assert judgement.figures[0].verdict is Verdict.INCOMPLETE
    assert not judgement.missed


def test_rgat_targets_a_share_while_its_script_prints_per_cent() -> None:
    model = V61.models["rgat"]
    low = judge(top_one(568_000, 788_379), V61, model, "Offline")
    high = judge(top_one(569_000, 788_379), V61, model, "Offline")
    assert low.figures[0].least == pytest.approx(72.1314)
    assert (low.figures[0].verdict, high.figures[0].verdict) == (Verdict.MISSED, Verdict.REACHED)


@pytest.mark.parametrize(
    ("fid", "verdict"), [(23.0, Verdict.MISSED), (23.5, Verdict.REACHED), (24.0, Verdict.MISSED)]
)
def test_a_band_has_two_ends(fid: float, verdict: Verdict) -> None:
    measured = Measured(
        5000,
        {"FID_SCORE": fid, "CLIP_SCORE": 31.7},
        f"Accuracy Results: {{'FID_SCORE': '{fid}', 'CLIP_SCORE': '31.7'}}",
    )
    judgement = judge(measured, V61, V61.models["stable-diffusion-xl"], "Offline")
    assert {figure.metric: figure.verdict for figure in judgement.figures} == {
        "CLIP_SCORE": Verdict.REACHED,
        "FID_SCORE": verdict,
    }


def test_a_metric_that_was_not_measured_says_why() -> None:
    v60 = load_round("v6.0")
    measured = Measured(15_000, {}, "", unmeasured={"mbxp_accuracy": MBXP_UNMEASURED})
    judgement = judge(measured, v60, v60.models["mixtral-8x7b"], "Offline")
    mbxp = next(figure for figure in judgement.figures if figure.metric == "mbxp_accuracy")
    assert (mbxp.verdict, mbxp.reason) == (Verdict.UNMEASURED, MBXP_UNMEASURED)


def test_a_figure_that_is_no_number_reaches_no_target() -> None:
    measured = Measured(50_000, {"acc": float("nan")}, "accuracy=nan%, good=0, total=50000")
    (figure,) = judge(measured, V61, V61.models["resnet"], "Offline").figures
    assert (figure.value, figure.verdict, figure.reason) == (None, Verdict.UNMEASURED, "it came to no number")


def test_the_last_line_of_a_metric_counts_and_no_number_is_none() -> None:
    assert read_back("accuracy=75.1%\naccuracy=80%\n", V61)["acc"] == 80.0
    assert "acc" not in read_back("accuracy=1.2.3%\naccuracy=.%", V61)
