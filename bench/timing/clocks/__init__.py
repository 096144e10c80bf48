"""Clocks by kind of device."""

from bench.cases.case import Case
from bench.timing.clocks.cpu import CpuClock
from bench.timing.sampling import Clock


def clock_for(case: Case, working_set_bytes: int, kind: str) -> Clock:
    """Return the clock of the case's device, ranks and cache state, of the kind that is asked.

    One question has one kind (`Problem.clock`): times by two clocks are not comparable.
    """
    if case.ranks > 1:
        from bench.timing.clocks.ranks import RankClock

        return RankClock(case.device, case.cache)
    if case.device != "cpu" and kind == "wall":
        from bench.timing.clocks.cuda_wall import CudaWallClock

        return CudaWallClock(case.device, case.cache, working_set_bytes)
    return clock_on(case.device, case.cache, working_set_bytes)


def clock_on(device: str, cache: str = "warm", working_set_bytes: int = 0) -> Clock:
    """Return the clock of one device's own work."""
    if device == "cpu":
        return CpuClock(cache, working_set_bytes)
    from bench.timing.clocks.cuda import CudaClock

    return CudaClock(device, cache, working_set_bytes)
