"""The time role: raw samples of one step, held to the fingerprints of the check role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from bench.cases.case import Measurement
from bench.cases.flags import LAUNCH_GAPS, OTHER_SETTING
from bench.cases.problem import Incorrect
from bench.checking.fingerprint import mismatch
from bench.machine.probes.meters import Meters
from bench.state import Watch
from bench.timing.clocks import clock_for
from bench.timing.phases import PhasedClock
from bench.timing.rotation import Rotation
from bench.timing.sampling import sample
from bench.workers.contest import Contest
from bench.workers.roles.result import Result

MOST_BEHIND = 0.25  # a median does not see fewer, wherever they fall


def time(contest: Contest) -> Result:
    """Sample the call for the attempt's share of time, then look at what it left behind."""
    fresh = contest.problem.fresh if contest.fresh_inputs else None
    rotation = Rotation(contest.input_sets(), contest.stateful, contest.rewritten, fresh)
    clock = clock_for(contest.case, rotation.input_bytes, contest.problem.clock)
    if contest.phases is not None:
        clock = PhasedClock(clock, contest.phases)
    contest.reset()
    meters, watch = Meters(contest.case), Watch(contest.case)
    ends = _all_of(watch, meters)
    samples = sample(clock, contest.call, rotation, contest.share_s, contest.most_samples, ends)
    window = meters.window(samples)
    metered, explained = meters.found(window)
    _hold_to_check(contest, rotation)
    proven = contest.verify(rotation.input_sets[0])  # here: another process may run other code
    measurements = [Measurement("first_call", "s", [samples.first_call_s])]
    for quantity, values in samples.series.items():
        measurements.append(Measurement(quantity, "s", [round(v, 11) for v in values]))
    worked = watch.found()
    measurements.append(Measurement("threads_ran", "1", [round(worked.cores, 3)]))
    measurements += contest.problem.overheads(
        contest.built, rotation.input_sets[0], contest.setting
    )
    beyond = worked.beyond(contest.case.threads) if contest.case.device == "cpu" else ""
    return Result(
        [*measurements, *metered],
        {**clock.labels, **samples.labels, **explained, **proven},
        measuring_s=samples.measuring_s,
        flags=[*([OTHER_SETTING] if beyond else []), *_gaps(clock.labels)],
        detail=beyond,
        window=window,
    )


def _gaps(labels: dict[str, str]) -> list[str]:
    """Flag device times of which so many hold launch gaps that their median may."""
    return [LAUNCH_GAPS] if float(labels.get("host_behind_share", "0")) > MOST_BEHIND else []


@contextmanager
def _all_of(*managers: AbstractContextManager[Any]) -> Iterator[None]:
    """Enter all, and leave them in reverse."""
    with ExitStack() as stack:
        for manager in managers:
            stack.enter_context(manager)
        yield


def _hold_to_check(contest: Contest, rotation: Rotation) -> None:
    """Compare outputs of timed calls with those that were checked."""
    if not contest.fingerprints:
        raise Incorrect("no fingerprints: the check role has not passed")
    for number, returned in _held_outputs(contest, rotation).items():
        outputs = contest.problem.outputs(returned, rotation.input_sets[number])
        expected = contest.fingerprints[number]
        for output, values, tolerance in zip(outputs, expected, contest.tolerances, strict=True):
            if difference := mismatch(output, values, tolerance):
                raise Incorrect(difference)


def _held_outputs(contest: Contest, rotation: Rotation) -> dict[int, tuple[Any, ...]]:
    """Return what timed calls left, by set of inputs.

    A stateful step has moved on since. Its first timed call began at the start, and so does one
    more, on other inputs; one for every set would cost more than the samples of a long step.
    """
    if not contest.stateful:
        return rotation.last_outputs
    contest.reset()
    last = len(rotation.input_sets) - 1
    return {0: rotation.first_outputs, last: contest.call(rotation.given(last))}
