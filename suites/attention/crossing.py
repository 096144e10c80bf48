"""Where one way becomes faster than another as n grows; and figures in words. Torch-free."""

from __future__ import annotations

from math import exp, log

from bench.claims import Interval, Mean, Record, Verdict
from suites.attention.growth import describe, length

Ratios = list[tuple[int, Interval]]  # by length, by how much the one takes longer


def crossover(ratios: list[tuple[int, float]]) -> tuple[float, float]:
    """Return bounds of the length from which on the ratio stays above 1, in log-log.

    Equal bounds where it lies between two lengths; (0, first) below all, (last, inf) beyond all.
    """
    below = [number for number, (_, factor) in enumerate(ratios) if factor <= 1]
    if not below:
        return 0.0, float(ratios[0][0])
    if below[-1] == len(ratios) - 1:
        return float(ratios[-1][0]), float("inf")
    (n0, f0), (n1, f1) = ratios[below[-1]], ratios[below[-1] + 1]
    share = -log(f0) / (log(f1) - log(f0))
    crossing = exp(log(n0) + share * (log(n1) - log(n0)))
    return crossing, crossing


def within_order(ratios: Ratios, limit: float) -> Verdict:
    """Judge the crossover by both ends of every factor's interval; without one nothing is told."""
    if any(factor.low is None or factor.high is None for _, factor in ratios):
        return "untested"
    latest = crossover([(n, factor.low or 0.0) for n, factor in ratios])[1]
    earliest = crossover([(n, factor.high or 0.0) for n, factor in ratios])[0]
    if latest <= limit:
        return "holds"
    return "fails" if earliest > limit else "untested"


def between(ratios: Ratios) -> str:
    """Write where a crossover lies, and the factors at both ends of what was measured."""
    low, high = crossover([(n, factor.estimate) for n, factor in ratios])
    where = f"at n = {low:.0f}" if low == high else f"below n = {high:.0f}, the least measured"
    if high == float("inf"):
        where = f"beyond n = {low:.0f}, the most measured, if at all"
    ends = ", ".join(f"{times(f)} at {n}" for n, f in dict.fromkeys((ratios[0], ratios[-1])))
    return f"{where} ({ends})"


def question(record: Record) -> str:
    return f"{describe(record.case)}, n = {length(record.case)}"


def written(found: Mean) -> str:
    if found.low is None or found.high is None:
        return f"{found.estimate:.2f} (one round)"
    if found.low == found.high:
        return f"{found.estimate:.2f}"
    return f"{found.estimate:.2f} ({found.low:.2f}–{found.high:.2f} over {found.count} rounds)"


def times(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.estimate:.2f}× (no session with two rounds)"
    return f"{found.estimate:.2f}× ({found.low:.2f}–{found.high:.2f})"
