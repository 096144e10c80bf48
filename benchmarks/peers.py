"""The peers' rules, by their own code wherever it can be installed; each says what it takes.

A rule judges rows of (processes, values): 1 slower, -1 faster, 0 not said to have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.samples import Times

Directions = NDArray[np.int_]
Judge = Callable[[Times, Times], Directions]

AS_USED = "as used"  # its own numbers of processes and values, one side wholly before the other
SAME_SAMPLES = "same samples"  # our processes, interleaved like ours, and its own rule
# Ours takes 5 pairs and at most half as many again on average: the peers are given a little more.
FAIR_PROCESSES = 8
FAIR_VALUES = 31


@dataclass(frozen=True)
class Rule:
    """A rule with the samples it is used on: `processes` a side, `values` in each."""

    name: str
    processes: int
    values: int
    judge: Judge
    samples: str = AS_USED

    @property
    def slots(self) -> int:
        return 2 * self.processes


def rules() -> tuple[list[Rule], list[str]]:
    """Return every rule whose code is here, twice; and a line for each that is left out."""
    found, missing = [], []
    for name, maker in MAKERS:
        try:
            found.extend(maker())
        except ImportError as error:
            missing.append(f"{name} is left out: {error}; pip install -e '.[selfcheck]'")
    return found, missing


def _both(rule: Rule, fair: Judge | None = None, values: int = FAIR_VALUES) -> list[Rule]:
    same = replace(rule, processes=FAIR_PROCESSES, values=values, samples=SAME_SAMPLES)
    return [rule, replace(same, judge=fair or rule.judge)]


def _pyperf() -> list[Rule]:
    """Judge as `pyperf compare_to` does: 20 processes of 3 values, a t test over all values."""
    from pyperf._utils import is_significant

    def changed(base: list[float], new: list[float]) -> bool:
        return bool(is_significant(base, new)[0])

    return _both(Rule("pyperf", 20, 3, _pooled(changed)), values=3)


def _google() -> list[Rule]:
    """Judge as Google Benchmark's compare.py: Mann-Whitney at .05, 9 repetitions in one process.

    Its `calc_utest` is this call of scipy's. Over fresh processes, a process is a repetition.
    """
    from scipy.stats import mannwhitneyu

    def judge(base: Times, new: Times) -> Directions:
        flat = [side.reshape(len(side), -1) for side in (base, new)]
        p_values = mannwhitneyu(*flat, alternative="two-sided", axis=1).pvalue
        return _signed(p_values < 0.05, base, new)

    rule = Rule("Google Benchmark U test", 1, 9, judge)
    return _both(rule, lambda base, new: judge(_medians(base), _medians(new)))


def _asv() -> list[Rule]:
    """Judge as `asv compare`: 2 rounds of 5 values; its statistics, and beyond its factor."""
    from asv.commands.compare import _is_result_better

    def judge_by(factor: float) -> Judge:
        def changed(base: list[float], new: list[float]) -> bool:
            better, worse = sorted((base, new), key=lambda side: float(np.median(side)))
            medians = float(np.median(better)), float(np.median(worse))
            stats = {"repeat": len(base)}  # more than one: its statistics are used
            return bool(_is_result_better(*medians, (stats, better), (stats, worse), factor))

        return _pooled(changed)

    default = Rule("asv, factor 1.1", 2, 5, judge_by(1.1))
    alone = Rule("asv, statistics alone", 2, 5, judge_by(1.0))
    return [*_both(default, values=5), *_both(alone, values=5)]


def _pytest_benchmark() -> list[Rule]:
    """Judge as pytest --benchmark-compare-fail=mean:5% and median:5%: 50 values in one process."""
    from pytest_benchmark.utils import parse_compare_fail

    def judge_by(field: str, reduce: Callable[[list[float]], float]) -> Judge:
        check = parse_compare_fail(f"{field}:5%")

        def changed(base: list[float], new: list[float]) -> bool:
            return bool(check.fails({field: reduce(new)}, {field: reduce(base)}))

        return _pooled(changed)

    mean = judge_by("mean", lambda values: float(np.mean(values)))
    median = judge_by("median", lambda values: float(np.median(values)))
    return [
        *_both(Rule("pytest-benchmark mean:5%", 1, 50, mean)),
        *_both(Rule("pytest-benchmark median:5%", 1, 50, median)),
    ]


def _github_action() -> list[Rule]:
    """Judge as github-action-benchmark: alert where the ratio of values is above its threshold.

    `findAlerts` of its src/write.ts, in TypeScript: nothing but this comparison. 200 % is its
    default, 150 % what cautious users set.
    """

    def judge_by(threshold: float) -> Judge:
        def judge(base: Times, new: Times) -> Directions:
            ratios = new.mean(axis=(1, 2)) / base.mean(axis=(1, 2))
            return (ratios > threshold).astype(int)

        return judge

    return [
        *_both(Rule("github-action-benchmark 200 %", 1, 50, judge_by(2.0))),
        *_both(Rule("github-action-benchmark 150 %", 1, 50, judge_by(1.5))),
    ]


def _welch() -> list[Rule]:
    """Judge by Welch's t over medians of 5 processes at .05, not corrected for many cases."""
    from scipy.stats import ttest_ind

    def judge(base: Times, new: Times) -> Directions:
        medians = [np.log(np.median(side, axis=2)) for side in (base, new)]
        p_values = ttest_ind(*medians, axis=1, equal_var=False).pvalue
        return _signed(p_values < 0.05, base, new)

    return _both(Rule("Welch on process medians", 5, FAIR_VALUES, judge))


MAKERS: tuple[tuple[str, Callable[[], list[Rule]]], ...] = (
    ("pyperf", _pyperf),
    ("Google Benchmark", _google),
    ("asv", _asv),
    ("pytest-benchmark", _pytest_benchmark),
    ("github-action-benchmark", _github_action),
    ("Welch", _welch),
)


def _pooled(changed: Callable[[list[float], list[float]], bool]) -> Judge:
    """Judge row by row, all values of a side in one list."""

    def judge(base: Times, new: Times) -> Directions:
        return _signed(np.array([changed(a, b) for a, b in _lists(base, new)]), base, new)

    return judge


def _lists(base: Times, new: Times) -> Iterator[tuple[list[float], list[float]]]:
    for row in zip(base, new, strict=True):
        a, b = (side.ravel().tolist() for side in row)
        yield a, b


def _signed(changed: NDArray[np.bool_], base: Times, new: Times) -> Directions:
    """Say which way, by the mean: as these rules report a ratio of means or medians."""
    longer = new.mean(axis=(1, 2)) > base.mean(axis=(1, 2))
    return np.where(changed, np.where(longer, 1, -1), 0)


def _medians(times: Times) -> Times:
    return np.median(times, axis=2, keepdims=True)
