"""What claims ask of records: who measured what on which task, ratios by seed, words for them.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import nan

from bench.claims import Finding, Mean, Record, Verdict, at_most, together
from suites.samplers.enough import DISTANCES, budget, log_ratios, mean, ratio_of

SAME_QUESTION = ("data", "inception", "preprocessing", "reference", "model", "num_images")


def measured(records: Sequence[Record], quantity: str) -> list[Record]:
    """Keep sound records that measured a quantity; `incorrect` ones are compared with nothing."""
    return [r for r in records if r.outcome == "ok" and r.quality_of(quantity) is not None]


def of(records: Sequence[Record], *samplers: str) -> list[Record]:
    """Keep sound records of one sampler or of several, whatever their options."""
    return [r for r in records if r.outcome == "ok" and r.case.variant in samplers]


def named(record: Record) -> str:
    """Name a sampler with the options that make it another one."""
    options = {k: v for k, v in record.case.options.items() if v}
    words = ",".join(f"{name}={value}" for name, value in options.items())
    return f"{record.case.variant}[{words}]" if words else record.case.variant


def ground(record: Record) -> str:
    return str(record.case.values.get("ground"))


def data(record: Record) -> tuple[object, ...]:
    """Return what distances stand on beside the ground."""
    return tuple(record.case.values.get(name) for name in SAME_QUESTION)


def same_task(record: Record, other: Record) -> bool:
    """Say whether two records differ in sampler, budget or batch alone."""
    return (ground(record), data(record)) == (ground(other), data(other))


def distance(record: Record) -> str:
    """Name the distance a record was measured by; the last of them where it was not."""
    return next((name for name in DISTANCES if record.quality_of(name)), [*DISTANCES][-1])


def ratio(over: Record, under: Record, quantity: str) -> Mean:
    """Estimate the ratio of a positive quantity; seeds pair: same noise, same real images.

    Of few images or an exact solver a value may be 0, which has no ratio: that gives no bounds.
    """
    ours, theirs = (record.trajectories.get(quantity, {}) for record in (over, under))
    return ratio_of(log_ratios(ours, theirs)) or Mean(nan, None, None, 0)


def times(found: Mean) -> str:
    """Write a ratio: `1.2 times (1.1 to 1.3)`."""
    if not found.count:
        return "in no ratio (a value of 0, or no seed in common) to"
    if found.low is None or found.high is None:
        return f"{found.estimate:.3g} times (one seed)"
    return f"{found.estimate:.3g} times ({found.low:.3g} to {found.high:.3g})"


def compared(
    pairs: Iterable[tuple[Record, Record]],
    limit: float,
    told: Callable[[Record, Record, str, str], str],
    missing: str,
    *,
    quantity: str = "",
    claimed: Callable[[Record], bool] = lambda _: True,
) -> Finding:
    """Hold what is measured of the first of every pair to `limit` times that of the second.

    It is the second's distance, or the `quantity`; a pair that lacks it says nothing. `told` makes
    a figure of both, what was measured, and the ratio in words. A pair whose second is not
    `claimed` has a figure and no verdict; without any figure `missing` says what was not there.
    """
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for one, other in pairs:
        name = quantity or distance(other)
        if len(measured([one, other], name)) < 2:
            continue
        found = ratio(one, other, name)
        counts = claimed(other)
        verdicts += [at_most(found, limit)] if counts else []
        figures.append(told(one, other, name, times(found)) + ("" if counts else " (not claimed)"))
    return Finding(together(verdicts), figures or [missing])


def nearest(records: Sequence[Record], quantity: str) -> Record:
    """Return the least by estimate of those that measured a quantity."""
    return min(records, key=lambda record: mean(record, quantity).estimate)


def nearest_on_task(
    some: Sequence[Record], others: Iterable[Record]
) -> Iterator[tuple[Record, Record]]:
    """Pair each of the others with the nearest of some that measured its distance on its task."""
    for other in others:
        own = [r for r in measured(some, distance(other)) if same_task(r, other)]
        if own:
            yield nearest(own, distance(other)), other


def value(record: Record, quantity: str) -> str:
    """Write an estimate."""
    return f"{mean(record, quantity).estimate:.3g}"


def tasks(records: Sequence[Record], least: int = 2) -> Iterator[list[Record]]:
    """Yield the records of every task and budget that at least so many share."""
    grouped: dict[object, list[Record]] = {}
    for record in records:
        grouped.setdefault((ground(record), data(record), budget(record)), []).append(record)
    yield from (own for own in grouped.values() if len(own) >= least)
