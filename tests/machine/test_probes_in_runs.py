"""What was read while a step was timed, in run folders, records and what is shown of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cases.case import Attempt, Measurement
from bench.judging.record import fold, fold_case
from bench.store import Manifest, Run, Session, read
from reports.page import facts
from reports.shown import shown
from reports.table import table
from tests.machine.timed_replies import CASE


def test_timed_attempts_say_when_they_sampled(faults_run: Path) -> None:
    attempts = [a for a in read(faults_run).attempts if a.outcome == "ok"]
    timed = [a for a in attempts if a.role == "time"]
    assert timed
    for attempt in timed:
        assert attempt.window is not None
        assert 0 < attempt.window.in_calls_s <= attempt.window.seconds
        (times,) = [m.samples for m in attempt.measurements if m.quantity == "time"]
        assert attempt.window.num_calls == len(times) * int(attempt.labels["calls_per_sample"])
        assert 0 <= float(attempt.labels["stolen_share"]) <= 1
    assert all(a.window is None for a in attempts if a.role != "time")
    stamps = [(a.window.begun_s, a.window.ended_s) for a in timed if a.window]
    assert stamps == sorted(stamps)


def watched(round_: int, flags: list[str]) -> Attempt:
    found = [
        Measurement("time", "s", [0.5, 0.5]),
        Measurement("energy", "J", [60.0 + round_]),
        Measurement("power", "W", [250.0, 251.0, 252.0]),
        Measurement("sm_clock", "MHz", [1500.0]),
        Measurement("temperature", "C", [66.0]),
        Measurement("gpu_utilisation", "1", [0.0]),
    ]
    labels = {"energy_by": "counter", "energy_of": "the whole GPU", "throttled_by": "power cap"}
    return Attempt(CASE.id, "time", 0, round_, "ok", measurements=found, labels=labels, flags=flags)


def test_units_stand_in_the_names_of_columns(tmp_path: Path) -> None:
    cost = {"num_readings": 400, "period_s": 0.025, "wall_s": 10.0, "cpu_s": 0.2}
    session = Session(
        "now", {}, sampler={**cost, "asked": [], "reading_s": 0.001, "reading_most_s": 0.004}
    )
    attempts = [watched(number, []) for number in range(3)]
    manifest = Manifest(["bench"], "smoke", "cuda:0", 1, 0.1, [3], [CASE], sessions=[session])
    run = Run(tmp_path, manifest, attempts)
    records = fold(run)
    frame = table(run, records)
    row = frame.iloc[0]
    found = [row["energy_j"], row["power_w"], row["sm_clock_mhz"]]
    assert found == pytest.approx([61.0, 251.0, 1500.0], rel=1e-3)
    assert (row["temperature_c"], row["gpu_utilisation"]) == (66.0, 0.0)
    assert (row["energy_by"], row["energy_of"]) == ("counter", "the whole GPU")
    assert row["throttled_by"] == "power cap"
    columns = list(shown(frame, records))
    assert {"energy (mJ)", "power (W)", "sm clock (MHz)"} <= set(columns)
    assert not any("utilisation" in c or c.startswith("energy b") for c in columns)
    told = facts(run, records)
    assert told["energy by"] == "counter, of the whole GPU (1 case)"
    assert told["GPU sampler"].startswith("400 readings, one every 25 ms; a reading took 1 ms")
    assert told["GPU sampler"].endswith("2.0% of a core")


def test_throttled_in_half_of_the_rounds_bars_from_rankings() -> None:
    rounds = [watched(0, ["throttled"]), watched(1, []), watched(2, ["throttled"])]
    assert fold_case(CASE, rounds).flags == ["throttled"]
    assert not fold_case(CASE, rounds).ranked
    assert fold_case(CASE, [*rounds, *(watched(n, []) for n in (3, 4))]).ranked
