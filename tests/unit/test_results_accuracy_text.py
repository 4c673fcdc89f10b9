"""accuracy.txt as the official checker reads it; on real submissions, the figures that they published."""

from pathlib import Path

import pytest

from mlperf_bake.results.accuracy_text import every_figure, no_figures, read_figures
from mlperf_bake.rounds import load_round

LINES = load_round("v6.1").tree.accuracy_lines
DATA = Path(__file__).parents[3] / "shared" / "data" / "inference_results_v5.1"


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("accuracy=76.456%, good=38228, total=50000\n\nhash=ab\n", {"acc": 76.456}),
        ("accuracy=1%\naccuracy=2%", {"acc": 2.0}),
        ("accuracy=1%\raccuracy=2%\r\naccuracy=3%", {"acc": 3.0}),
        ("accuracy=1%\x0caccuracy=2%\u2028accuracy=3%", {"acc": 1.0}),
        ("accuracy=1.2.3%\naccuracy=2%", {"acc": 2.0}),
        ("accuracy=.%", {}),
        ("", {}),
        (
            "{'rouge1': '38.7459', 'rouge2': '15.756', 'gen_len': 8127531}",
            {"ROUGE1": 38.7459, "GEN_LEN": 8127531.0},
        ),
    ],
)
def test_the_last_line_of_a_metric_counts(text: str, figures: dict[str, float]) -> None:
    assert read_figures(text, LINES, ("acc", "ROUGE1", "GEN_LEN")) == figures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy=75%\nhash=ab\naccuracy=80%\naccuracy=60%", 80.0),
        ("accuracy=80%\naccuracy=60%\nhash=ab\naccuracy=70%", 60.0),
        ("accuracy=80%\naccuracy=60%", 60.0),
    ],
)
def test_nothing_counts_after_the_target_was_reached_and_the_hash_was_given(
    text: str, expected: float
) -> None:
    assert read_figures(text, LINES, ("acc",), {"acc": 76.0}) == {"acc": expected}


def test_what_is_no_number_is_told() -> None:
    assert no_figures("accuracy=1.2.3%\naccuracy=.%\naccuracy=80%", LINES["acc"]) == ("1.2.3", ".")
    assert every_figure("accuracy=1.2.3%\naccuracy=80%", LINES["acc"]) == (80.0,)


@pytest.mark.skipif(not DATA.is_dir(), reason="the data of real submissions are not here")
def test_real_submissions_give_every_metric_of_their_benchmark() -> None:
    rules = load_round("v5.1")
    read = 0
    for path in sorted(DATA.glob("*/*/results/*/*/*/accuracy/accuracy.txt")):
        benchmark = rules.benchmark_of(path.parts[-4])
        assert benchmark is not None
        found = read_figures(path.read_text(), LINES, benchmark.accuracy_target)
        assert found.keys() == benchmark.accuracy_target.keys()
        read += 1
    assert read > 0
