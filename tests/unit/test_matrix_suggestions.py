"""Which names are offered for a misspelt one, and in which order."""

import pytest

from mlperf_bake.matrix.suggestions import did_you_mean, nearest

MODELS = (
    "efficientnet-lite0",
    "resnet50",
    "efficientnet-lite0-int8",
    "resnet50-int8",
    *(f"efficientnet-lite{size}" for size in (1, 2, 3, 4)),
    "tflite",
    "intel",
)


@pytest.mark.parametrize(
    ("word", "offered"),
    [
        ("efficientnet", ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")),
        ("lite0", ("efficientnet-lite0", "efficientnet-lite0-int8", "tflite")),
        ("resnet", ("resnet50", "resnet50-int8")),
        ("effcientnet-lite0", ("efficientnet-lite0",)),
        ("Resnet50", ("resnet50",)),
        ("zzz", ()),
        ("", ()),
    ],
)
def test_the_likest_come_first_and_of_equals_the_matrix_s_first(word: str, offered: tuple[str, ...]) -> None:
    assert nearest(word, MODELS) == offered


def test_names_without_an_order_are_offered_in_the_alphabet_s() -> None:
    assert nearest("v6.2", {"v6.0", "v6.1", "v5.1"}) == ("v6.0", "v6.1")
    assert nearest("v6.2", ("v6.1", "v6.0", "v5.1")) == ("v6.1", "v6.0")


def test_the_phrase_names_one() -> None:
    assert did_you_mean("tflit", MODELS) == ' (did you mean "tflite"?)'
    assert did_you_mean("qqq", MODELS) == ""
