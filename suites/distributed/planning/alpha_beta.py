"""Latency and bandwidth of a link, from transfers of several sizes. Torch-free.

Seconds = messages x alpha + bytes / beta (Hockney 1994; Thakur, Rabenseifner and Gropp 2005): alpha
in seconds a message, beta in bytes a second. A ring's all-reduce of S bytes over N ranks sends
2 (N-1) messages one after another and 2 (N-1)/N S bytes from every rank. Where messages are counted
as 1 a call, alpha is the latency of the whole call; where bytes are those of busbw, beta is the
busbw that large buffers come to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.answers import LEVEL, Interval, Rounds
from suites.distributed.planning.fitted import Fit, Timed, fit


@dataclass(frozen=True)
class Transfer:
    """A measured collective: messages one after another, bytes a rank sends, seconds by round."""

    messages: float
    num_bytes: float
    rounds: Rounds


@dataclass(frozen=True)
class AlphaBeta:
    """A link as it was measured; `scatter` is how far transfers lie from it, as a share."""

    fitted: Fit

    def alpha_s(self, level: float = LEVEL) -> Interval:
        """Return the seconds of a message without bytes."""
        return self.fitted.cost(0, level)

    def beta_bytes_per_s(self, level: float = LEVEL) -> Interval:
        """Return the bytes a second; an end is infinite where bytes may cost nothing."""
        found = self.fitted.cost(1, level)
        low, high = (None if end is None else _inverse(end) for end in (found.high, found.low))
        return Interval(_inverse(found.estimate), low, high, found.rounds, found.sessions)

    def seconds(self, messages: float, num_bytes: float, level: float = LEVEL) -> Interval:
        """Predict a transfer of any size, with an interval for a measurement of it."""
        return self.fitted.seconds((messages, num_bytes), level)

    @property
    def scatter(self) -> float | None:
        return self.fitted.scatter


def fit_alpha_beta(transfers: Sequence[Transfer]) -> AlphaBeta:
    """Fit a link to transfers; ValueError where they have less than two sizes, or share no round.

    Errors are relative, so that small and large transfers count alike. Two sizes are met exactly:
    intervals are then of the rounds alone, and `seconds` has none.
    """
    return AlphaBeta(fit([Timed((t.messages, t.num_bytes), t.rounds) for t in transfers]))


def _inverse(cost_s: float) -> float:
    return math.inf if cost_s == 0 else 1 / cost_s
