"""What the literature says of activation checkpointing, on one device. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log

from bench.claims import Finding, Record, Verdict, claim
from suites.distributed.claimed import finding, named

CHEN = "Chen et al. 2016, arXiv:1604.06174, section 4"
POWER_WITHIN = (
    0.1  # what does not grow with depth at all, and layers that make no square, allow for
)
LEAST_FORWARD = 0.5  # torch stops as soon as it has what backward wants, which spares a product


@claim(CHEN)
def checkpoints_keep_sqrt_of_layers(records: Sequence[Record]) -> Finding:
    """Activations of sqrt(L) checkpoints grow as the square root of the layers."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for group in _by_depth(records):
        for less, more in pairwise(sorted(group, key=_layers)):
            power = log(_beside(more) / _beside(less)) / log(_layers(more) / _layers(less))
            told = f"{named(less)}: {_layers(less)} to {_layers(more)} layers, power {power:.2f}"
            figures.append(f"{told} of what is alive beside model states at the peak")
            if less.case.options.get("checkpointing") == "sqrt":
                judged.append("holds" if power <= 0.5 + POWER_WITHIN else "fails")
    return finding(judged, figures, "no case with checkpointing=sqrt at several depths")


@claim(CHEN)
def checkpoints_cost_a_forward_more(records: Sequence[Record]) -> Finding:
    """Computing activations again takes about one more forward pass, in products."""
    figures: list[str] = []
    judged: list[Verdict] = []
    plain = {_key(r): r for r in _alone(records) if not r.case.options.get("checkpointing")}
    for record in _alone(records):
        kind, base = record.case.options.get("checkpointing"), plain.get(_key(record))
        if not kind or base is None:
            continue
        more = 3 * (record.values["products"] / base.values["products"] - 1)
        figures.append(f"{named(record)}, {_layers(record)} layers: {more:.2f} forward passes more")
        if kind != "selective":  # which keeps the products
            judged.append("holds" if LEAST_FORWARD <= more <= 1 else "fails")
    return finding(judged, figures, "no case with checkpointing beside one without")


def _alone(records: Sequence[Record]) -> Iterator[Record]:
    for record in records:
        known = {"products", "peak", "model_states"} <= record.values.keys()
        if record.outcome == "ok" and known and "num_layers" in record.case.values:
            yield record


def _by_depth(records: Sequence[Record]) -> list[list[Record]]:
    """Group records that differ in depth alone, those of several depths."""
    groups: dict[object, dict[int, Record]] = {}
    for record in _alone(records):
        asked = {k: v for k, v in record.case.values.items() if k != "num_layers"}
        kind = record.case.options.get("checkpointing")
        if not record.case.options.get("micro_batches"):
            key = (kind, record.case.device, *sorted(asked.items()))
            groups.setdefault(key, {})[_layers(record)] = record
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def _beside(record: Record) -> float:
    """Return the bytes alive at the peak that are no model states: activations, above all."""
    return record.values["peak"] - record.values["model_states"]


def _layers(record: Record) -> int:
    return int(record.case.values["num_layers"] or 0)


def _key(record: Record) -> tuple[object, ...]:
    case = record.case
    micro = case.options.get("micro_batches")
    return (case.problem, *sorted(case.values.items()), micro, case.device)
