"""The proof of bounds: that it plays what comparisons use, and counts what is wrong."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.judging.bounds import slower_at_most
from bench.judging.rule import Pairs
from benchmarks import excluded
from benchmarks.noise import SETTINGS


def test_bounds_as_played_are_those_of_comparisons() -> None:
    rng = np.random.default_rng(1)
    cases = [rng.normal(0, 0.02, (excluded.LOOKS[-1], 2)) for _ in range(6)]
    played = excluded.bounds_by_look(cases)
    for place, look in enumerate(excluded.LOOKS):
        times = [[(float(a), float(b)) for a, b in np.exp(logs[:look])] for logs in cases]
        own = slower_at_most([Pairs(t[:5], [], t[5:], excluded.LOOKS) for t in times])
        expected = [max(0.0, math.expm1(bound)) for bound in played[:, place]]
        assert own == pytest.approx(expected)


@pytest.mark.parametrize("setting", SETTINGS[::3], ids=lambda setting: setting.name)
def test_few_runs_are_seldom_wrong_and_exclude_sooner_or_later(
    setting: excluded.Setting,
) -> None:
    rows = excluded.play_setting(replace(setting, num_cases=10), 20)
    wrong = next(row for row in rows if row["quantity"] == excluded.WRONG)
    assert wrong["trials"] == 20
    assert wrong["hits"] <= 6  # one in 20 000 times more, at 5 %
    by_look = [row["rate"] for row in rows if row["quantity"] == excluded.EXCLUDED]
    assert by_look == sorted(by_look)
    assert by_look[-1] > 0.9


def test_a_quick_one_writes_its_table(tmp_path: Path) -> None:
    excluded.main(jobs=1, quick=True, output=tmp_path)
    rows = list(csv.DictReader((tmp_path / "excluded.csv").read_text().splitlines()))
    assert {row["quantity"] for row in rows} == {excluded.WRONG, excluded.EXCLUDED}
    assert {row["samples"] for row in rows} == {
        "all looks",
        *(f"{n} pairs" for n in excluded.LOOKS),
    }


def test_what_is_wrong_too_often_misses_its_target() -> None:
    row = {"quantity": excluded.WRONG, "setting": "s", "trials": 100}
    met, missed = (
        {**row, "rate": rate, "low": low, "high": 1} for rate, low in ((0.06, 0.03), (0.2, 0.1))
    )
    assert [target.met for target in excluded.targets([met, missed])] == [True, False]
