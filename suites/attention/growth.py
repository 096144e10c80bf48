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
SIZES = ("batch", "seqlen", "seqlen_q", "seqlen_kv", "stride")  # vary within a family
PLAIN = ("SoftmaxAttention", "LinearAttention")  # go without saying

Family = list[Record]
Exponent = Callable[[Family], Mean | None]


def length(case: Case) -> int:
    """Return n, the number of keys: of all that decodes alone, queries are fewer."""
    return whole(case, "seqlen_kv" if "seqlen_kv" in case.values else "seqlen")


def decodes(case: Case) -> bool:
    """Say whether one query looks back on a cache of keys and values."""
    return case.values.get("seqlen_q") == 1 and length(case) > 1


def whole(case: Case, name: str) -> int:
    """Return a value that counts something; ValueError where it counts nothing."""
    value = case.values.get(name)
    if not isinstance(value, int):
        raise ValueError(f"{case.id}: expected a whole {name}, got {value!r}")
    return value


def families(
    records: Sequence[Record], variant: str, problems: Sequence[str] = PLAIN
) -> dict[str, Family]:
    """Group a variant's `ok` records that differ only in length, by what else is asked.

    Windows and steps of decoding are left out (their cost grows otherwise), and lengths below
    4 x head_dim, where q, k, v and out together outweigh the n x n matrix. Batches vary: costs are
    per sequence.
    """

    def asked(case: Case) -> bool:
        other = case.values.get("window") or decodes(case)
        return (
            case.problem in problems and not other and length(case) >= 4 * whole(case, "head_dim")
        )

    return grown(records, variant, asked)


def grown(
    records: Sequence[Record], variant: str, asked: Callable[[Case], bool]
) -> dict[str, Family]:
    """Group a variant's `ok` records of what is asked, where they differ only in length."""
    grouped: dict[str, Family] = {}
    for record in records:
        if record.case.variant == variant and record.outcome == "ok" and asked(record.case):
            grouped.setdefault(describe(record.case), []).append(record)
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
    of = [] if case.problem in PLAIN else [case.problem.removesuffix("Attention")]
    words = [*of, *(["decoding"] if decodes(case) else []), *words]
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
    return _counted(family, lambda record: record.values.get("peak", 0.0))


def flops_exponent(family: Family) -> Mean | None:
    """Fit log(FLOPs) on log(n): what the question declares, pair by visible pair."""
    return _counted(family, lambda record: record.case.flops or 0)


def _counted(family: Family, count: Callable[[Record], float]) -> Mean | None:
    counted = [record for record in family if count(record) > 0]
    if not _long_enough(counted):
        return None
    slope = _slope(counted, [count(record) for record in counted])
    return Mean(slope, slope, slope, 1)


def _long_enough(family: Family) -> bool:
    return len({length(record.case) for record in family}) >= NUM_LENGTHS


def _slope(family: Family, costs: list[float]) -> float:
    lengths = [log(length(record.case)) for record in family]
    per_sequence = [
        log(cost / whole(record.case, "batch")) for record, cost in zip(family, costs, strict=True)
    ]
    return linear_regression(lengths, per_sequence).slope
