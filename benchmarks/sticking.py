"""What the verdict rule says of unchanged code where noise sticks to a side.

The test of pairs exchanges labels within rounds, so that whatever a moment does to both sides
falls out. What one side keeps from round to round is, to any test, a property of that side. Every
run is one case as `bench ab` measures it: 5 rounds, and 15 fresh pairs where it is suspected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from bench.judging.rule import CONFIRM_PAIRS, LOOK_PAIRS, Pairs, judge_pairs, still_suspects
from benchmarks.results import FOLDER, Output, Quick, Row, Target, tell, write

RUNS, QUICK_RUNS = 1000, 20
SEED = 4
FIRST_ROUNDS = 5
SPREAD = 0.01  # of a side's round about its level, on the log scale
SIZE = 0.05  # of an offset; a walk moves by a tenth of it a round

Logs = NDArray[np.float64]  # rounds x sides
Effect = Callable[[np.random.Generator, int], Logs]


def walk(rng: np.random.Generator, shape: tuple[int, int]) -> Logs:
    """Return random walks down the rounds."""
    steps: Logs = np.cumsum(rng.normal(0, SIZE / 10, shape), axis=0)
    return steps


EFFECTS: dict[str, Effect] = {
    "none": lambda rng, n: np.zeros((n, 2)),
    "a walk of both sides": lambda rng, n: walk(rng, (n, 1)) @ np.ones((1, 2)),
    "an offset of a side, drawn each round": lambda rng, n: rng.normal(0, SIZE, (n, 2)),
    "an offset of a side, drawn once": lambda rng, n: np.ones((n, 1)) @ rng.normal(0, SIZE, (1, 2)),
    "a walk of each side": lambda rng, n: walk(rng, (n, 2)),
}


def main(
    runs: Annotated[int, typer.Option(min=1, help="Cases an effect.")] = RUNS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Count what is said of unchanged code, by what sticks to a side."""
    rows = list(play(QUICK_RUNS if quick else runs))
    told = [Target(row["effect"], f"{row['alarms']:.1%} called changed", None) for row in rows]
    tell(told, [write("sticking", rows, {}, output)], Console(stderr=True))


def play(runs: int) -> Iterator[Row]:
    """Yield a row an effect."""
    for name, effect in EFFECTS.items():
        rng = np.random.default_rng([SEED, *name.encode()])
        alarms = sum(_alarms(effect, rng) for _ in range(runs))
        yield {
            "effect": name,
            "size": SIZE,
            "spread": SPREAD,
            "runs": runs,
            "alarms": alarms / runs,
        }


def _alarms(effect: Effect, rng: np.random.Generator) -> bool:
    rounds = FIRST_ROUNDS + LOOK_PAIRS + CONFIRM_PAIRS
    times = np.exp(effect(rng, rounds) + rng.normal(0, SPREAD, (rounds, 2))).tolist()
    begun = FIRST_ROUNDS + LOOK_PAIRS
    case = Pairs(times[:FIRST_ROUNDS], times[begun:], look=times[FIRST_ROUNDS:begun])
    if not still_suspects([case]):
        return False
    (change,) = judge_pairs([case])
    return change.verdict in ("faster", "slower")


if __name__ == "__main__":
    typer.run(main)
