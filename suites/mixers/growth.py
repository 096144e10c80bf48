"""How cost grows with sequence length: families of records, and the exponent of a power law."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import log
from statistics import linear_regression

from bench import Case
from bench.claims import Mean, Record, estimate_mean

NUM_LENGTHS = 3  # two points lie on a line whatever the law is
SIZES = ("batch", "seqlen", "context")  # vary within a family

Family = list[Record]
Cost = Callable[[Record], float | None]


def length(case: Case) -> int:
    """Return n: tokens of a sequence, of a context, or samples of a signal."""
    return whole(case, "seqlen" if "seqlen" in case.values else "context")


def whole(case: Case, name: str) -> int:
    """Return a value that counts something; ValueError where it counts nothing."""
    value = case.values.get(name)
    if not isinstance(value, int):
        raise ValueError(f"{case.id}: expected a whole {name}, got {value!r}")
    return value


def of_problem(records: Iterable[Record], problem: str) -> list[Record]:
    """Return what came out `ok` of a problem."""
    return [r for r in records if r.case.problem == problem and r.outcome == "ok"]


def families(records: Iterable[Record]) -> dict[str, Family]:
    """Group records that differ only in length; those of at least three lengths, by length."""
    grouped: dict[str, Family] = {}
    for record in records:
        grouped.setdefault(describe(record.case), []).append(record)
    return {
        name: sorted(family, key=lambda r: length(r.case))
        for name, family in grouped.items()
        if len({length(r.case) for r in family}) >= NUM_LENGTHS
    }


def describe(case: Case) -> str:
    """Say what stays the same along a family; usual settings go without saying."""
    values = [f"{n} {v}" for n, v in case.values.items() if n not in (*SIZES, "num_heads", "data")]
    threads = [f"threads={case.threads}"] if case.threads > 1 else []
    return " ".join([name(case), *values, case.dtype, case.pass_, case.device, *threads])


def name(case: Case) -> str:
    """Name a mixer, and the options by which it differs from what it is by default."""
    told = {k: v for k, v in case.options.items() if k in ("rule", "init") or v is True}
    told |= {"form": case.options["form"]} if case.options.get("form") == "recurrent" else {}
    words = [key if value is True else str(value) for key, value in told.items()]
    return f"{case.variant} ({', '.join(words)})" if words else case.variant


def counted_exponent(family: Family, cost: Cost) -> Mean | None:
    """Fit log(cost) on log(n), of what is counted: an exponent without spread."""
    points = [(length(r.case), value) for r in family if (value := cost(r)) and value > 0]
    if len({n for n, _ in points}) < NUM_LENGTHS:
        return None
    slope = _slope(points)
    return Mean(slope, slope, slope, 1)


def time_exponent(family: Family) -> Mean | None:
    """Fit log(time) on log(n) in every round; the mean of the slopes over rounds."""
    timed = [record for record in family if record.ranked]
    if len({length(record.case) for record in timed}) < NUM_LENGTHS:
        return None
    rounds = [record.rounds_of() for record in timed]
    common = sorted(set.intersection(*(set(r) for r in rounds)))
    lengths = [length(record.case) for record in timed]
    slopes = [_slope(list(zip(lengths, (r[k] for r in rounds), strict=True))) for k in common]
    return estimate_mean(slopes) if slopes else None


def _slope(points: Sequence[tuple[int, float]]) -> float:
    return linear_regression([log(n) for n, _ in points], [log(c) for _, c in points]).slope
