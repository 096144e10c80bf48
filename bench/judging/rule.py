"""The verdict rule for two sides that took turns: suspect, look again, confirm afresh, then judge.

A first stage of a few rounds finds suspects, generously; a few pairs more clear most of them. What
is left is measured once more, alone, in fresh pairs of processes whose order was drawn by lot. If
nothing has changed, exchanging the two labels within any pair changes nothing either, so a
difference is judged among all 2^n exchanges of labels: an exact test, whatever noise moments have
(drift, spikes, correlated rounds). What sticks to a side from round to round is a difference to it
(docs/figures.md). Source: R. A. Fisher, The Design of Experiments (1935), section 21; Y. Benjamini
and Y. Hochberg, J. R. Stat. Soc. B 57 (1995) 289, for many cases at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from bench.judging.screening import screen
from bench.judging.statistics import Interval, exp_bounded, t_quantile
from bench.judging.verdict import Change, Verdict

SUSPECT = 0.25  # a first stage with a p below this is looked at again, in a few fresh pairs
LOOK_PAIRS = 5
AGAIN = 0.02  # what is still below this, with these, is confirmed
ALARM = 0.01  # the rate of false verdicts among the suspects of a comparison
MARGIN = 0.02  # a change proven smaller than this either way is `same`
LEVEL = 0.95  # of the intervals
CONFIRM_PAIRS = 22
LEAST_CONFIRM_PAIRS = 12  # with fewer, no outcome is rare enough to be believed among suspects

Logs = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """What both sides of one case took in the rounds they share: (base, new) in seconds a round.

    `look` was taken of suspects, to drop those that were chance; what is left was measured afresh
    to `confirm`. `more` came after all that, to exclude slowdowns: no verdict of a change looks at
    it. `looks` are the numbers of pairs at which it was fixed beforehand to look at a bound.
    """

    first: Sequence[tuple[float, float]]
    confirm: Sequence[tuple[float, float]] = ()
    more: Sequence[tuple[float, float]] = ()
    looks: tuple[int, ...] = ()
    look: Sequence[tuple[float, float]] = ()

    @cached_property
    def first_logs(self) -> Logs:
        return _logs(self.first)

    @cached_property
    def confirm_logs(self) -> Logs:
        return _logs(self.confirm)

    @cached_property
    def look_logs(self) -> Logs:
        """Return what a suspect is weighed by before it is confirmed: all pairs until then."""
        return np.concatenate([self.first_logs, _logs(self.look)])

    @cached_property
    def logs(self) -> Logs:
        """Return all pairs in the order they were taken."""
        return np.concatenate([self.look_logs, self.confirm_logs, _logs(self.more)])


def suspects(cases: Sequence[Pairs]) -> list[int]:
    """Return the indices of the cases whose first stage must be looked at again."""
    p_values = screen([_differences(pairs.first_logs) for pairs in cases])
    return [i for i, p_value in enumerate(p_values) if p_value < SUSPECT]


def still_suspects(cases: Sequence[Pairs]) -> list[int]:
    """Return the indices of those suspects that a few fresh pairs have not cleared.

    A comparison that took no such pairs clears none.
    """
    p_values = screen([_differences(pairs.look_logs) for pairs in cases])
    return [i for i in suspects(cases) if not cases[i].look or p_values[i] < AGAIN]


def judge_pairs(cases: Sequence[Pairs], margin: float = MARGIN) -> list[Change]:
    """Judge every case of a comparison at once; `faster` and `slower` only where confirmed."""
    suspected = still_suspects(cases)
    screened = screen([_differences(pairs.look_logs) for pairs in cases])
    p_values = {i: exchange_p(cases[i].confirm_logs) for i in suspected if cases[i].confirm}
    adjusted = dict(zip(p_values, adjust(list(p_values.values())), strict=True))
    changes = []
    for i, pairs in enumerate(cases):
        if i in adjusted:
            changes.append(_confirmed(pairs, p_values[i], adjusted[i], margin))
        else:
            changes.append(_unsuspected(pairs, margin, i in suspected, screened[i]))
    return changes


def _confirmed(pairs: Pairs, p_value: float, adjusted: float, margin: float) -> Change:
    """Judge a suspect by its fresh pairs alone: those before were chosen for their difference."""
    ratio = exchange_interval(pairs.confirm_logs)
    again = _sign(pairs.look_logs) == _sign(pairs.confirm_logs)
    return verdict_of(ratio, p_value, adjusted < ALARM and again, _sd(pairs.confirm_logs), margin)


def _unsuspected(pairs: Pairs, margin: float, suspected: bool, p_value: float) -> Change:
    logs = pairs.look_logs
    if len(logs) < 2:
        told = "one round" if len(logs) else "no round"
        return Change("unclear", why=f"{told} in common; expected at least two")
    why = "suspected, not confirmed: its fresh pairs are missing" if suspected else ""
    judged, level = _looked_at(pairs)
    return verdict_of(t_interval(judged, level), p_value, False, _sd(judged), margin, why)


def _looked_at(pairs: Pairs) -> tuple[Logs, float]:
    """Return the pairs to estimate an unsuspected case by, and the level of their interval.

    More pairs end at a look that was chosen by what it showed: the error is shared by all looks.
    """
    reached = [look for look in pairs.looks if look <= len(pairs.logs)]
    if not pairs.more or not reached:
        return pairs.look_logs, LEVEL
    return pairs.logs[: reached[-1]], 1 - (1 - LEVEL) / len(pairs.looks)


def verdict_of(
    ratio: Interval, p_value: float, changed: bool, sd: float, margin: float, why: str = ""
) -> Change:
    """Put an interval of new / base in words; a change within the margin is `same`, even if real.

    `sd` is the standard deviation of the log ratio of one round.
    """
    verdict: Verdict
    if within(ratio, margin):
        verdict = "same"
    elif changed:
        verdict = "slower" if ratio.estimate > 1 else "faster"
    else:
        needed = rounds_needed(math.log(ratio.estimate), sd, margin)
        return Change("unclear", ratio, p_value, needed, why)
    return Change(verdict, ratio, p_value)


def within(ratio: Interval, margin: float) -> bool:
    """Say whether a whole interval lies within the margin of 1, on the log scale."""
    if ratio.low is None or ratio.high is None:
        return False
    reach = math.log1p(margin)
    return -reach < math.log(ratio.low) and math.log(ratio.high) < reach


def exchange_p(logs: Logs) -> float:
    """Return the exact two-sided p over all exchanges of labels within pairs.

    Two statistics are looked at, and the smaller p doubled for it: Wilcoxon's signed ranks of the
    differences, which no drift touches, and the rank sums of both sides, which no outlier does.
    """
    differences = logs[:, 1] - logs[:, 0]
    signed = np.sign(differences) * _ranks(np.abs(differences))
    ranks = _ranks(logs)
    return min(1.0, 2 * min(_flip_p(signed), _flip_p(ranks[:, 1] - ranks[:, 0])))


def exchange_interval(logs: Logs, level: float = LEVEL) -> Interval:
    """Return all ratios that the exchange test does not reject, around the median Walsh average."""
    differences = logs[:, 1] - logs[:, 0]
    pairs = np.add.outer(differences, differences)[np.triu_indices(len(differences))] / 2
    estimate = float(np.median(pairs))
    reach = float(np.ptp(logs)) + 1e-9

    def accepted(shift: float) -> bool:
        return exchange_p(logs - [0.0, shift]) >= 1 - level

    if not accepted(estimate) or accepted(estimate + reach) or accepted(estimate - reach):
        return Interval(math.exp(estimate), None, None, len(logs), 1)
    low, high = (_edge(accepted, estimate, estimate + side * reach) for side in (-1, 1))
    return Interval(exp_bounded(estimate), exp_bounded(low), exp_bounded(high), len(logs), 1)


def _edge(accepted: Callable[[float], bool], inside: float, outside: float) -> float:
    """Bisect to where shifts stop being accepted."""
    for _ in range(12):  # to a 4000th of the spread
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if accepted(middle) else (inside, middle)
    return outside


def t_interval(logs: Logs, level: float = LEVEL) -> Interval:
    """Return Student's t interval of the ratio over paired rounds."""
    differences = logs[:, 1] - logs[:, 0]
    centre = float(differences.mean())
    half = float(differences.std(ddof=1)) / math.sqrt(len(logs))
    half *= t_quantile(0.5 + level / 2, len(logs) - 1)
    low, high = exp_bounded(centre - half), exp_bounded(centre + half)
    return Interval(exp_bounded(centre), low, high, len(logs), 1)


