"""What claims on precision share: pairs of policies, bounds, gaps in words. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench import Case
from bench.claims import Interval, Mean, Record, Verdict, estimate_mean, near
from suites.precision.naming import TELLING, WAYS

# Thresholds and their reasons; no run moves them.
SAME_LOSS = 0.01  # of float32's final loss: below what another seed changes
SPEEDUP = 1.5  # "a multiple of its speed", at the least

MIXED = "Micikevicius et al. 2018, arXiv:1710.03740"


def of_policy(records: Sequence[Record], variant: str) -> Iterator[Record]:
    """Return what a policy measured, steps taken plainly and no scale made to climb to its end."""
    own = (r for r in records if r.case.variant == variant and r.outcome == "ok")
    plain = (r for r in own if not any(r.case.values.get(way) for way in WAYS))
    return (r for r in plain if not r.case.options.get("growth_interval"))


def pairs(records: Sequence[Record], first: str, second: str) -> Iterator[tuple[Record, Record]]:
    """Pair the answers of two policies to the same question."""
    others = {record.case.question: record for record in of_policy(records, second)}
    for record in of_policy(records, first):
        if record.case.question in others:
            yield record, others[record.case.question]


def where(case: Case) -> str:
    """Name a workload by its width."""
    values = case.values
    sizes = [f"{name} {values[name]}" for name in ("dim", "channels") if name in values]
    return f"{case.problem.removesuffix('Training')} {' '.join(sizes)}".strip()


def gap_in_words(gap: Mean) -> str:
    """Write a gap with its interval over seeds."""
    if gap.low is None or gap.high is None:
        return f"loss gap {gap.estimate:+.3g} (one seed)"
    return f"loss gap {gap.estimate:+.3g} ({gap.low:+.3g} to {gap.high:+.3g}, {gap.count} seeds)"


def times_in_words(found: Interval) -> str:
    """Write a factor with its interval."""
    if found.low is None or found.high is None:
        return f"{found.estimate:.2f}"
    return f"{found.estimate:.2f} ({found.low:.2f}–{found.high:.2f})"


def ordinary(records: Sequence[Record]) -> list[Record]:
    """Leave out the workload that is made to tell policies apart: it is no usual training."""
    return [record for record in records if record.case.problem != TELLING]


def same(record: Record, gap: Mean) -> Verdict:
    """Hold where the gap is within 1 % of float32's loss."""
    final = record.quality_of("final_loss")
    if final is None:
        raise ValueError(f"{record.case.id}: expected a final_loss beside its loss_gap, got none")
    return near(gap, 0.0, SAME_LOSS * (final.estimate - gap.estimate))


def above(gap: Mean, least: float) -> Verdict:
    """Hold where a gap is beyond a bound for sure."""
    if gap.low is None or gap.high is None:
        return "untested"
    if gap.low > least:
        return "holds"
    return "fails" if gap.high <= least else "untested"


def beyond(record: Record, other: Record) -> Mean | None:
    """Return how far a final loss is above another's, as a share of it, paired by seed."""
    finals = [r.trajectories.get("final_loss", {}) for r in (record, other)]
    seeds = sorted(finals[0].keys() & finals[1].keys())
    shares = [finals[0][seed][0] / finals[1][seed][0] - 1 for seed in seeds]
    return estimate_mean(shares) if shares else None
