"""Sample a call for a fixed share of time: first call, inner loop, warm-up, samples."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

from bench.cases.problem import Call

MIN_OVER_OVERHEAD = 1000  # one sample lasts at least this many timer overheads
MAX_SAMPLES = 200  # more of shorter samples would fill the disk, not narrow an interval
MIN_SAMPLES = 3
ESTIMATES = 2
LEAST_CALLS = ESTIMATES + 1 + MIN_SAMPLES  # of a process, however short its share
WARM_UP_SHARE = 0.25
STEADY_WITHIN = 0.05

RANK_TIME = "rank_time"  # what a rank's own clock says; `time` is the maximum over ranks


class Clock(Protocol):
    """Times calls on one kind of device. Times are seconds for one call."""

    overhead_s: float
    labels: dict[str, str]
    single_calls: bool

    def now(self) -> float:
        """Return monotonic seconds."""

    def mark(self) -> Any:
        """Mark this moment of the device's work."""

    def seconds(self, begun: Any, ended: Any) -> float:
        """Return the seconds between two marks; asked only after the sample they lie in."""

    def first(self, call: Call, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        """Time one call from the host's start until the device has finished."""

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        """Time one pass over a batch of inputs: seconds a call by quantity, and the last outputs.

        The key `time` is always there.
        """


class Inputs(Protocol):
    """Hands out inputs and looks after outputs; see `Rotation`."""

    @property
    def most_calls(self) -> int | None: ...
    def take(self, count: int) -> list[Any]: ...
    def keep(self, outputs: tuple[Any, ...]) -> None: ...
    def poison(self) -> None: ...


@dataclass(frozen=True)
class Samples:
    """Seconds a call, by quantity, in the order they were taken."""

    first_call_s: float
    series: dict[str, list[float]]
    labels: dict[str, str]
    measuring_s: float
    num_calls: int

    @property
    def in_calls_s(self) -> float:
        """Sum the time of all calls that were sampled."""
        return sum(self.series["time"]) * self.num_calls / len(self.series["time"])


class _Taker:
    """Takes samples of one call and adds up the time spent in it."""

    def __init__(self, clock: Clock, call: Call, inputs: Inputs):
        self.clock, self.call, self.inputs = clock, call, inputs
        self.calls_per_sample = 1
        self.measuring_s = 0.0

    def first(self) -> float:
        seconds, outputs = self.clock.first(self.call, self.inputs.take(1)[0])
        self.inputs.keep(outputs)
        self.measuring_s += seconds
        return seconds

    def take(self) -> dict[str, float]:
        self.inputs.poison()
        batch = self.inputs.take(self.calls_per_sample)
        times, outputs = self.clock.sample(self.call, batch)
        self.inputs.keep(outputs)
        self.measuring_s += times["time"] * self.calls_per_sample
        return times


def sample(
    clock: Clock,
    call: Call,
    inputs: Inputs,
    share_s: float,
    most_samples: int = MAX_SAMPLES,
    window: AbstractContextManager[Any] = nullcontext(),  # noqa: B008
) -> Samples:
    """Spend about `share_s` after the first call; ends by time alone, never by what is seen.

    `window` is entered before the first sample that is kept and left after the last one.
    """
    taker = _Taker(clock, call, inputs)
    first_call_s = taker.first()
    started = clock.now()
    estimate_s = min(taker.take()["time"] for _ in range(ESTIMATES))
    taker.calls_per_sample = calls_per_sample(
        clock, estimate_s, share_s / most_samples, inputs.most_calls
    )
    warm_up_calls, steady = warm_up(taker, started + WARM_UP_SHARE * share_s)
    with window:
        taken = [taker.take() for _ in range(MIN_SAMPLES)]
        while clock.now() - started < share_s:
            taken.append(taker.take())
    series = {quantity: [times[quantity] for times in taken] for quantity in taken[0]}
    labels = {
        "calls_per_sample": str(taker.calls_per_sample),
        "warm_up_calls": str(warm_up_calls),
        "steady": "yes" if steady else "no",
    }
    num_calls = len(taken) * taker.calls_per_sample
    return Samples(first_call_s, series, labels, taker.measuring_s, num_calls)


def calls_per_sample(
    clock: Clock, estimate_s: float, least_s: float, most: int | None = None
) -> int:
    """Choose the inner loop: long against the timer, a sample `least_s` long, and odd.

    Odd, so that samples end on every set of inputs in turn. A cold sample is always one call.
    `most` calls are what there can be inputs for.
    """
    if clock.single_calls:
        return 1
    target_s = max(MIN_OVER_OVERHEAD * clock.overhead_s, least_s)
    calls = math.ceil(target_s / max(estimate_s, clock.overhead_s, 1e-9)) | 1
    return calls if most is None else min(calls, (most - 1) | 1)


def warm_up(taker: _Taker, deadline: float) -> tuple[int, bool]:
    """Call until three samples agree with the three before, or the deadline; say which.

    Where a sample is one call, those that it was estimated by have warmed up already.
    """
    seen: list[float] = []
    least = 1 if taker.calls_per_sample == 1 else 2
    while len(seen) < least or taker.clock.now() < deadline:
        seen.append(taker.take()["time"])
        if len(seen) >= 6 and _steady(seen):
            return len(seen) * taker.calls_per_sample, True
    return len(seen) * taker.calls_per_sample, False


def _steady(seen: list[float]) -> bool:
    before, after = median(seen[-6:-3]), median(seen[-3:])
    return abs(after - before) <= STEADY_WITHIN * before
