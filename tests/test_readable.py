"""Numbers as a person reads them."""

import math

import pytest

from smoothcore.readable import duration, plain_lambda, power_of_ten, three_digits, two_decimals

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"), [(-0.001, "−0.00"), (-0.07, "−0.07"), (NAN, "–"), (12.844, "12.84")]
)
def test_two_decimals(value, text):
    assert two_decimals(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1e-5, "1e-5"), (3.2e-3, "3.2e-3"), (0.05, "0.05"), (NAN, "–")]
)
def test_lambda_in_text(value, text):
    assert plain_lambda(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "$0$"), (1e-5, "$10^{-5}$"), (3.2e-4, "$3.2\\times10^{-4}$"), (1.0, "$10^{0}$")],
)
def test_powers_of_ten(value, text):
    assert power_of_ten(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.0123"), (1.0, "1.00"), (19.56, "19.6"), (1182.4, "1,182")]
)
def test_three_digits(value, text):
    assert three_digits(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.42, "0.4 s"), (12, "12 s"), (204, "3.4 min"), (7560, "2.1 h")),
        *((9.97, "10 s"), (59.4, "59 s"), (59.7, "1.0 min"), (3599, "1.0 h")),
        *((260_000, "3.0 days"), (NAN, "–")),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
