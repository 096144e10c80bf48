"""Quality, measured once a seed: both sides ran the same seeds, so that seeds are pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bench.cases.ranges import of_differences, range_of
from bench.judging.comparing.matching import Match, quality_fate
from bench.judging.comparing.quantities import Quantity, judged_how
from bench.judging.comparing.row import Row
from bench.judging.comparing.words import Word
from bench.judging.mean import Mean, estimate_mean
from bench.judging.record import Record
from bench.judging.rule import ALARM, adjust

# Sums over threads come out in another order each time; repeated runs agreed within 1e-9.
ROUNDING = 1e-6
GROUP = "quality"
DIVERGES = "diverged_at_step"  # measured only where it happened


@dataclass(frozen=True)
class Seeds:
    """One quality of a case, by seed on each side; `pairs` are (base, new) of common seeds."""

    match: Match
    name: str
    how: Quantity
    base: dict[int, float]
    new: dict[int, float]

    @property
    def pairs(self) -> list[tuple[float, float]]:
        return [(self.base[s], self.new[s]) for s in sorted(self.base.keys() & self.new.keys())]

    @property
    def differences(self) -> list[float]:
        return [new - base for base, new in self.pairs]

    @property
    def difference(self) -> Mean:
        """Estimate what the quality moved by, of at least one pair."""
        return estimate_mean(self.differences, within=of_differences(range_of(self.name)))

    @property
    def equal(self) -> bool:
        """Say whether every seed came out the same but for rounding."""
        return all(
            abs(new - base) <= ROUNDING * max(abs(base), abs(new)) for base, new in self.pairs
        )


def quality_rows(matches: Sequence[Match]) -> list[Row]:
    """Judge every quality over all cases at once, with Student's t over seeds."""
    by_name: dict[str, list[Seeds]] = {}
    failures: list[Row] = []
    for match in matches:
        if match.both:
            failures += _failed(match, *match.both)
            for seeds in _qualities(match, *match.both):
                by_name.setdefault(seeds.name, []).append(seeds)
    return failures + [row for found in by_name.values() for row in _judge(found)]


def _failed(match: Match, base: Record, new: Record) -> Iterator[Row]:
    """Yield a row for a case whose quality failed on a side; its times are compared."""
    if told := quality_fate(base, new):
        verdict, why = told
        yield Row(match, GROUP, GROUP, verdict, why=why)


def _qualities(match: Match, base: Record, new: Record) -> Iterator[Seeds]:
    for name in dict.fromkeys([*base.trajectories, *new.trajectories]):
        how = judged_how(name, new.units.get(name, base.units.get(name, "")))
        if how.by == "seeds":
            yield Seeds(match, name, how, _by_seed(base, name), _by_seed(new, name))


def _by_seed(record: Record, name: str) -> dict[int, float]:
    found = record.trajectories.get(name, {})
    return {seed: samples[0] for seed, samples in found.items() if len(samples) == 1}


def _judge(found: Sequence[Seeds]) -> list[Row]:
    tested = [seeds for seeds in found if len(seeds.pairs) > 1]
    adjusted = adjust([_p_value(seeds.differences) for seeds in tested])
    by_test = {id(seeds): p for seeds, p in zip(tested, adjusted, strict=True)}
    return [_row(seeds, by_test.get(id(seeds))) for seeds in found]


def _row(seeds: Seeds, adjusted: float | None) -> Row:
    verdict, why = _verdict(seeds, adjusted)
    base, new = ([pair[side] for pair in seeds.pairs] for side in (0, 1))
    return Row(
        seeds.match,
        seeds.name,
        seeds.how.group,
        verdict,
        seeds.match.both[0].units.get(seeds.name, "1") if seeds.match.both else "1",
        base=fmean(base or seeds.base.values()) if base or seeds.base else None,
        new=fmean(new or seeds.new.values()) if new or seeds.new else None,
        difference=seeds.difference if seeds.pairs else None,
        p_value=_p_value(seeds.differences) if adjusted is not None else None,
        why=why,
    )


def _verdict(seeds: Seeds, adjusted: float | None) -> tuple[Word, str]:
    if not seeds.pairs:
        return _alone(seeds)
    if seeds.equal:
        return "same", ""
    if seeds.match.versus.void:
        return "unclear", f"forced: {seeds.match.versus.void[0]}"
    if adjusted is None:
        return "unclear", "one seed in common; expected at least two"
    found = seeds.difference
    if _within(found, seeds.how.tolerance * abs(fmean(base for base, _ in seeds.pairs))):
        return "same", ""
    if adjusted >= ALARM:
        return "unclear", f"{found.count} seeds scatter more than they differ"
    return "better" if (found.estimate > 0) == seeds.how.more_is_better else "worse", ""


def _alone(seeds: Seeds) -> tuple[Word, str]:
    """Judge a quality that one side never had, or not in the same seeds."""
    if seeds.base and seeds.new:
        return "unclear", "no seed in common"
    assert seeds.match.both is not None
    base, new = seeds.match.both
    if seeds.new and base.worthless:  # which says nothing of what it would have come to
        return "added", f"{base.quality_outcome} in BASE"
    if seeds.base and new.worthless:
        return "removed", f"{new.quality_outcome} in NEW"
    if seeds.name == DIVERGES:
        return ("worse", "diverges in NEW") if seeds.new else ("better", "diverged in BASE")
    return ("added", "not in BASE") if seeds.new else ("removed", "not in NEW")


def _within(found: Mean, reach: float) -> bool:
    """Say whether a whole interval lies closer to 0 than `reach`."""
    return (
        found.low is not None
        and found.high is not None
        and (-reach <= found.low and found.high <= reach)
    )


def _p_value(differences: Sequence[float]) -> float:
    """Return the two-sided p of Student's t for a mean difference of 0."""
    from scipy.special import stdtr

    mean, error = fmean(differences), stdev(differences) / math.sqrt(len(differences))
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(len(differences) - 1, -abs(mean / error)))
