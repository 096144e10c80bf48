"""Every preset asks the same of faults; none of them runs unless it is named."""

from bench import Sweep, sweep


def smoke(device: str) -> list[Sweep]:
    """Run every fault once; those of ranks on two."""
    return [
        sweep("Double", dtype="float32"),
        sweep("Square", dtype="float32"),
        sweep("GradedDouble", dtype="float32", quality_seeds=2),
        sweep("SumOverRanks", dtype="float32", ranks=2),
    ]


quick = standard = full = smoke
