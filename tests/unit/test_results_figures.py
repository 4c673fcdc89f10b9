"""Figures for people: significant digits and fitting units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.results.figures import duration, memory, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.024791, "0.02479"),
        (7.41139, "7.411"),
        (9.99996, "10.00"),
        (318.449, "318.4"),
        (999.96, "1,000"),
        (12345.6, "12,346"),
        (1234567.8, "1,234,568"),
        (float("inf"), "inf"),
    ],
)
def test_four_digits_that_say_something(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_a_figure_is_never_further_off_than_its_last_digit(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (412, "412.0 ns"),
        (24790, "24.79 us"),
        (999_999, "1.000 ms"),
        (7_411_390, "7.411 ms"),
        (15e6, "15.00 ms"),
        (1.2e9, "1.200 s"),
    ],
)
def test_a_time_has_the_unit_that_fits(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


def test_a_limit_of_ten_mebibytes_is_not_told_as_none() -> None:
    assert [memory(10 << 20), memory(3 << 29), memory(100)] == ["10 MiB", "1.5 GiB", "100 bytes"]
