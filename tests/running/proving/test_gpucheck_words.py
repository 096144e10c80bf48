"""The words of `bench gpucheck`: of a figure, of many, and of all findings."""

from __future__ import annotations

import pytest

from bench.running.proving.gpucheck import words
from bench.running.proving.gpucheck.finding import Figure, Finding, in_range, out_of_range, word_of


@pytest.mark.parametrize(
    ("value", "word"),
    [
        *((inside, "passed") for inside in (0.5, 1.0, 2.0)),
        *((outside, "failed") for outside in (0.0, 2.1, float("nan"), float("inf"))),
        (None, "not told"),
    ],
)
def test_a_figure_is_judged_by_its_range(value: float | None, word: str) -> None:
    assert Figure("x", value, "s", 0.5, 2.0).word == word


def test_a_figure_without_range_is_only_told() -> None:
    assert Figure("x", 1e9).word == "passed"
    assert in_range(Figure("x", 1e9)) == ""
    assert in_range(Figure("x", 1.0, "s", 2.0)) == "at least 2"
    assert in_range(Figure("x", 1.0, "s", most=2.0)) == "at most 2"
    assert in_range(Figure("x", 1.0, "s", 2.0, 2.0)) == "2"


def test_one_word_for_many_figures() -> None:
    good, bad, unknown = Figure("a", 1.0), Figure("b", 3.0, "W", 0, 2), Figure("c", None)
    assert word_of([good, bad, unknown]) == "failed"
    assert word_of([good, unknown]) == "passed"
    assert word_of([unknown]) == word_of([]) == "not told"
    assert out_of_range([good, bad, unknown]) == "b is 3 W, expected 0 to 2"


def test_findings_in_words() -> None:
    figures = [Figure("power", 700.0, "W", 10, 500), Figure("share", 0.5, "1", 0, 1)]
    told = [Finding("nvml", "failed", figures, "power is too high", 3.2), Finding("x", "skipped")]
    assert words.text(told) == (
        "failed    nvml, 3 s: power is too high\n"
        "          power: 700 W  (expected 10 to 500 W)  <- failed\n"
        "          share: 0.5  (expected 0 to 1)\n"
        "skipped   x, 0 s\n"
        "1 failed, 1 skipped\n"
    )
