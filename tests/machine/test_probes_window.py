"""Readings of GPUs cut to the window of a timed step: what is labelled, flagged, and its energy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from bench.cases.case import Measurement
from bench.machine.probes import gpu_window, throttle
from bench.machine.probes.energy import NOT_TOLD, energy_of_a_call
from bench.machine.probes.gpu_window import Reading, explain, joules_within
from bench.machine.probes.meters import PACKAGE
from tests.machine.timed_replies import IDLE, POWER_CAP, TOO_HOT, WINDOW, samples_of, timed_reply


def every(seconds: float, answers: Callable[[float], dict[str, float]]) -> list[Reading]:
    """Return readings of one GPU from 9 s to 12 s."""
    moments = [9.0 + seconds * n for n in range(round(3 / seconds))]
    return [Reading(at_s, [answers(at_s)]) for at_s in moments]


def test_readings_outside_the_window_do_not_count() -> None:
    reply = timed_reply()
    inside = every(0.1, lambda at: {"power_w": 295.0 + 10 * (at - 10) if 10 <= at <= 11 else 50.0})
    explain(reply, inside, "of the moment")
    assert min(samples_of(reply)["power"]) >= 295.0
    assert samples_of(reply)["energy"] == [pytest.approx(300.0 * 1.0 / 100, rel=0.01)]
    assert reply["labels"]["energy_by"] == "integrated"
    assert reply["labels"]["power_is"] == "of the moment"
    assert reply["flags"] == []


def test_a_window_without_readings_says_nothing() -> None:
    reply = timed_reply(dataclasses.replace(WINDOW, begun_s=50.0, ended_s=51.0))
    before = dict(reply)
    explain(reply, every(0.1, lambda _: {"power_w": 1.0}), "of the moment")
    assert reply == before


def test_energy_comes_from_the_counter_where_it_ticks_often() -> None:
    """The counter moves every 50 ms, by what 400 W spend; power readings say something else."""
    counter = every(0.02, lambda at: {"energy_j": 400.0 * 0.05 * (at // 0.05), "power_w": 1.0})
    within = [r for r in counter if 10 <= r.at_s <= 11]
    joules, by = joules_within(within, WINDOW)
    assert by == "counter"
    assert joules == pytest.approx(400.0, rel=0.05)


def test_a_window_of_few_ticks_is_integrated() -> None:
    coarse = every(
        0.02, lambda at: {"energy_j": 400.0 * 0.2 * (at // 0.2), "power_w": 390.0 + at - 10.5}
    )
    within = [r for r in coarse if 10 <= r.at_s <= 11]
    assert joules_within(within, WINDOW) == (pytest.approx(390.0, rel=1e-3), "integrated")


@pytest.mark.parametrize("watts", [[9.0, 8.0, 7.0, 6.0], [9.0, 8.0, 7.0, 6.0] * 5])
def test_few_readings_that_differ_give_no_mean_power(watts: list[float]) -> None:
    few = [Reading(10.1 + n / 100, [{"power_w": power}]) for n, power in enumerate(watts)]
    assert joules_within(few, WINDOW) == (None, "")
    reply = timed_reply()
    explain(reply, few, "")
    assert reply["labels"]["energy_by"] == "not told: fewer than 5 readings that differ"


def test_energy_of_a_short_window_is_not_told() -> None:
    reply = timed_reply(dataclasses.replace(WINDOW, ended_s=WINDOW.begun_s + 0.4))
    explain(reply, every(0.01, lambda at: {"power_w": 300.0 + at}), "")
    assert "energy" not in samples_of(reply)
    assert reply["labels"]["energy_by"] == "not told: a window of less than 0.9 s"


def test_two_readings_give_no_mean_power() -> None:
    assert joules_within([Reading(10.0 + n / 10, [{}]) for n in range(9)], WINDOW) == (None, "")


@pytest.mark.parametrize(
    ("reasons", "slow_until_s", "flagged"),
    [
        (POWER_CAP, 11.0, False),  # by its own appetite: told, and no bar
        (TOO_HOT, 11.0, True),
        (TOO_HOT, 10.2, True),
        (TOO_HOT | IDLE, 10.02, False),  # one reading of fifty: the change of a clock
        (IDLE | 0x2 | 0x10 | 0x100, 11.0, False),  # idle, or set so by the user
    ],
)
def test_a_slowed_window_is_flagged(reasons: int, slow_until_s: float, flagged: bool) -> None:
    reply = timed_reply()
    readings = every(0.02, lambda at: {"event_reasons": reasons if at < slow_until_s else 0})
    explain(reply, readings, "")
    assert ("throttled" in reply["flags"]) is flagged
    named = throttle.in_words(reasons)
    assert reply["labels"].get("throttled_by", "") == ", ".join(named)


def test_others_on_the_gpu_contend() -> None:
    reply = timed_reply()
    counts = every(0.1, lambda at: {"num_processes": 3.0 if at < 10.5 else 2.0})
    explain(reply | {"flags": ["contended"]}, counts, "")
    explain(reply, counts, "")
    assert reply["flags"] == ["contended"]
    assert reply["labels"]["other_gpu_processes"] == "1"  # who came or went is not among them
    alone = timed_reply()
    explain(alone, every(0.1, lambda _: {"num_processes": 1.0}), "")
    assert alone["flags"] == []


def test_several_gpus_are_one_job() -> None:
    both = [
        {"power_w": 100.0, "sm_clock_mhz": 1500.0, "temperature_c": 50.0, "event_reasons": 0.0},
        {"power_w": 150.0, "sm_clock_mhz": 1400.0, "temperature_c": 70.0, "event_reasons": 8.0},
    ]
    reply = timed_reply()
    moments = [10.0 + n / 20 for n in range(20)]
    ripple = [{"power_w": 100.0 + (-1) ** n * n / 1e3} for n in range(20)]
    gpus = [[{**both[0], **more}, both[1]] for more in ripple]
    explain(reply, [Reading(at_s, two) for at_s, two in zip(moments, gpus, strict=True)], "")
    found = samples_of(reply)
    assert {q: {round(one, 1) for one in v} for q, v in found.items()} == {
        "energy": {2.5},
        "power": {250.0},
        "sm_clock": {1400.0},
        "temperature": {70.0},
    }
    assert reply["flags"] == ["throttled"]


def test_long_windows_keep_a_bounded_number_of_readings() -> None:
    reply = timed_reply(dataclasses.replace(WINDOW, begun_s=9.0, ended_s=12.0))
    explain(reply, every(0.002, lambda at: {"temperature_c": at}), "")
    kept = samples_of(reply)["temperature"]
    assert gpu_window.MAX_SAMPLES / 2 < len(kept) <= gpu_window.MAX_SAMPLES
    assert kept[-1] > 11.9  # from all of the window


# --- energy of a call ---


def test_energy_is_shared_among_the_calls() -> None:
    found, labels = energy_of_a_call(50.0, WINDOW, "rapl", PACKAGE)
    assert found == [Measurement("energy", "J", [0.5])]
    assert labels == {"energy_by": "rapl", "energy_of": PACKAGE}


def test_energy_of_mostly_something_else_is_not_told() -> None:
    gaps = dataclasses.replace(WINDOW, in_calls_s=0.5)
    assert energy_of_a_call(50.0, gaps, "rapl", PACKAGE) == ([], {"energy_by": NOT_TOLD})


@pytest.mark.parametrize("joules", [None, 0.0])
def test_a_counter_that_stands_still_measured_nothing(joules: float | None) -> None:
    assert energy_of_a_call(joules, WINDOW, "rapl", PACKAGE) == ([], {})
