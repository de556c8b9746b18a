"""Numbers as text, to the digits that their interval deserves.

A value with a 95 % interval is written to the place of the second significant digit of half the width of the interval:
0.115 [0.088, 0.145], 4.6 [2.1, 7.0], 38 [30, 51]. A value without an interval has at most three significant digits, or
the digits that are usual for its measure. Very small and very large numbers have a power of ten, never the form 1e-05.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from math import floor, isfinite, isinf, isnan, log10

NONE, UNKNOWN = "–", "no value"
NO_INTERVAL = "[no interval]"
_MOST_DECIMALS = 4  # after the point; smaller values have a power of ten
_LARGEST = 8  # power of ten of the largest numbers that have none
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals_of(low: float, high: float) -> int | None:
    """Return how many digits after the point an interval deserves; None for no interval, or one without width.

    Args:
        low: lower end; NaN if there is no interval.
        high: upper end.

    Returns:
        The number of digits after the point; 0 also for intervals wider than 20.

    Example:
        >>> decimals_of(0.088, 0.145), decimals_of(30, 51)
        (3, 0)
    """
    half = (high - low) / 2
    if not isfinite(half) or half <= 0:
        return None
    return max(0, 1 - floor(log10(half) + 1e-9))


def number(value: float | None, *, digits: int | None = None, signed: bool = False, significant: int = 3) -> str:
    """Return a value as text: "–" for None, "no value" for NaN.

    Args:
        value: the value.
        digits: digits after the point; None for significant digits, without zeros at the end.
        signed: whether a positive value has a plus sign.
        significant: number of significant digits where `digits` is None.

    Example:
        >>> number(0.11532), number(1.526e-05), number(12345.6), number(2.5, digits=2)
        ('0.115', '1.53 × 10⁻⁵', '12,346', '2.50')
    """
    if value is None or isnan(value):
        return NONE if value is None else UNKNOWN
    sign = "+" if signed else ""
    if isinf(value) or (value == 0 and digits is None):
        return f"{value:{sign}.0f}"
    power = floor(log10(abs(value))) if value else 0
    shown = max(0, significant - 1 - power) if digits is None else digits
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-shown), ROUND_HALF_EVEN)
    text = f"{rounded:{sign},.{shown}f}"
    if digits is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    if power > _LARGEST or (power < 1 - _MOST_DECIMALS and len(text.partition(".")[2]) > _MOST_DECIMALS + 1):
        return _with_power(value, sign, significant, exact=digits is not None)
    return text if any(one in "123456789" for one in text) else text.removeprefix("-")


def with_interval(value: float, low: float, high: float, *, digits: int = 2, signed: bool = False) -> str:
    """Return "value [low, high]", all to the digits that the interval deserves; "no value" for NaN.

    Args:
        value: the value.
        low: lower end of its 95 % interval; NaN if there is none, which is written "[no interval]".
        high: upper end.
        digits: digits after the point if there is no interval, or one without width.
        signed: whether positive numbers have a plus sign.

    Example:
        >>> with_interval(0.11532, 0.08831, 0.14529), with_interval(2.5, float("nan"), float("nan"))
        ('0.115 [0.088, 0.145]', '2.50 [no interval]')
    """
    if isnan(value):
        return UNKNOWN
    used = _shown(low, high, digits)
    return f"{number(value, digits=used, signed=signed)} {interval(low, high, digits=digits, signed=signed)}"


def interval(low: float, high: float, *, digits: int = 2, signed: bool = False) -> str:
    """Return "[low, high]" to the digits that the interval deserves, "[no interval]" if there is none.

    The digits are those of `with_interval`.
    """
    if isnan(low) or isnan(high):
        return NO_INTERVAL
    used = _shown(low, high, digits)
    return f"[{', '.join(number(one, digits=used, signed=signed) for one in (low, high))}]"


def _shown(low: float, high: float, digits: int) -> int:
    """Return the digits after the point of a value and its interval; at most four where the numbers are not small."""
    found = decimals_of(low, high)
    if found is None:
        return digits
    return min(found, _MOST_DECIMALS) if max(abs(low), abs(high)) >= 0.01 else found


def percent(value: float, low: float = float("nan"), high: float = float("nan"), *, interval: bool = False) -> str:
    """Return a share as a percentage, to the digits that its interval deserves, without an interval as whole percent.

    Args:
        value: share, 0 to 1.
        low: lower end of its 95 % interval.
        high: upper end.
        interval: whether to write the interval behind the value.

    Example:
        >>> percent(0.14), percent(0.1432, 0.1101, 0.1803, interval=True)
        ('14 %', '14.3 % [11.0, 18.0]')
    """
    if isnan(value):
        return UNKNOWN
    hundreds = [100 * one for one in (value, low, high)]
    digits = decimals_of(*hundreds[1:]) or 0
    text = f"{number(hundreds[0], digits=digits)} %"
    if not interval:
        return text
    if isnan(low):
        return f"{text} {NO_INTERVAL}"
    return f"{text} [{', '.join(number(one, digits=digits) for one in hundreds[1:])}]"


def chance(p: float) -> str:
    """Return a p-value as text: three digits after the point, "< 0.001" below, "untested" for NaN.

    Example:
        >>> chance(1.526e-05), chance(0.125)
        ('< 0.001', '0.125')
    """
    return "untested" if isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _with_power(value: float, sign: str, significant: int, *, exact: bool) -> str:
    """Return a value with significant digits and a power of ten; zeros at the end are kept if they are `exact`."""
    shown, power = f"{value:{sign}.{significant - 1}e}".split("e")
    if not exact:
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown} × 10{str(int(power)).translate(_SUPERSCRIPT)}"


def number_of(number: int, thing: str) -> str:
    """Return a number with the name of what is counted, in the plural if it is not 1.

    Example:
        >>> number_of(1, "song"), number_of(0, "song")
        ('1 song', '0 songs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
