"""Numbers and names as people read them, with units."""

from __future__ import annotations

from collections.abc import Container

from bench.cases.case import Case

_TITLE_UNITS = (
    ("_s", "ms", 1e-3),
    ("_bytes", "MiB", float(2**20)),
    ("_j", "mJ", 1e-3),
    ("_w", "W", 1.0),
    ("_mhz", "MHz", 1.0),
    ("_c", "°C", 1.0),
)


def rate(value: float) -> str:
    """Write floating-point operations a second."""
    for unit, scale in (("TFLOP/s", 1e12), ("GFLOP/s", 1e9)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e6:.3g} MFLOP/s"


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
