"""Figures as people read them: four significant digits, and the unit in which they are neither tiny nor huge."""

from math import floor, isfinite, log10

DIGITS = 4
_TIME_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"))
_MEMORY_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def number(value: float) -> str:
    """Four significant digits, digits before the point never rounded away: ``0.02479``, ``7.411``, ``12,346``."""
    if value == 0 or not isfinite(value):
        return f"{value:g}"
    decimals = DIGITS - 1 - floor(log10(abs(value)))
    decimals -= abs(round(value, decimals)) >= 10 ** (DIGITS - decimals)  # 9.9996 has become 10.000
    return f"{value:,.{max(0, decimals)}f}"


def duration(nanoseconds: float) -> str:
    """``24.79 us``, ``7.411 ms``, ``1.200 s``; below a microsecond ``412.0 ns``."""
    for size, unit in _TIME_UNITS:
        if abs(nanoseconds) >= size * (1 - 0.5 * 10**-DIGITS):
            return f"{number(nanoseconds / size)} {unit}"
    return f"{number(nanoseconds)} ns"


def memory(size: int) -> str:
    """``10 MiB``, ``1.5 GiB``."""
    for unit_size, unit in _MEMORY_UNITS:
        if size >= unit_size:
            return f"{size / unit_size:.3g} {unit}"
    return f"{size} bytes"
