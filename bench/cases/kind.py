"""Kinds of cases: how noise behaves depends on what limits a case, so it is learned by kind."""

from bench.cases.case import Case

# Far below the ridge of any device, a case waits for memory; where it is declared to reuse what it
# loads more often than this, arithmetic is the larger part. Fixed, so that a kind is never chosen
# by looking at a time.
COMPUTE_FLOPS_PER_BYTE = 10.0

KINDS = ("compute", "memory", "training", "other", "threads", "ranks", "malloc", "gpu")


def kind_of(case: Case) -> str:
    """Return one of `KINDS`, from what the case declares alone."""
    if case.device != "cpu":
        return "gpu"
    if case.allocator == "system":
        return "malloc"  # it adapts to what a process did before: noise of its own
    if case.ranks > 1:
        return "ranks"
    if case.threads > 1:
        return "threads"
    if case.pass_ == "train":
        return "training"
    if not case.flops or not case.bytes_moved:
        return "other"
    return "compute" if case.flops > COMPUTE_FLOPS_PER_BYTE * case.bytes_moved else "memory"
