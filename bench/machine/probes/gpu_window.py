"""What the GPUs did within a sampling window, from the sampler's readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from bench.cases.case import Measurement, Window
from bench.machine.probes import throttle
from bench.machine.probes.energy import energy_of_a_call

Reply = dict[str, Any]
Answers = dict[str, float]

THROTTLED_SHARE = 0.05  # of the window's readings; one alone may be the change of a clock
COUNTER_TICKS = 10  # of the energy counter within a window: fewer are too coarse
MIN_READINGS = 5  # that differ: a driver updates power every 25 to 100 ms, and repeats itself
MIN_WINDOW_S = 0.9  # below it a mean of one second, or a tick, is mostly of something else
MAX_SAMPLES = 100  # kept of a long window, evenly

# Of several GPUs: what the job spends is a sum; the slowest clock and the hottest one decide.
_QUANTITIES: dict[str, tuple[str, str, Callable[[Sequence[float]], float]]] = {
    "power_w": ("power", "W", sum),
    "sm_clock_mhz": ("sm_clock", "MHz", min),
    "memory_clock_mhz": ("memory_clock", "MHz", min),
    "temperature_c": ("temperature", "C", max),
    "gpu_utilisation": ("gpu_utilisation", "1", fmean),
    "memory_utilisation": ("memory_utilisation", "1", fmean),
}


@dataclass(frozen=True)
class Reading:
    """What the GPUs of one case answered at one moment, one dictionary a GPU."""

    at_s: float
    gpus: list[Answers]


def explain(reply: Reply, readings: list[Reading], power_is: str) -> None:
    """Add to a timed reply what was read within its window; `power_is` instant or average."""
    window = Window(**reply["window"])
    within = [r for r in readings if window.begun_s <= r.at_s <= window.ended_s]
    if not within:
        return
    labels = {"gpu_readings": str(len(within)), **_throttle_label(within)}
    found = [m for m in map(_measurement(within), _QUANTITIES) if m]
    energy, told = _energy(within, window)
    if any(m.quantity == "power" for m in found):
        labels["power_is"] = power_is
    if others := other_processes(within):
        labels["other_gpu_processes"] = str(others)
    reply.setdefault("measurements", []).extend(asdict(m) for m in [*energy, *found])
    reply.setdefault("labels", {}).update(labels | told)
    flags = {"throttled": throttled_share(within) > THROTTLED_SHARE, "contended": others > 0}
    raised = [flag for flag, is_so in flags.items() if is_so]
    reply["flags"] = list(dict.fromkeys([*reply.get("flags", []), *raised]))


def _energy(within: list[Reading], window: Window) -> tuple[list[Measurement], dict[str, str]]:
    """Return the energy a call, or why it is not told."""
    if window.seconds < MIN_WINDOW_S:
        return [], {"energy_by": f"not told: a window of less than {MIN_WINDOW_S:g} s"}
    joules, by = joules_within(within, window)
    if joules is None:
        return [], {"energy_by": f"not told: fewer than {MIN_READINGS} readings that differ"}
    return energy_of_a_call(joules, window, by, "the whole GPU")


def _measurement(within: list[Reading]) -> Callable[[str], Measurement | None]:
    def measurement(key: str) -> Measurement | None:
        """Return the readings of one quantity; None where a GPU does not answer."""
        quantity, unit, combine = _QUANTITIES[key]
        whole = [r for r in within if all(key in gpu for gpu in r.gpus)]
        values = [round(combine([gpu[key] for gpu in r.gpus]), 4) for r in whole]
        stride = -(-len(values) // MAX_SAMPLES)
        return Measurement(quantity, unit, values[::stride]) if values else None

    return measurement


def joules_within(within: list[Reading], window: Window) -> tuple[float | None, str]:
    """Return the energy of a window, and what counted it: `counter`, or `integrated` power.

    The counter moves in ticks of tens of milliseconds: its slope between the first and the last
    tick within the window counts no part of a tick twice, where there are enough of them.
    """
    by_gpu = [_counted_w([(r.at_s, r.gpus[i]) for r in within]) for i in range(_num_gpus(within))]
    counted_w = [watts for watts in by_gpu if watts is not None]
    if len(counted_w) == len(by_gpu):
        return sum(counted_w) * window.seconds, "counter"
    whole = [r for r in within if all("power_w" in gpu for gpu in r.gpus)]
    watts = [sum(gpu["power_w"] for gpu in r.gpus) for r in whole]
    if len(set(watts)) < MIN_READINGS:
        return None, ""
    return fmean(watts) * window.seconds, "integrated"


def _num_gpus(within: list[Reading]) -> int:
    return len(within[0].gpus)


def _counted_w(readings: list[tuple[float, Answers]]) -> float | None:
    """Return the mean power between the counter's first and last tick; None with few ticks."""
    counts = [(at_s, gpu["energy_j"]) for at_s, gpu in readings if "energy_j" in gpu]
    ticks = [b for a, b in pairwise(counts) if b[1] > a[1]]
    if len(ticks) <= COUNTER_TICKS:
        return None
    (first_s, first_j), (last_s, last_j) = ticks[0], ticks[-1]
    return (last_j - first_j) / (last_s - first_s)


def throttled_share(within: list[Reading]) -> float:
    """Return the share of readings in which a GPU was slowed down."""
    slow = [any(throttle.slowing(reasons) for reasons in _reasons(r)) for r in within]
    return sum(slow) / len(slow)


def _throttle_label(within: list[Reading]) -> dict[str, str]:
    words = [w for r in within for reasons in _reasons(r) for w in throttle.in_words(reasons)]
    return {"throttled_by": ", ".join(sorted(set(words)))} if words else {}


def _reasons(reading: Reading) -> list[int]:
    return [int(gpu["event_reasons"]) for gpu in reading.gpus if "event_reasons" in gpu]


def other_processes(within: list[Reading]) -> int:
    """Count processes on a GPU beside the worker's one, that stayed all through the window.

    By number: in a container, NVML's process ids are of another namespace.
    """
    counts = [
        int(max(gpu["num_processes"] for gpu in r.gpus))
        for r in within
        if all("num_processes" in gpu for gpu in r.gpus)
    ]
    return max(min(counts, default=1) - 1, 0)
