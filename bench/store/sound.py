"""What one attempt can have left: checked before it is written, and again when it is read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from bench.cases.bounds import LARGEST, SMALLEST
from bench.cases.case import Attempt, Measurement
from bench.errors import UserError
from bench.store.strict import decode

# The call's own quantities; every other one in seconds that the time role sampled is a phase of it.
OF_THE_CALL = ("time", "thread_time", "enqueue_time", "device_time", "first_call")
IN_SECONDS = (*OF_THE_CALL, "first_call_uncached")
LEAST_S, MOST_S = 1e-12, 1e9  # of a call: a picosecond, thirty years


def sound(attempt: Attempt) -> Attempt:
    """Return the attempt, or an `error` in its place: what is written can always be read."""
    if wrong := complaint(attempt):
        return replace(
            attempt, outcome="error", detail=wrong, measurements=[], tolerances=[], fingerprints=[]
        )
    try:
        decode(msgspec.json.encode(attempt), Attempt, "what was measured")
    except UserError as error:
        place = (attempt.case, attempt.role, attempt.session, attempt.round)
        return Attempt(*place, outcome="error", detail=str(error), side=attempt.side)
    return attempt


def complaint(attempt: Attempt) -> str:
    """Say what no attempt can have left: no samples, none that are numbers, time that ran back."""
    return next(_complaints(attempt), "")


def _complaints(attempt: Attempt) -> Iterator[str]:
    for measurement in attempt.measurements:
        yield from _of_measurement(measurement)
    counted = Counter((m.quantity, m.rank) for m in attempt.measurements)
    for (quantity, _), count in counted.items():
        if count > 1:
            yield f"{quantity}: expected once in an attempt, got {count} times"
    if any(not math.isfinite(bound) for pair in attempt.tolerances for bound in pair):
        yield "expected finite tolerances"
    if attempt.role == "time":
        yield from _of_timing(attempt)


def _of_measurement(measurement: Measurement) -> Iterator[str]:
    quantity, unit, samples = measurement.quantity, measurement.unit, measurement.samples
    low, high = min(samples, default=None), max(samples, default=None)
    if low is None or high is None or not all(map(math.isfinite, samples)):
        yield f"{quantity}: expected finite samples, got {low} to {high}"
        return
    if quantity == "time" and low <= 0:
        yield f"{quantity}: expected samples above 0, got {low}"
    if quantity in IN_SECONDS and unit != "s":
        yield f"{quantity}: expected seconds, got unit '{unit}'"
    if unit == "s" and not 0 <= low <= high <= MOST_S:
        yield f"{quantity}: expected from 0 to {MOST_S:g} s, got {low:g} to {high:g}"
    if quantity == "time" and low < LEAST_S:
        yield f"{quantity}: expected at least {LEAST_S:g} s, got {low:g}"
    if max(high, -low) > LARGEST or (low < SMALLEST and _any_too_small(samples)):
        yield f"{quantity}: expected 0 or {SMALLEST:g} to {LARGEST:g}, got {low:g} to {high:g}"


def _any_too_small(samples: Sequence[float]) -> bool:
    """Say whether any is nearer to 0 than can be measured, and not 0."""
    return any(0 < abs(sample) < SMALLEST for sample in samples)


def _of_timing(attempt: Attempt) -> Iterator[str]:
    """Complain of phases that are not those of the calls; a rank's own may be of fewer."""
    of_job = {m.quantity: m for m in attempt.measurements if m.rank is None}
    if attempt.outcome == "ok" and "time" not in of_job:
        yield "expected samples of time in an ok attempt, got none"
    calls = len(of_job["time"].samples) if "time" in of_job else None
    for name, measurement in of_job.items():
        phase = measurement.unit == "s" and name not in OF_THE_CALL
        got = len(measurement.samples)
        if phase and calls is not None and got != calls:
            yield f"{name}: expected a sample of every call, {calls}, got {got}"