def adjust(p_values: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's adjusted p: below q, the rate of false discoveries is q."""
    order = np.argsort(p_values)
    count, least, adjusted = len(order), 1.0, [1.0] * len(order)
    for rank in range(count, 0, -1):
        index = int(order[rank - 1])
        least = min(least, p_values[index] * count / rank)
        adjusted[index] = least
    return adjusted


def rounds_needed(log_ratio: float, sd: float, margin: float) -> int:
    """Estimate the rounds a side until an `unclear` case is settled, four times in five.

    Settled as `same` or as a change, whichever is farther from being in doubt. `sd` is of the log
    ratio of one round.
    """
    distance = max(abs(log_ratio), math.log1p(margin) - abs(log_ratio))
    return max(3, math.ceil(((1.96 + 0.84) * sd / distance) ** 2) + 1)


def visible_change(sd: float, rounds: int, num_cases: int = 1) -> float:
    """Return the smallest relative change that a single stage finds four times in five.

    `sd` is the spread of a side's log round values; the level is corrected for `num_cases`.
    """
    freedom = 2 * (rounds - 1)
    quantile = t_quantile(1 - ALARM / num_cases / 2, freedom) + t_quantile(0.8, freedom)
    return math.expm1(quantile * sd * math.sqrt(2 / rounds))


def _flip_p(weights: Logs) -> float:
    """Return how often a sum of weights with signs drawn by lot is as far from 0 as theirs."""
    whole = np.rint(2 * weights).astype(int)  # ranks of ties are halves
    sizes = np.abs(whole)
    far, total = abs(int(whole.sum())), int(sizes.sum())
    shares = shares_of_sums(tuple(np.sort(sizes[sizes > 0]).tolist()))
    return min(1.0, 2 * float(shares[: (total - far) // 2 + 1].sum()))


@lru_cache(maxsize=256)  # without ties signed ranks are always the same numbers
def shares_of_sums(sizes: tuple[int, ...]) -> Logs:
    """Return the share of all choices among `sizes` that add up to 0, 1, 2, ..."""
    shares = np.zeros(sum(sizes) + 1)
    shares[0] = 1.0
    for size in sizes:
        shares[size:] += shares[:-size].copy()
        shares /= 2
    return shares


def _ranks(values: Logs) -> Logs:
    """Return the ranks of all values, from 1; of ties the mean.

    scipy's `rankdata` gives the same and takes ten times as long for a handful of values.
    """
    ordered = np.sort(values, axis=None)
    below, up_to = ordered.searchsorted(values), ordered.searchsorted(values, "right")
    ranks: Logs = (below + 1 + up_to) / 2
    return ranks


def _paired_p(logs: Logs) -> float:
    differences = logs[:, 1] - logs[:, 0]
    error = differences.std(ddof=1) / math.sqrt(len(logs))
    return _t_p(differences.mean(), error, len(logs) - 1)


def _welch_p(values: Logs) -> float:
    means, squares = values.mean(axis=0), values.var(axis=0, ddof=1) / len(values)
    error = math.sqrt(squares.sum())
    freedom = squares.sum() ** 2 / max((squares**2).sum(), 1e-300) * (len(values) - 1)
    return _t_p(means[1] - means[0], error, freedom)


def _t_p(difference: float, error: float, freedom: float) -> float:
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(difference / error)))


def _logs(rounds: Sequence[tuple[float, float]]) -> Logs:
    found: Logs = np.log(np.asarray(rounds, dtype=float).reshape(-1, 2))
    return found


def _differences(logs: Logs) -> Logs:
    found: Logs = logs[:, 1] - logs[:, 0]
    return found


def _sign(logs: Logs) -> float:
    return float(np.sign(np.median(logs[:, 1] - logs[:, 0])))


def _sd(logs: Logs) -> float:
    return float((logs[:, 1] - logs[:, 0]).std(ddof=1))
