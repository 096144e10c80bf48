"""What a profile says in sentences and in the table of operators."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import pandas as pd

from bench.judging.words import seconds, size
from bench.profiling.classes import OUTSIDE
from bench.profiling.operators import breakdown
from bench.profiling.read import RankProfile
from reports.words import rate

SHOWN = 25


@dataclass(frozen=True)
class Line:
    """One operator as a reader is shown it."""

    operator: str
    where: str
    class_: str
    calls: str
    total: str
    own: str
    share: str
    flops: str
    bytes: str
    limit: str


def sentences(own: RankProfile) -> list[str]:
    """Say where the time goes, what bounds the operator that takes most, and what it cost."""
    told = [_classes(own.operators), _busy(own), _longest(own.operators), cost(own)]
    return list(filter(None, told))


def _classes(table: pd.DataFrame) -> str:
    data = breakdown(table)
    shares = data.groupby("class")["seconds"].sum().sort_values(ascending=False)
    shares = shares / shares.sum()
    told = [f"{share:.0%} {name}" for name, share in shares.items() if share >= 0.03]
    phases = data.groupby("phase", sort=False)["seconds"].sum()
    words = f"Of a step: {', '.join(told[:5])}."
    if len(phases) > 1:
        by_phase = [f"{name} {share:.0%}" for name, share in (phases / phases.sum()).items()]
        words += f" By phase: {', '.join(by_phase)}."
    return words


def _busy(own: RankProfile) -> str:
    """Say which part of a step the GPU works; nothing where there is none."""
    if own.kernels.empty:
        return ""
    split = own.overlap
    busy = (split.compute_s + split.exposed_s) / split.step_s
    return f"The GPU is busy {busy:.0%} of a step; shares are of that."


def _longest(table: pd.DataFrame) -> str:
    known = table[(table["class"] != OUTSIDE) & (table["limit"] != "")]
    if known.empty:
        return ""
    row = known.iloc[0]
    words = {
        "launch": "its calls are about as short as a call can be",
        "neither": "it is far from the ceilings of compute and memory",
    }.get(str(row["limit"]), f"bound by {row['limit']}")
    return (
        f"{row['operator']} ({row['phase']}) takes {row['share']:.0%} of it: {words}, at "
        f"{row['roofline_share']:.0%} of what this device can do."
    )


def cost(own: RankProfile) -> str:
    """Say what the profiler itself costs, measured by the same steps with and without it."""
    facts = own.facts
    told = (
        f"A step takes {seconds(median(facts.plain_s))} without the profiler and "
        f"{seconds(median(facts.profiled_s))} with it ({facts.cost:+.0%}; medians of "
        f"{len(facts.plain_s)} and {len(facts.profiled_s)} steps in one process)"
    )
    if facts.cost <= 0:  # what it costs is surely more than nothing
        return f"{told}: it costs less than steps differ by here."
    return f"{told}: shares here are of profiled steps, and short operators bear most of that."


def lines(table: pd.DataFrame) -> list[Line]:
    """Return the operators that take longest."""
    return [_line(row) for _, row in table.head(SHOWN).iterrows()]


def _line(row: pd.Series) -> Line:
    outside = row["class"] == OUTSIDE
    own = row["device_s"] or row["self_s"]
    part = f": {row['part']}" if row["part"] else ""
    known = row["roofline_share"] is not None and row["roofline_share"] == row["roofline_share"]
    return Line(
        operator=str(row["operator"]) + (f" ({row['dtype']})" if row["dtype"] else ""),
        where=f"{row['phase']}{part}",
        class_=str(row["class"]),
        calls="" if outside else f"{row['calls']:.4g}",
        total="" if outside else seconds(row["total_s"]),
        own=seconds(own) if own else "",
        share=f"{row['share']:.1%}",
        flops=rate(row["flops_per_s"]) if row["flops"] else "",
        bytes=f"{row['bytes_per_s'] / 1e9:.3g} GB/s" if row["bytes_per_s"] > 0 else "",
        limit=f"{row['limit']}, {row['roofline_share']:.0%}" if known else "",
    )


def kernel_lines(table: pd.DataFrame) -> list[tuple[str, str, str, str, str, str]]:
    """Return the kernels that take longest."""
    return [
        (
            str(row["kernel"]),
            str(row["operator"]),
            str(row["phase"]),
            f"{row['calls']:.4g}",
            seconds(row["total_s"]),
            f"{row['share']:.1%}",
        )
        for _, row in table.head(SHOWN).iterrows()
    ]


def bounds_of_trace(own: RankProfile) -> str:
    """Say what a trace leaves out."""
    facts = own.facts
    told = f"{facts.steps} steps"
    if facts.dropped:
        told += (
            f"; {facts.dropped} events of at most {seconds(facts.dropped_within_s)} were left out "
            "of it, and are counted with what they ran in"
        )
    return told


def file_size(num_bytes: int) -> str:
    return size(float(num_bytes))
