"""How often what is called a 95 % interval holds the truth, by kind of noise and number of rounds.

Every draw is one case: as many round medians as its last checkpoint, stopped as a run stops. The
truth is the geometric mean that infinitely many rounds would come to. Intervals are the
instrument's own, on all draws at once. Drift is left out: it has no such mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from bench.judging.statistics import LEVEL, t_quantile, unseen_mode_share
from bench.running.stopping import TARGET_HALF_WIDTH
from benchmarks.results import FOLDER, Output, Quick, Row, Target, tell, write

TRIALS, QUICK_TRIALS = 20_000, 400
SEED = 9
CHECKPOINTS = ((3,), (5,), (9,), (15,), (5, 9, 15), (9, 15))
ASKED = {"normal": 0.94, "two modes": 0.92}  # at least, where a preset without a limit stops
AUTOCORRELATION = 0.5
SPIKES = 0.05

Logs = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Logs]


@dataclass(frozen=True)
class Noise:
    """A kind of noise between rounds, on the log scale, with the mean it has.

    `draw` is what comes on top of normal noise of that spread.
    """

    kind: str
    spread: float
    draw: Draw
    truth: float = 0.0


def main(
    trials: Annotated[int, typer.Option(min=1, help="Cases a setting.")] = TRIALS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Simulate the coverage of the intervals that a run tells."""
    rows = list(play(QUICK_TRIALS if quick else trials))
    tell(list(targets(rows)), [write("coverage", rows, {}, output)], Console(stderr=True))


def play(trials: int) -> Iterator[Row]:
    """Yield a row a kind of noise and rule of stopping."""
    for noise in noises():
        for checkpoints in CHECKPOINTS:
            yield _row(noise, checkpoints, trials)


def _row(noise: Noise, checkpoints: tuple[int, ...], trials: int) -> Row:
    rng = np.random.default_rng([SEED, *f"{noise.kind} {noise.spread}".encode(), *checkpoints])
    logs = noise.draw(rng, (trials, checkpoints[-1])) + rng.normal(
        0, noise.spread, (trials, checkpoints[-1])
    )
    centres, halves, rounds = stopped(logs, checkpoints)
    covered = int(np.count_nonzero(np.abs(centres - noise.truth) <= halves))
    return {
        "noise": noise.kind,
        "spread": noise.spread,
        "checkpoints": "/".join(map(str, checkpoints)),
        "trials": trials,
        "coverage": covered / trials,
        "mean_rounds": float(rounds.mean()),
        "median_half_width": float(np.median(np.expm1(halves))),
        "unseen_mode_share": unseen_mode_share(checkpoints[0]),
    }


def stopped(logs: Logs, checkpoints: tuple[int, ...]) -> tuple[Logs, Logs, NDArray[np.int64]]:
    """Return centre and half-width on the log scale, and the rounds, where each case stops."""
    rounds = np.full(len(logs), checkpoints[-1])
    for n in reversed(checkpoints):
        rounds[half_widths(logs[:, :n]) <= TARGET_HALF_WIDTH] = n
    centres, halves = np.zeros(len(logs)), np.zeros(len(logs))
    for n in checkpoints:
        own = rounds == n
        centres[own], halves[own] = logs[own, :n].mean(1), half_widths(logs[own, :n])
    return centres, halves, rounds


def half_widths(logs: Logs) -> Logs:
    """Return Student's t half-widths, as `statistics.interval` has them for one session."""
    n = logs.shape[1]
    halves: Logs = logs.std(1, ddof=1) / math.sqrt(n) * t_quantile(0.5 + LEVEL / 2, n - 1)
    return halves


def noises() -> Iterator[Noise]:
    """Yield every kind of noise."""
    for spread in (0.002, 0.005, 0.01, 0.02, 0.05):
        yield Noise("normal", spread, lambda rng, shape: np.zeros(shape))
    for spread in (0.001, 0.005, 0.01, 0.02):
        yield _modes("two modes", 0.3, 0.08, spread)
    yield _modes("two modes, 10 %", 0.1, 0.08, 0.005)
    yield _modes("two modes, 50 %", 0.5, 0.08, 0.005)
    yield Noise("skewed", 0.0, lambda rng, shape: 0.02 * (rng.exponential(1.0, shape) - 1))
    yield Noise("spikes", 0.01, _spikes, SPIKES * 0.25)
    yield Noise("autocorrelated", 0.0, _autocorrelated)


def _modes(kind: str, share: float, factor: float, spread: float) -> Noise:
    """Return noise in which some share of the rounds takes longer by a factor."""
    step = math.log1p(factor)

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Logs:
        slow: Logs = (rng.random(shape) < share).astype(np.float64)
        return step * slow

    return Noise(kind, spread, draw, share * step)


def _spikes(rng: np.random.Generator, shape: tuple[int, int]) -> Logs:
    spiky: Logs = rng.uniform(0.1, 0.4, shape) * (rng.random(shape) < SPIKES)
    return spiky


def _autocorrelated(rng: np.random.Generator, shape: tuple[int, int]) -> Logs:
    logs = rng.normal(0, 0.01, shape)
    fresh = math.sqrt(1 - AUTOCORRELATION**2)
    for n in range(1, shape[1]):
        logs[:, n] = AUTOCORRELATION * logs[:, n - 1] + fresh * logs[:, n]
    return logs


def targets(rows: list[Row]) -> Iterator[Target]:
    """Yield the least coverage of every kind, where standard and full stop and elsewhere."""
    for kind in dict.fromkeys(row["noise"] for row in rows):
        for checkpoints in dict.fromkeys(row["checkpoints"] for row in rows):
            own = [r for r in rows if (r["noise"], r["checkpoints"]) == (kind, checkpoints)]
            least = min(row["coverage"] for row in own)
            asked = ASKED.get(kind) if checkpoints == "9/15" else None
            met = None if asked is None else least >= asked
            yield Target(f"coverage, {kind}, rounds {checkpoints}", f"{least:.3f}", met)


if __name__ == "__main__":
    typer.run(main)
