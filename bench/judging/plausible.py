"""Is a record's time one that this device can have? Judged from what the run's folder holds."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from bench.cases.case import Attempt
from bench.machine.ceilings import Roofline

IMPOSSIBLE = "impossible"


def implausible(attempts: Iterable[Attempt], roofline: Roofline | None) -> str:
    """Say why a case's attempts cannot be believed; empty where nothing speaks against them.

    One attempt is enough: an estimate over rounds is worth no more than the least of them. It is
    judged by its median, which no single sample that an interruption of the clock or a shared
    cache made too short can move.
    """
    for attempt in attempts:
        if IMPOSSIBLE in attempt.flags:
            return attempt.detail
        seconds = _median_s(attempt)
        if roofline and seconds and roofline.bound_s / seconds > 1 + roofline.error:
            return _in_words(seconds, roofline)
    return ""


def _median_s(attempt: Attempt) -> float | None:
    if attempt.role != "time":
        return None
    times = [m for m in attempt.measurements if m.quantity == "time" and m.rank is None]
    return median(times[0].samples) if times else None


def _in_words(seconds: float, roofline: Roofline) -> str:
    what = "its FLOPs" if roofline.limit == "compute" else "its bytes"
    return (
        f"took {seconds * 1e6:.3g} µs where {what} take at least {roofline.bound_s * 1e6:.3g} µs "
        f"on this device (ceiling measured to {roofline.error:.0%})"
    )
