"""Energy of one call: that of the whole sampling window, shared out among the calls in it."""

from __future__ import annotations

from bench.cases.case import Measurement, Window

IN_CALLS_SHARE = 0.8  # of the window: below it most energy may be the instrument's own

NOT_TOLD = f"not told: less than {IN_CALLS_SHARE:.0%} of the window was in calls"


def energy_of_a_call(
    joules: float | None, window: Window, by: str, of: str
) -> tuple[list[Measurement], dict[str, str]]:
    """Return the energy a call in J, and labels that say what counted it, and of what.

    `joules` were spent in the whole window, the gaps between samples among it: an upper bound,
    and left out where the gaps are long. A counter that stood still has measured nothing.
    """
    if not joules or not window.num_calls:
        return [], {}
    if window.in_calls_s < IN_CALLS_SHARE * window.seconds:
        return [], {"energy_by": NOT_TOLD}
    measurement = Measurement("energy", "J", [joules / window.num_calls])
    return [measurement], {"energy_by": by, "energy_of": of}
