"""Calibration, warm-up and stopping, exactly, under a clock that only moves when told."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bench.timing.sampling import (
    MAX_SAMPLES,
    Samples,
    _steady,
    calls_per_sample,
    sample,
)


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
    calls = calls_per_sample(clock, estimate_s=1e-6, least_s=0.001 / 200)
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
    assert found.series["time"] == [2.0, 2.0, 2.0]


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


@pytest.mark.parametrize(
    ("estimate_s", "share_s", "overhead_s", "most", "calls"),
    [
        (1e-6, 0.001, 5e-8, None, 51),  # 50 µs are a thousand overheads
        (2.5e-6, 1.0, 5e-8, None, 2001),  # 5 ms are a 200th of the share
        (1.0, 1.0, 5e-8, None, 1),
        (1.0, 1.0, 0.999, None, 999),
        (0.0, 0.001, 5e-8, None, 1001),  # no call is shorter than a look at the clock
        (0.0, 0.0002, 0.0, None, 1001),  # or than a nanosecond
        (1e-6, 0.001, 5e-8, 10, 9),  # there are inputs for ten, and nine is odd
        (1e-6, 0.001, 5e-8, 9, 9),
        (1e-6, 0.001, 5e-8, 1, 1),
        (1e-6, 0.001, 5e-8, 1000, 51),
    ],
)
def test_the_calls_of_a_sample_in_known_cases(
    estimate_s: float, share_s: float, overhead_s: float, most: int | None, calls: int
) -> None:
    clock = FakeClock([0.0], overhead_s=overhead_s)
    assert calls_per_sample(clock, estimate_s, share_s / MAX_SAMPLES, most) == calls


@pytest.mark.parametrize("slow", list(itertools.combinations(range(9), 2)))
def test_two_slow_samples_unsettle_the_three_they_are_of(slow: tuple[int, int]) -> None:
    """The last three are set against the three before; what came earlier is forgotten."""
    seen = [9.0 if number in slow else 1.0 for number in range(9)]
    together = slow[0] // 3 == slow[1] // 3
    assert _steady(seen) is not (together and slow[0] >= 3)


def test_steady_is_five_percent_either_way() -> None:
    assert _steady([100.0] * 3 + [105.0] * 3)
    assert _steady([100.0] * 3 + [95.0] * 3)
    assert not _steady([100.0] * 3 + [106.0] * 3)
    assert not _steady([100.0] * 3 + [94.0] * 3)


def test_what_settles_at_once_is_warm_after_six_samples() -> None:
    found, _ = run(FakeClock([0.0625]), share_s=4.0)
    assert found.labels == {"calls_per_sample": "1", "warm_up_calls": "6", "steady": "yes"}
    assert len(found.series["time"]) == 4 * 16 - 2 - 6  # and not one call beyond the share
    long, _ = run(FakeClock([0.0, 1e-5]), share_s=4.0)
    calls = int(long.labels["calls_per_sample"])
    assert int(long.labels["warm_up_calls"]) == 6 * calls > 6


def test_warm_up_takes_a_quarter_of_the_share_at_most() -> None:
    """Three calls of 1/64 s and three of 2/64 by turns never settle: .5 s of two seconds.

    Two calls of 1/64 come first, to see how long they are; then three turns of 9/64, a third of
    1/64, and one of 2/64 that reaches half a second.
    """
    turns = [1 / 64] * 3 + [2 / 64] * 3
    found, inputs = run(FakeClock([0.5, *turns * 50]), share_s=2.0)
    assert found.first_call_s == 0.5
    assert found.labels == {"calls_per_sample": "1", "warm_up_calls": "20", "steady": "no"}
    assert found.num_calls == len(found.series["time"]) == inputs.next - 1 - 2 - 20


def test_a_share_that_is_over_at_once_warms_up_by_one_call_more() -> None:
    found, _ = run(FakeClock([1.0]), share_s=0.5)
    assert (found.labels["warm_up_calls"], found.labels["steady"]) == ("1", "no")
    assert found.measuring_s == 1 + 2 + 1 + 3  # the first, two that estimate, one, the samples


def test_time_in_calls_is_that_of_every_call_of_every_sample() -> None:
    clock = FakeClock([1e-5])
    found, _ = run(clock, share_s=1.0)
    assert found.num_calls == len(found.series["time"]) * int(found.labels["calls_per_sample"])
    assert found.in_calls_s == pytest.approx(found.num_calls * 1e-5)
    assert found.measuring_s == pytest.approx(clock.time)
    assert Samples(0.0, {"time": [1.0, 2.0]}, {}, 0.0, 10).in_calls_s == 15.0
