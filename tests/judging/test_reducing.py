"""What the samples of a process come to: known values, what each figure sees, and its name."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest

from bench.judging.reducing import REDUCERS, faster_half, low_quartile, named, told


@pytest.mark.parametrize(
    ("samples", "quartile", "half"),
    [
        ([3.0], 3.0, 3.0),
        ([4.0, 2.0], 2.5, 2.0),
        ([5.0, 1.0, 3.0], 2.0, 2.0),
        ([4.0, 1.0, 2.0, 3.0, 100.0], 2.0, 2.0),
        ([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 2.75, 2.5),
    ],
)
def test_known_values(samples: list[float], quartile: float, half: float) -> None:
    assert low_quartile(samples) == pytest.approx(quartile)
    assert low_quartile(samples) == pytest.approx(np.quantile(samples, 0.25))
    assert faster_half(samples) == pytest.approx(half)


@pytest.mark.parametrize("count", range(1, 14))
def test_the_lower_quartile_is_interpolated_at_every_count(count: int) -> None:
    drawn = np.random.default_rng(count).random(count).tolist()
    assert low_quartile(drawn) == pytest.approx(np.quantile(drawn, 0.25))


@pytest.mark.parametrize("reducer", REDUCERS)
def test_every_figure_is_a_time_of_the_process_and_scales_with_it(reducer: str) -> None:
    drawn = np.random.default_rng(3).lognormal(0, 0.1, 51).tolist()
    found = REDUCERS[reducer](drawn)
    assert min(drawn) <= found <= median(drawn)
    assert REDUCERS[reducer]([3 * value for value in drawn]) == pytest.approx(3 * found)


@pytest.mark.parametrize(
    ("reducer", "seen"),
    [
        ("median", (0, 0, 0.1, 0.1, 0.1)),
        ("faster_half", (0, 0, 0.02, 0.06, 0.1)),
        ("low_quartile", (0, 0, 0, 0.1, 0.1)),
    ],
)
def test_what_each_sees_of_slow_calls_is_what_the_docs_say(
    reducer: str, seen: tuple[float, ...]
) -> None:
    shares = (0.2, 0.4, 0.6, 0.8, 1.0)
    calls = [[1.1 if i < share * 1000 else 1.0 for i in range(1000)] for share in shares]
    assert [REDUCERS[reducer](own) - 1 for own in calls] == pytest.approx(seen, abs=1e-3)


def test_a_word_names_a_clock_and_a_figure() -> None:
    assert named("time", "median") == "time"
    assert named("thread_time", "faster_half") == "thread_time:faster_half"
    assert told("thread_time:faster_half") == ("thread_time", faster_half)
    assert told("time") == ("time", median)
    assert told("time:unheard_of") == ("time", median)
