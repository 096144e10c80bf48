"""Calibration, warm-up and stopping, exactly, under a clock that only moves when told."""

from __future__ import annotations

from typing import Any

import pytest

from bench.timing.sampling import MAX_SAMPLES, MIN_SAMPLES, calls_per_sample, sample


class FakeClock:
    """Calls last what `durations` says, in order; the last one for ever."""

    labels: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, durations: list[float], overhead_s: float = 50e-9, single: bool = False):
        self.durations, self.overhead_s, self.single_calls = durations, overhead_s, single
        self.time, self.num_calls = 0.0, 0

    def now(self) -> float:
        return self.time

    def _call(self) -> float:
        seconds = self.durations[min(self.num_calls, len(self.durations) - 1)]
        self.num_calls += 1
        self.time += seconds
        return seconds

    def first(self, call: Any, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        return self._call(), (inputs,)

    def sample(self, call: Any, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        total = sum(self._call() for _ in batch)
        return {"time": total / len(batch)}, (batch[-1],)


class FakeInputs:
    """Counts what it hands out, and sees that poison comes before every sample."""

    most_calls: int | None = None

    def __init__(self) -> None:
        self.next, self.poisoned, self.kept = 0, 0, []

    def take(self, count: int) -> list[int]:
        numbers = [(self.next + i) % 2 for i in range(count)]
        self.next += count
        return numbers

    def keep(self, outputs: tuple[Any, ...]) -> None:
        self.kept.append(outputs[0])

    def poison(self) -> None:
        self.poisoned += 1


def run(clock: FakeClock, share_s: float) -> tuple[Any, FakeInputs]:
    inputs = FakeInputs()
    return sample(clock, lambda x: (x,), inputs, share_s), inputs


def test_a_sample_outlasts_the_timer_a_thousand_times() -> None:
    clock = FakeClock([0.0], overhead_s=50e-9)
    calls = calls_per_sample(clock, estimate_s=1e-6, share_s=0.001)
    assert calls * 1e-6 >= 1000 * 50e-9
    assert calls == 51  # 50 are enough, and it must be odd


def test_short_calls_are_batched_to_bound_the_number_of_samples() -> None:
    found, _ = run(FakeClock([1e-5]), share_s=1.0)
    assert len(found.series["time"]) <= MAX_SAMPLES
    assert int(found.labels["calls_per_sample"]) % 2 == 1
    assert found.series["time"] == pytest.approx([1e-5] * len(found.series["time"]))


def test_a_cold_sample_is_one_call() -> None:
    found, _ = run(FakeClock([1e-6], single=True), share_s=0.001)
    assert found.labels["calls_per_sample"] == "1"


def test_the_first_call_is_kept_apart() -> None:
    found, _ = run(FakeClock([3.0, 0.01]), share_s=0.5)
    assert found.first_call_s == 3.0
    assert max(found.series["time"]) == pytest.approx(0.01)


def test_sampling_ends_by_time_alone() -> None:
    clock = FakeClock([0.01])
    found, _ = run(clock, share_s=0.5)
    first = 0.01
    assert 0.5 <= clock.time - first < 0.5 + 0.011
    assert found.measuring_s == pytest.approx(clock.time)


def test_slow_calls_get_the_least_number_of_samples() -> None:
    found, _ = run(FakeClock([2.0]), share_s=0.1)
    assert len(found.series["time"]) == MIN_SAMPLES


def test_warm_up_lasts_until_steady() -> None:
    falling = [0.02 * 0.8**i for i in range(8)] + [0.002]
    found, _ = run(FakeClock(falling), share_s=1.0)
    assert found.labels["steady"] == "yes"
    assert max(found.series["time"]) < 0.004  # the fall is not among the samples


def test_warm_up_that_never_settles_says_so() -> None:
    restless = [0.01, 0.02] * 3 + [0.01 * 1.2**i for i in range(200)]
    found, _ = run(FakeClock(restless), share_s=0.3)
    assert found.labels["steady"] == "no"


def test_every_sample_is_poisoned_before_and_kept_after() -> None:
    found, inputs = run(FakeClock([0.01]), share_s=0.2)
    assert len(inputs.kept) == inputs.poisoned + 1  # the first call finds nothing to poison
    assert len(found.series["time"]) < inputs.poisoned
    assert set(inputs.kept) == {0, 1}  # samples end on every set of inputs in turn
