"""What the literature says of the time of a step beside DDP's and one process's. Torch-free.

Times are of one run's own rounds, in pairs. What an engine does besides sending (copies of its own,
a collective that is run as another one) is part of its time, and is not what the papers speak of:
figures name the traffic beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.answers import factor
from bench.claims import Finding, Interval, Mean, Record, Verdict, at_least, at_most, claim
from suites.distributed.claimed import ZERO, finding, named
from suites.distributed.costs import resharding_share
from suites.distributed.pairs import REPLICAS, Pair, Timed, efficiency, exposed, hidden

DDP = "Li et al. 2020, arXiv:2006.15704, "
FSDP = "Zhao et al. 2023, arXiv:2304.11277, section 3.2.1"

# Bounds and their reasons; no run moves them.
AS_LONG = 1.1  # of what is allowed: a tenth more is a cost that a user would see
REPLICAS_MOVE = 2  # Psi
NEAR_LINEAR = 0.9  # of perfect scaling
TOO_WIDE = 2.0  # between the ends of a share: it says nothing


@claim(ZERO + "section 7.2.1")
def stages_1_and_2_take_no_longer_than_replicas(records: Sequence[Record]) -> Finding:
    """ZeRO up to stage 2 moves what replicas do, and takes no longer (within a tenth)."""
    return _beside_replicas(records, (1, 2), 2)


@claim(ZERO + "section 7.2.2")
def stage_3_takes_at_most_half_more(records: Sequence[Record]) -> Finding:
    """Stage 3 moves half more than replicas do, and takes at most half more (and a tenth)."""
    return _beside_replicas(records, (3,), 3)


@claim(FSDP)
def gathering_again_for_backward_costs_time(records: Sequence[Record]) -> Finding:
    """Resharding after forward, which gathers again for backward, takes longer than keeping."""
    figures: list[str] = []
    judged: list[Verdict] = []
    timed = Timed(records)
    for record in timed.over_ranks():
        pair = timed.beside_kept(record)
        if pair is not None:
            found = pair.factor()
            judged.append(at_least(found, 1.0))
            share = resharding_share(pair)
            figures.append(
                f"{named(record)}: {factor(found)} the time of {pair.other.case.variant}; "
                f"{_percent(share)} of a step is resharding's{_gathered(pair)}"
            )
    return finding(judged, figures, "no strategy was timed with and without resharding")


@claim(DDP + "abstract")
def replicas_scale_near_linearly(records: Sequence[Record]) -> Finding:
    """At equal work a rank, replicas keep at least 0.9 of one process's speed."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record, timed in _replicas(records):
        weak = efficiency(timed.beside_one_at_equal_share(record), 1)
        strong = efficiency(timed.beside_one_at_equal_total(record), record.case.ranks)
        if weak is not None:
            judged.append(at_least(weak, NEAR_LINEAR))
            told = f"{named(record)}: {_share(weak)} at equal work a rank"
            figures.append(f"{told}, {_share(strong)} at equal total work" if strong else told)
    return finding(judged, figures, "no replicas were timed beside one process with a rank's batch")


@claim(DDP + "section 3.2.3")
def replicas_hide_communication_behind_backward(records: Sequence[Record]) -> Finding:
    """Reducing buckets while backward runs hides some of the communication."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record, _ in _replicas(records):
        share, waits = hidden(record), exposed(record)
        if share is not None and waits is not None:
            judged.append(at_least(share, 0.0))
            figures.append(
                f"{named(record)}: ranks wait {waits.estimate:.0%} of a step; of what the "
                f"collectives take alone, {_percent(share)} is hidden"
            )
    return finding(judged, figures, "no replicas were timed beside their collectives alone")


def _beside_replicas(records: Sequence[Record], stages: tuple[int, ...], moves: int) -> Finding:
    """Hold strategies that are to move so many Psi to as many times DDP's time."""
    figures: list[str] = []
    judged: list[Verdict] = []
    timed = Timed(records)
    for record in timed.over_ranks():
        values, pair = record.values, timed.beside_replicas(record)
        psi = values["num_parameters"]
        as_paper = values.get("traffic_paper_elements") == moves * psi
        if pair is not None and as_paper and values["zero_stage"] in stages:
            found = pair.factor()
            judged.append(at_most(found, AS_LONG * moves / REPLICAS_MOVE))
            moved = values["traffic_elements"] / psi
            figures.append(f"{named(record)}: {factor(found)} DDP's time, {moved:.2f} Psi moved")
    nothing = f"no strategy of stage {' or '.join(map(str, stages))} was timed beside DDP"
    return finding(judged, figures, nothing)


def _replicas(records: Sequence[Record]) -> Iterator[tuple[Record, Timed]]:
    timed = Timed(records)
    return ((r, timed) for r in timed.over_ranks() if r.case.variant == REPLICAS)


def _gathered(pair: Pair) -> str:
    """Tell the elements that both gather."""
    psi = pair.record.values["num_parameters"]
    own, kept = (r.values.get("all_gather_elements") for r in (pair.record, pair.other))
    if own is None or kept is None:
        return ""
    return f" (all-gather {own / psi:.2f} Psi instead of {kept / psi:.2f})"


def _share(found: Interval) -> str:
    return _ends(found, "{:.2f}")


def _percent(found: Interval | Mean) -> str:
    return _ends(found, "{:.0%}")


def _ends(found: Interval | Mean, form: str) -> str:
    told = form.format(found.estimate)
    if found.low is None or found.high is None:
        return f"{told} (one round)"
    if found.high - found.low > TOO_WIDE:
        return f"{told} (no bounds from so few rounds)"
    return f"{told} ({form.format(found.low)} to {form.format(found.high)})"
