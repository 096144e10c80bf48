"""Every preset asks the same of faults; none of them runs unless it is named."""

from bench.sweep import Sweep, sweep


def smoke(device: str) -> list[Sweep]:
    """Run every fault once."""
    return [sweep("Double", dtype="float32")]


quick = standard = full = smoke
