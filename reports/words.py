"""Numbers and names as people read them, with units."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.judging.statistics import Interval

_TITLE_UNITS = (
    ("_s", "ms", 1e-3),
    ("_bytes", "MiB", float(2**20)),
    ("_j", "mJ", 1e-3),
    ("_w", "W", 1.0),
    ("_mhz", "MHz", 1.0),
    ("_c", "°C", 1.0),
)
TOO_WIDE = 100  # between the ends of an interval: it says nothing


def seconds(value: float) -> str:
    """Write a time with three digits in the unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def size(value: float) -> str:
    """Write bytes in binary units, called by their name."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} B"


def rate(value: float) -> str:
    """Write floating-point operations a second."""
    for unit, scale in (("TFLOP/s", 1e12), ("GFLOP/s", 1e9)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e6:.3g} MFLOP/s"


def plus_minus(found: Interval) -> str:
    """Write the relative half-width of an interval, or what there is instead of one."""
    half = found.half_width
    if half is None:
        return rounds_without_spread(found)
    if half > math.log(TOO_WIDE):
        return f"(no bounds from {counted(found.rounds, 'round')})"
    return f"±{100 * math.expm1(half):.1f}%"


def rounds_without_spread(found: Interval) -> str:
    """Say how many rounds there are where no session has two, so that they give no interval."""
    if found.rounds == 1:
        return "one round"
    return f"{counted(found.rounds, 'round')}, one a session"


def factor(found: Interval) -> str:
    """Write a ratio with its interval."""
    if found.low is None or found.high is None:
        return f"{found.estimate:.2f}×"
    if found.high > TOO_WIDE * found.low:
        return f"{found.estimate:.2f}× (no bounds from {counted(found.rounds, 'round')})"
    return f"{found.estimate:.2f}× ({found.low:.2f}–{found.high:.2f})"


def shape(case: Case, leave_out: Container[str] = ()) -> str:
    """Write a problem's values shortly: those that are set, and that a default does not imply."""
    words = []
    for name, value in case.values.items():
        if name in leave_out or value in (None, False) or _implied(case, name):
            continue
        words.append(name if value is True else f"{name}={value}")
    return " ".join(words)


def _implied(case: Case, name: str) -> bool:
    """Say whether a value only repeats an earlier one, as `seqlen_kv` often does `seqlen_q`."""
    for earlier, value in case.values.items():
        if earlier == name:
            return False
        if value == case.values[name] and same_kind(earlier, name):
            return True
    return False


def same_kind(one: str, other: str) -> bool:
    """Say whether two names are of one kind of thing, as `num_heads` and `num_kv_heads` are.

    They share a word, and each has at most one of its own; `num` is no kind of thing.
    """
    a, b = ({*name.split("_")} - {"num"} for name in (one, other))
    return bool(a & b) and max(len(a - b), len(b - a)) == 1


def name_of(case: Case, rivals: Sequence[Case]) -> str:
    """Name a variant, with its options where another of the rivals differs in them alone."""
    twins = [rival for rival in rivals if rival.variant == case.variant]
    if all(twin.options == case.options for twin in twins):
        return case.variant
    return f"{case.variant}[{','.join(f'{k}={v}' for k, v in case.options.items())}]"


def column_title(name: str) -> tuple[str, float]:
    """Return how a reader calls a column of results.csv, and what its values are divided by."""
    if name.endswith("_bytes_per_s"):
        return f"{name.removesuffix('_bytes_per_s').replace('_', ' ')} (GB/s)", 1e9
    if name.endswith("_per_s"):
        return f"{name.removesuffix('_per_s').replace('_', ' ')}/s", 1.0
    for suffix, unit, scale in _TITLE_UNITS:
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix).replace('_', ' ')} ({unit})", scale
    return name.replace("_", " "), 1.0
