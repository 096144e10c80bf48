"""What a policy risks: how it ends on the workload that is made to tell policies apart. Torch-free.

What ends within 1 % of float32's loss there need not fear small steps, small gradients and
coarse products; of what does not, this says by how much it is behind.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import Answer, Mean, Record, counted, estimate_mean, listed, name_of

SAFE = 0.01  # of float32's final loss
MOST = 12  # names that are listed


def answer(base: Record, others: Sequence[Record]) -> Answer | None:
    """Say who keeps float32's loss on the telling workload, and how far the others are behind."""
    field = [record.case for record in others]
    found = {name_of(r.case, field): mean for r in others if (mean := beyond(r)) is not None}
    diverged = [name_of(r.case, field) for r in others if "diverged_at_step" in r.trajectories]
    if not found and not diverged:
        return None
    safe = [name for name, mean in found.items() if _within(mean)]
    behind = {name: mean for name, mean in found.items() if mean.low is not None and mean.low > 0}
    worst = sorted((n for n in behind if n not in safe), key=lambda n: behind[n].estimate)
    told = [f"{name} {_behind(behind[name])}" for name in worst]
    parts = [
        _who(safe, "keeps", "keep", " float32's loss within 1 %"),
        f"behind {'end' if len(told) > 1 else 'ends'} {', '.join(told)}" if told else "",
        _who(diverged, "diverges", "diverge"),
    ]
    seeds = max((mean.count for mean in found.values()), default=1)
    said = "; ".join(filter(None, parts)) or "none is told apart from float32"
    where = "The risk, where steps and gradients are small"
    return Answer(f"{where} ({base.case.problem}, {counted(seeds, 'seed')}): {said}.", [base])


def told(taken: Sequence[Record], telling: Sequence[Record]) -> str:
    """Say how what is to be taken ends on the telling workload; nothing where it was not asked."""
    cases = [record.case for record in taken]
    ends = []
    for record in taken:
        own = (r for r in telling if _same_policy(r, record))
        mean = next(filter(None, map(beyond, own)), None)
        if mean is not None:
            ends.append(f"{name_of(record.case, cases)} {_ending(mean)}")
    return f"; where steps and gradients are small {', '.join(ends)}" if ends else ""


def _same_policy(record: Record, other: Record) -> bool:
    own, others = record.case, other.case
    return own.variant == others.variant and own.options == others.options


def _ending(mean: Mean) -> str:
    if _within(mean):
        return "keeps it too"
    told_apart = mean.low is not None and mean.low > 0
    return f"ends {_behind(mean)}" if told_apart else "is not told apart from it"


def beyond(record: Record) -> Mean | None:
    """Return how far the loss ends beyond float32's, as a share of it, paired by seed."""
    gaps, finals = (record.trajectories.get(name, {}) for name in ("loss_gap", "final_loss"))
    shares = [
        gaps[seed][0] / own for seed in sorted(gaps.keys() & finals.keys())
        if (own := finals[seed][0] - gaps[seed][0])
    ]  # fmt: skip
    return estimate_mean(shares) if shares else None


def _within(mean: Mean) -> bool:
    return mean.low is not None and mean.high is not None and max(-mean.low, mean.high) <= SAFE


def _behind(mean: Mean) -> str:
    """Write a share as percents, or as how many times float32's loss it is."""
    if mean.estimate < 1:
        return f"{100 * mean.estimate:+.2g} %"
    return f"at {1 + mean.estimate:.2g} times float32's"


def _who(names: Sequence[str], one: str, several: str, what: str = "") -> str:
    """Say what names do; nothing where there are none."""
    return f"{listed(names, MOST)} {one if len(names) == 1 else several}{what}" if names else ""
