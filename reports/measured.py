"""Whatever a case measured, as columns: the unit becomes the name's suffix."""

from __future__ import annotations

import re
from collections.abc import Container

from bench.judging.figures import OUTSIDE
from bench.judging.record import Record

# Quantities that fixed columns tell.
TOLD = {
    "time",
    "thread_time",
    "enqueue_time",
    "first_call",
    "first_call_uncached",
    "peak",
    "peak_reserved",
    "resident_growth",
    "out_error_l2",
    "out_error_max",
}
SUFFIXES = {"s": "_s", "bytes": "_bytes", "1": "", "J": "_j", "W": "_w", "MHz": "_mhz", "C": "_c"}
# Labels that a reader of energy, of a flag, or of what was really set and checked, needs.
PROVENANCE = (
    "energy_by",
    "energy_of",
    "throttled_by",
    "switches",
    "put_back",
    "changed",
    "compiled_graphs",
    "eager_beside",
    "graph_breaks",
    "inputs",
    "not_compared",
)

WORTH_TELLING = 0.001  # of a call: less outside of its phases is the clock's own

Columns = dict[str, float | None]


def work_rates(record: Record) -> Columns:
    """Return the work of a call over its time: `tokens_per_s`."""
    found = record.interval_of("time")
    if found is None:
        return {}
    return {f"{unit}_per_s": amount / found.estimate for unit, amount in record.case.work.items()}


def measured(record: Record, taken: Container[str]) -> Columns:
    """Return a column for every quantity that no fixed column tells.

    A name that is `taken`, or that the problem has given to a value of its own, is prefixed:
    a budget of `nfe` is asked, `measured_nfe` is what was spent.
    """
    found = {**_measured_once(record), **_sampled(record), **_of_quality(record), **_ranks(record)}
    values = record.case.values
    return {
        f"measured_{name}" if name in values or name in taken else name: value
        for name, value in found.items()
    }


def provenance(record: Record) -> dict[str, str]:
    """Return what counted the energy, and of what, and why a GPU was slow; nothing on most CPUs."""
    return {name: record.labels[name] for name in PROVENANCE if name in record.labels}


def column(record: Record, quantity: str, part: str = "") -> str:
    """Name a quantity's column, or the column of a part of it: `fd`, `fd_low`, `forward_s`."""
    unit = record.units.get(quantity, "s" if quantity == OUTSIDE else "1")
    words = re.sub(r"\W+", "_", unit.replace("/", "_per_")).strip("_")
    suffix = SUFFIXES.get(unit, f"_{words}")
    return quantity.removesuffix(suffix) + part + suffix


def _measured_once(record: Record) -> Columns:
    return {
        column(record, quantity): value
        for quantity, value in record.values.items()
        if quantity not in TOLD and not quantity.endswith("_error_over_budget")
    }


def _sampled(record: Record) -> Columns:
    """Return what the time role sampled beside the time, as its phases and what they leave."""
    others = [quantity for quantity in record.samples if quantity not in TOLD]
    if record.shares.get(OUTSIDE, 0.0) >= WORTH_TELLING:
        others.append(OUTSIDE)
    return {column(record, quantity): record.figure_of(quantity) for quantity in others}


def _of_quality(record: Record) -> Columns:
    columns: Columns = {}
    for quantity in record.trajectories:
        found = record.quality_of(quantity)
        if found is None:
            continue  # a trajectory: in trajectories.csv
        columns[column(record, quantity)] = found.estimate
        if found.low is not None:
            columns[column(record, quantity, "_low")] = found.low
            columns[column(record, quantity, "_high")] = found.high
    if record.trajectories:
        columns["seeds"] = max(len(by_seed) for by_seed in record.trajectories.values())
    return columns


def _ranks(record: Record) -> Columns:
    """Return the least and the most that a rank measured, and how far times lie apart."""
    columns: Columns = {}
    for quantity in record.by_rank:
        of_ranks = record.figures_of_ranks(quantity)
        columns[column(record, quantity, "_rank_min")] = min(of_ranks)
        columns[column(record, quantity, "_rank_max")] = max(of_ranks)
        job = record.interval_of("time")
        if quantity == "time" and job is not None:
            columns["rank_time_spread"] = (max(of_ranks) - min(of_ranks)) / job.estimate
    return columns
