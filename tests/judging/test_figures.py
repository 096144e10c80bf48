"""Figures of sampled quantities: one definition for all, and phases that add up to the time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.judging.figures import OUTSIDE, average, figure, shares_of_phases
from bench.judging.record import Record, fold_case
from reports.measured import measured

CASE = Case("s", "v", "m", "P", {"n": 1}, rounds=7)
PHASES = ("forward", "backward", "optimizer")


def timed(number: int, *found: Measurement) -> Attempt:
    return Attempt(CASE.id, "time", 0, number, "ok", measurements=list(found))


def skewed(seed: int, outside: float = 0.0, rounds: int = 7) -> Record:
    """Make a record whose calls, phases and rounds are skewed; `outside` of a call is in none."""
    random = np.random.default_rng(seed)
    attempts = []
    for number in range(rounds):
        level = random.lognormal(0, 0.5)
        parts = random.lognormal([[0.0], [1.0], [-2.0]], 0.8, (3, 21)) * level
        time = parts.sum(0) / (1 - outside)
        series = [Measurement(n, "s", p.tolist()) for n, p in zip(PHASES, parts, strict=True)]
        attempts.append(timed(number, Measurement("time", "s", time.tolist()), *series))
    return fold_case(CASE, attempts)


@pytest.mark.parametrize("seed", range(5))
def test_phases_add_up_to_the_time_however_skewed(seed: int) -> None:
    record = skewed(seed)
    found = record.interval_of()
    assert found is not None
    assert sum(record.figure_of(name) for name in PHASES) == pytest.approx(found.estimate)
    # their medians, averaged each for itself, do not
    alone = [figure(record.samples[name], "s") for name in PHASES]
    assert abs(sum(alone) / found.estimate - 1) > 0.01
    assert "outside_phases_s" not in measured(record, ())


def test_what_no_phase_holds_is_told() -> None:
    record = skewed(1, outside=0.2)
    found = record.interval_of()
    assert found is not None
    columns = measured(record, ())
    assert columns["outside_phases_s"] == pytest.approx(0.2 * found.estimate, rel=0.3)
    every = [columns[f"{name}_s"] for name in (*PHASES, OUTSIDE)]
    assert sum(every) == pytest.approx(found.estimate)


def test_slowest_ranks_of_different_phases_still_add_up() -> None:
    """The job's phase is its slowest rank's: here the phases come to 1.5 of the time."""
    parts = (Measurement("forward", "s", [0.75] * 3), Measurement("backward", "s", [0.75] * 3))
    record = fold_case(
        CASE, [timed(r, Measurement("time", "s", [1.0] * 3), *parts) for r in (0, 1)]
    )
    assert record.figure_of("forward") == record.figure_of("backward") == pytest.approx(0.5)


def test_an_empty_phase_takes_nothing() -> None:
    parts = (Measurement("forward", "s", [1.0] * 3), Measurement("optimizer", "s", [0.0] * 3))
    record = fold_case(CASE, [timed(0, Measurement("time", "s", [1.0] * 3), *parts)])
    assert record.figure_of("forward") == pytest.approx(1.0)
    assert record.figure_of("optimizer") == 0.0


def test_a_call_too_short_for_any_clock_has_phases_of_no_share() -> None:
    nothing = {(0, 0): [[0.0, 0.0]]}
    assert shares_of_phases(nothing, {"forward": nothing}) == {"forward": 0.0, OUTSIDE: 0.0}


def test_all_that_compares_by_factors_is_averaged_alike() -> None:
    samples = [[1.0, 2.0, 9.0], [8.0, 8.0, 8.0]]
    attempts = [
        timed(n, *(Measurement(q, unit, [v * 1.0 for v in s]) for q, unit in QUANTITIES))
        for n, s in enumerate(samples)
    ]
    record = fold_case(CASE, attempts)
    for quantity, unit in QUANTITIES:
        expected = 5.0 if unit in ("C", "1") else 4.0
        assert record.figure_of(quantity) == pytest.approx(expected), quantity
    assert record.figure_of("unheard_of") is None


QUANTITIES = (
    ("time", "s"),
    ("thread_time", "s"),
    ("enqueue_time", "s"),
    ("first_call", "s"),
    ("energy", "J"),
    ("power", "W"),
    ("cpu_clock", "MHz"),
    ("temperature", "C"),
    ("gpu_utilisation", "1"),
)


def test_a_zero_has_no_logarithm_and_forks_of_a_round_count_once() -> None:
    assert average([0.0, 4.0], "s") == 2.0
    forked = {(0, 0): [[1.0], [4.0]], (0, 1): [[8.0]]}
    assert figure(forked, "s") == pytest.approx(math.sqrt(2.0 * 8.0))
    assert figure(forked, "C") == pytest.approx((2.5 + 8.0) / 2)


def test_ranks_have_the_figure_of_the_job() -> None:
    own = [
        [Measurement("time", "s", [level * factor] * 3, rank) for rank, factor in enumerate((1, 2))]
        for level in (1.0, 4.0)
    ]
    job = [Measurement("time", "s", [2 * level] * 3) for level in (1.0, 4.0)]
    record = fold_case(CASE, [timed(n, job[n], *own[n]) for n in range(2)])
    columns = measured(record, ())
    assert columns["time_rank_min_s"] == pytest.approx(2.0)
    assert columns["time_rank_max_s"] == pytest.approx(4.0) == record.figure_of("time")
    assert columns["rank_time_spread"] == pytest.approx(0.5)


def test_bytes_of_ranks_are_the_last_that_were_counted() -> None:
    held = [Measurement("held", "bytes", [value], rank) for rank, value in enumerate((8.0, 4.0))]
    memory = Attempt(CASE.id, "memory", 0, 0, "ok", measurements=held)
    record = fold_case(CASE, [memory, timed(0, Measurement("time", "s", [1.0]))])
    assert record.figures_of_ranks("held") == [8.0, 4.0]
