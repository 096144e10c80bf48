"""How many rounds would settle a tie, by the present spread."""

from __future__ import annotations

import math
import random
from statistics import fmean, stdev

import pytest

from bench.judging.settling import WORTH_WAITING, log_ratios, needed, what_settles
from bench.judging.statistics import interval
from bench.judging.words import listed, span, tied


def test_as_many_as_are_needed_settle_it_four_times_in_five() -> None:
    rng = random.Random(1)
    pilot = [0.05 - 0.1, 0.05 + 0.1]  # mean .05, and a spread of .1 * sqrt(2)
    number = needed(pilot)
    assert number is not None
    told = 0
    for _ in range(400):
        logs = [rng.gauss(fmean(pilot), stdev(pilot)) for _ in range(number)]
        found = interval({(0, i): math.exp(value) for i, value in enumerate(logs)})
        told += found.low is not None and found.low > 1
    assert 0.74 < told / 400 < 0.86


def test_more_spread_and_surer_intervals_ask_for_more() -> None:
    logs = [0.1, 0.2, 0.3, 0.2]
    wide = [0.2 + 3 * (value - 0.2) for value in logs]
    found = [needed(logs), needed(wide), needed(wide, level=0.999)]
    assert None not in found
    assert found == sorted(found, key=lambda number: number or 0)
    assert len(set(found)) == 3


def test_there_are_always_more_needed_than_there_are() -> None:
    assert needed([0.5, 0.5001, 0.4999]) == 4


@pytest.mark.parametrize(
    ("logs", "words"),
    [
        ([], "two seeds or more would tell"),
        ([0.3], "two seeds or more would tell"),
        ([0.01, -2.0, 2.0], f"over {WORTH_WAITING} seeds would be needed"),
        ([0.5, 0.5001, 0.4999], "about 4 seeds would settle it"),
    ],
)
def test_what_settles_in_words(logs: list[float], words: str) -> None:
    assert what_settles(logs, "seed").startswith(words)


def test_rounds_pair() -> None:
    ours, theirs = {(0, 0): 2.0, (0, 1): 3.0}, {(0, 1): 1.0, (1, 0): 7.0}
    assert log_ratios(ours, theirs) == [math.log(3.0)]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.3, 2.0, "1.3–2.0×"),
        (1.63, 1.65, "1.63–1.65×"),
        (1.04, 1.3, "1.04–1.30×"),
        (10.25, 10.37, "10.2–10.4×"),
        (12.0, 27.4, "12–27×"),
        (2.0, 2.0, "2.00×"),
        (0.001, 5.0, "an unbounded factor"),
    ],
)
def test_factors_in_words(low: float, high: float, words: str) -> None:
    assert span(low, high) == words


def test_ties_read_as_ties() -> None:
    assert tied(["a", "b"]) == "a and b tie"
    assert tied(["a", "b", "c"]) == "a, b and c tie"
    assert tied(["way_0", "way_1", "c", "d", "e"]) == "way_0, way_1 and 3 others tie"
    assert listed(["a"]) == "a"
