"""How far the loss of ranks strays from that of one process. Torch-free."""

from __future__ import annotations

from bench.claims import Record

# Of the first loss, and far below what another seed changes: a thousand roundings of float32; half
# a last place of bfloat16, in which each logit is rounded before the mean over all is taken.
LOSS_WITHIN = {"float32": 1e-4, "bf16_mixed": 2**-9}


def loss_gap(record: Record, alone: Record | None) -> float | None:
    """Return the largest difference at any step, of one process's first loss on the same seed.

    Roundings go with the size of what is added up, which does not shrink as the loss does. None
    where there is no such process, or no seed in common.
    """
    if alone is None:
        return None
    ours, theirs = (r.trajectories.get("loss", {}) for r in (record, alone))
    gaps = [
        abs(mine - other) / max(abs(theirs[seed][0]), abs(other))
        for seed in ours.keys() & theirs.keys()
        for mine, other in zip(ours[seed], theirs[seed], strict=True)
    ]
    return max(gaps, default=None)
