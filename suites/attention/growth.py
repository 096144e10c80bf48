"""How cost grows with sequence length: families of records, and the exponent of a power law."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from statistics import linear_regression

from bench import Case
from bench.claims import Mean, Record, estimate_mean

NUM_LENGTHS = 3  # two points lie on a line whatever the law is
# Of the best possible speed: what is slower by more than that waits for calls, not for work.
WORKING = 0.01
SIZES = ("batch", "seqlen", "seqlen_q", "seqlen_kv")  # vary within a family

Family = list[Record]
Exponent = Callable[[Family], Mean | None]


def length(case: Case) -> int:
    """Return n, the number of queries, which is also that of keys in all that is asked here."""
    return whole(case, "seqlen_q" if "seqlen_q" in case.values else "seqlen")


def whole(case: Case, name: str) -> int:
    """Return a value that counts something; ValueError where it counts nothing."""
    value = case.values.get(name)
    if not isinstance(value, int):
        raise ValueError(f"{case.id}: expected a whole {name}, got {value!r}")
    return value


def families(records: Sequence[Record], variant: str) -> dict[str, Family]:
    """Group a variant's `ok` records that differ only in length, by what else is asked.

    Windows are left out (their cost grows otherwise), and lengths below 4 x head_dim, where
    q, k, v and out together outweigh the n x n matrix. Batches vary: costs are per sequence.
    """
    grouped: dict[str, Family] = {}
    for record in records:
        case = record.case
        if case.variant != variant or record.outcome != "ok" or case.values.get("window"):
            continue
        if length(case) >= 4 * whole(case, "head_dim"):
            grouped.setdefault(describe(case), []).append(record)
    ordered = {name: sorted(f, key=lambda r: length(r.case)) for name, f in grouped.items()}
    return {name: family for name, family in ordered.items() if _long_enough(family)}


def works(record: Record) -> bool:
    """Say whether a time is that of work; where no ceiling is known, nothing says otherwise.

    Calls of a small size take what any call takes, and grow with nothing.
    """
    share = record.roofline_share
    return record.ranked and (share is None or share >= WORKING)


def describe(case: Case) -> str:
    """Say what stays the same along a family; usual settings go without saying."""
    values = {name: value for name, value in case.values.items() if name not in SIZES}
    if values.get("num_kv_heads") == values["num_heads"]:
        del values["num_kv_heads"]
    words = [
        name if value is True else f"{name}={value}"
        for name, value in {**case.options, **values}.items()
        if value not in (None, False)
    ]
    threads = [f"threads={case.threads}"] if case.threads > 1 else []
    unusual = ["cold cache"] if case.cache == "cold" else []
    unusual += ["system allocator"] if case.allocator == "system" else []
    return " ".join([case.variant, *words, case.dtype, case.pass_, case.device, *threads, *unusual])


def span(family: Family) -> str:
    """Write the range of lengths."""
    return f"n = {length(family[0].case)}–{length(family[-1].case)}"


def time_exponent(family: Family) -> Mean | None:
    """Fit log(time) on log(n) in every round, and take the mean of the slopes over rounds.

    None where fewer than three lengths have unflagged times of work, or no round has them all.
    """
    timed = [record for record in family if works(record)]
    if not _long_enough(timed):
        return None
    rounds = [record.rounds_of() for record in timed]
    common = sorted(set.intersection(*(set(r) for r in rounds)))
    slopes = [_slope(timed, [r[key] for r in rounds]) for key in common]
    return estimate_mean(slopes) if slopes else None


def memory_exponent(family: Family) -> Mean | None:
    """Fit log(peak bytes) on log(n); bytes are counted: no spread."""
    counted = [record for record in family if record.values.get("peak", 0.0) > 0]
    if not _long_enough(counted):
        return None
    slope = _slope(counted, [record.values["peak"] for record in counted])
    return Mean(slope, slope, slope, 1)


def _long_enough(family: Family) -> bool:
    return len({length(record.case) for record in family}) >= NUM_LENGTHS


def _slope(family: Family, costs: list[float]) -> float:
    lengths = [log(length(record.case)) for record in family]
    per_sequence = [
        log(cost / whole(record.case, "batch")) for record, cost in zip(family, costs, strict=True)
    ]
    return linear_regression(lengths, per_sequence).slope
