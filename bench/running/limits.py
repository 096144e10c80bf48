"""How long an attempt may take: what the user allows, and for a quality what its calls come to."""

from __future__ import annotations

from bench.cases.case import Case, Role
from bench.cases.costs import FIT_PROCESSES

# A trajectory in float32 beside one on tensor cores costs 16 of its calls, and data are drawn too.
QUALITY_MARGIN = 10.0
LONGEST_S = 86_400.0  # whatever a problem declares


def limit_s(
    case: Case, role: Role, timeout_s: float, call_s: float, left_s: float = float("inf")
) -> float:
    """Return the seconds that an attempt may take.

    Training for quality is no attempt to measure one call: it gets `QUALITY_MARGIN` times the
    calls that its problem counts, each as long as the warm `call_s` of the case's check, and never
    more than is `left_s` of a budget; the timeout where that is longer, or nothing is counted.
    A search for the largest batch has as long for each of its processes.
    """
    if role == "fit":
        return FIT_PROCESSES * timeout_s
    if role != "quality":
        return timeout_s
    own_s = QUALITY_MARGIN * case.quality_calls * call_s
    return max(timeout_s, min(own_s, left_s, LONGEST_S))
