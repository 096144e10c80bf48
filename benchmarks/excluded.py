"""Errors of what comparisons exclude, on drawn noise: over all cases of a run and all looks.

First every case is slower by exactly the limit, so that every slowdown that is called excluded is
an error; a run is wrong where it calls one so, at any look. Then nothing is slower: told is the
share of cases for which the limit is excluded by each look.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from bench.judging.bounds import ERROR, looks_for, upper
from benchmarks.noise import SETTINGS, Setting
from benchmarks.ours import FIRST_PAIRS, VALUES
from benchmarks.results import FOLDER, Output, Quick, Row, Target, tell, versions, write
from benchmarks.samples import Times, interleaved
from benchmarks.trials import Count

RUNS, QUICK_RUNS = 2000, 8
SEED = 16
LIMIT = 0.05
LOOKS = looks_for(FIRST_PAIRS)
WRONG = "runs_wrong"  # runs of cases at the limit in which it was excluded for any, at any look
EXCLUDED = "cases_excluded"  # unchanged cases for which the limit was excluded, by a look
RULE = "Touchstone's bounds"


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs in every setting.")] = RUNS,
    jobs: Annotated[int, typer.Option(min=1, help="Settings at a time.")] = os.cpu_count() or 1,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Simulate how often a slowdown is wrongly excluded, and how soon rightly."""
    console = Console(stderr=True)
    settings: tuple[Setting, ...] = SETTINGS
    if quick:
        runs = QUICK_RUNS
        settings = tuple(replace(setting, num_cases=8) for setting in SETTINGS[2::3])
    rows = list(play_all(settings, runs, jobs, console))
    tell(targets(rows), [write("excluded", rows, versions(), output)], console)


def play_all(settings: Sequence[Setting], runs: int, jobs: int, console: Console) -> Iterator[Row]:
    """Play every setting, several at a time; yield rows in the settings' order."""
    context = get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(settings)), mp_context=context) as pool:
        played = pool.map(partial(play_setting, runs=runs), settings)
        for rows in track(played, "simulating", len(settings), console=console):
            yield from rows


def play_setting(setting: Setting, runs: int) -> list[Row]:
    """Play runs of one setting: what cases at the limit, and unchanged ones, are bounded by."""
    rng = np.random.default_rng([SEED, *setting.name.encode()])
    wrong, excluded = 0, np.zeros(len(LOOKS), int)
    for _ in range(runs):
        by_look = bounds_by_look(_differences(setting, rng))
        # at the limit, new takes 1 + LIMIT as long: every bound lies higher by the same
        wrong += bool((by_look < 0).any())
        excluded += (by_look <= math.log1p(LIMIT)).sum(axis=0)
    counts = [Count(RULE, "all looks", WRONG, LIMIT, wrong, runs)]
    cases = runs * setting.num_cases
    counts += [
        Count(RULE, f"{look} pairs", EXCLUDED, 0.0, int(hits), cases)
        for look, hits in zip(LOOKS, excluded, strict=True)
    ]
    told = {"setting": setting.name, "kind": setting.kind, "spread": setting.spread}
    return [{**told, **count.row()} for count in counts]


def bounds_by_look(cases: Sequence[Times], looks: Sequence[int] = LOOKS) -> Times:
    """Return the lowest bound of log ratio of every case by every look, as a comparison has it."""
    error = ERROR / len(cases) / len(looks)
    found = np.array([[upper(logs[:look], error) for look in looks] for logs in cases])
    return np.minimum.accumulate(found, axis=1)


def _differences(setting: Setting, rng: np.random.Generator) -> list[Times]:
    """Draw log times (pairs, side) of every case: medians of processes, dealt out by lot."""
    draw = setting.draw(rng, 2 * LOOKS[-1], VALUES)
    sides = [np.log(np.median(side, axis=2)) for side in interleaved(draw, rng)]
    return list(np.stack(sides, axis=2)[: setting.num_cases])


def targets(rows: Sequence[Row]) -> list[Target]:
    """Hold the rate of runs with a wrong bound to what it is said to be.

    By theory it lies close below; what is counted scatters about it, so that its interval decides.
    """
    return [_target(row) for row in rows if row["quantity"] == WRONG]


def _target(row: Row) -> Target:
    got = f"{row['rate']:.2%} of {row['trials']} runs ({row['low']:.2%} to {row['high']:.2%})"
    what = f"wrongly excluded in at most {ERROR:.0%} of runs, {row['setting']}"
    return Target(what, got, row["low"] <= ERROR)


if __name__ == "__main__":
    typer.run(main)
