"""Ways to time a call: this project's sampling, torch's Timer, pytest-benchmark's fixture.

Each takes a function and about so many seconds, and returns the seconds of one call as it would
report them: the median of its samples.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from typing import Any

Work = Callable[[], object]
Timer = Callable[[Work, float], float]


def timers() -> tuple[dict[str, Timer], list[str]]:
    """Return every timer that is installed, and a line for each that is not."""
    found: dict[str, Timer] = {"Touchstone": ours, "torch Timer": torch_timer}
    try:
        import pytest_benchmark.fixture
    except ImportError as error:
        return found, [f"pytest-benchmark is left out: {error}"]
    assert pytest_benchmark.fixture
    return {**found, "pytest-benchmark": pytest_benchmark_fixture}, []


def ours(work: Work, seconds: float) -> float:
    """Sample as a worker does, on the CPU's clock."""
    from bench.timing.clocks.cpu import CpuClock
    from bench.timing.sampling import sample

    clock = CpuClock("warm", 0)
    samples = sample(clock, lambda inputs: (work(),), _NoInputs(), seconds)
    return median(samples.series["time"])


def torch_timer(work: Work, seconds: float) -> float:
    """Ask torch.utils.benchmark."""
    from torch.utils.benchmark import Timer

    timer = Timer("work()", globals={"work": work})
    return float(timer.blocked_autorange(min_run_time=seconds).median)


def pytest_benchmark_fixture(work: Work, seconds: float) -> float:
    """Ask pytest-benchmark's fixture, with its plugin's defaults but for `max_time`."""
    import time

    from pytest_benchmark.fixture import BenchmarkFixture
    from pytest_benchmark.utils import NameWrapper

    fixture = BenchmarkFixture(
        SimpleNamespace(name="work", nodeid="work"),
        disable_gc=False,
        timer=NameWrapper(time.perf_counter),
        min_rounds=5,
        min_time=5e-6,
        max_time=seconds,
        precision=None,
        confidence=None,
        warmup=False,
        warmup_iterations=100_000,
        calibration_precision=10,
        add_stats=lambda stats: None,
        logger=SimpleNamespace(debug=lambda *words, **styles: None),
        warner=None,
        disabled=False,
        cprofile=False,
        cprofile_loops=None,
        cprofile_dump=None,
    )
    fixture(work)
    stats: Any = fixture.stats
    return float(stats.stats.median)


class _NoInputs:
    """Nothing to hand out, nothing to look after."""

    most_calls: int | None = None

    def take(self, count: int) -> list[Any]:
        return [None] * count

    def keep(self, outputs: tuple[Any, ...]) -> None: ...

    def poison(self) -> None: ...
