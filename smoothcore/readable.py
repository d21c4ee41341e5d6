"""Numbers as a person reads them. Needs the standard library alone."""

import math

NO_VALUE = "–"


def two_decimals(value: float, sign: str = "") -> str:
    """Return 0.16, −0.07 or, where it is NaN, a dash; ``sign="+"`` writes the plus.

    −0.00 is below 0: an interval from there contains 0.
    """
    if math.isnan(value):
        return NO_VALUE
    return f"{value:{sign}.2f}".replace("+0.00", "0.00").replace("-", "−")


def three_digits(value: float) -> str:
    """Return a number with three significant digits, thousands set apart by a comma."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def plain_lambda(value: float) -> str:
    """Return λ for text: 0, 3.2e-4, or a dash where it is NaN."""
    if math.isnan(value):
        return NO_VALUE
    if value == 0 or 0.01 <= value < 1e5:
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def power_of_ten(value: float) -> str:
    """Return a number as mathtext: 3.2 × 10⁻⁴ for 0.00032, plain 0 for 0."""
    mantissa, exponent = f"{value:.2e}".split("e")
    factor = "" if float(mantissa) == 1 else f"{float(mantissa):g}\\times"
    return f"${factor}10^{{{int(exponent)}}}$" if value else "$0$"


def duration(seconds: float) -> str:
    """Return a length of time: 0.4 s, 12 s, 3.4 min, 2.1 h, 3.2 days, or a dash where it is NaN."""
    if math.isnan(seconds):
        return NO_VALUE
    # what would be rounded to 60 is one of the next unit, what would be to 10.0 has no decimal
    longest = {"s": 59.5, "min": 59.5 * 60, "h": 48 * 3600}
    unit = next((unit for unit, end in longest.items() if seconds < end), "days")
    value = seconds / {"s": 1, "min": 60, "h": 3600, "days": 86400}[unit]
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
