"""Noise of benchmarks, drawn: within a process, between processes, and over time.

Every process has an effect of its own (address layout, what shares its core); every value in it
has another. Both are relative, on the log scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.samples import CHANGES, Draw, Times

WITHIN = 0.01  # standard deviation of log values within a process
DRIFT = 0.05  # by how much the machine slows down over one comparison
SPIKES = 0.05  # the share of processes that something disturbs, by 10 to 50 % (.1 to .4 in logs)
AUTOCORRELATION = 0.8  # of one process with the next


@dataclass(frozen=True)
class Setting:
    """A kind of noise; `spread` is the standard deviation of log time between processes."""

    name: str
    spread: float
    kind: str = "normal"
    num_cases: int = 40

    def draw(self, rng: np.random.Generator, slots: int, values: int) -> Draw:
        """Draw all cases, of 1 s each; case 0 again with every change."""
        processes = self._processes(rng, slots)
        within = rng.normal(0, WITHIN, (self.num_cases, slots, values))
        unchanged = np.exp(processes[..., None] + within)
        return Draw(unchanged, unchanged[0] * (1 + np.array(CHANGES))[:, None, None])

    def stages(self, rng: np.random.Generator, slots: Sequence[int], values: int) -> Iterator[Draw]:
        """Draw stage after stage; each has a drift of its own."""
        for number in slots:
            yield self.draw(rng, number, values)

    def _processes(self, rng: np.random.Generator, slots: int) -> Times:
        """Draw log effects of processes (cases, slots)."""
        shape, spread = (self.num_cases, slots), self.spread
        if self.kind == "bimodal":
            return spread * rng.choice([-1.0, 1.0], shape)
        if self.kind == "skewed":
            return spread * (rng.exponential(1.0, shape) - 1)
        effects = rng.normal(0, spread, shape)
        if self.kind == "drift":
            effects += DRIFT * (np.arange(slots) + 0.5) / slots
        elif self.kind == "spikes":
            effects += np.where(rng.random(shape) < SPIKES, rng.uniform(0.1, 0.4, shape), 0.0)
        elif self.kind == "autocorrelated":
            _correlate(effects)
        return effects


def _correlate(effects: Times) -> None:
    """Turn independent effects into an AR(1) sequence of the same spread, in place."""
    fresh = (1 - AUTOCORRELATION**2) ** 0.5
    for slot in range(1, effects.shape[1]):
        effects[:, slot] = AUTOCORRELATION * effects[:, slot - 1] + fresh * effects[:, slot]


SETTINGS = (
    Setting("spread 0 %", 0.0),
    Setting("spread 0.5 %", 0.005),
    Setting("spread 1 %", 0.01),
    Setting("spread 2 %", 0.02),
    Setting("spread 5 %", 0.05),
    Setting("two modes", 0.01, "bimodal"),
    Setting("skewed", 0.01, "skewed"),
    Setting("drift", 0.01, "drift"),
    Setting("spikes", 0.01, "spikes"),
    Setting("autocorrelated", 0.01, "autocorrelated"),
)
