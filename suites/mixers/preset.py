"""What each preset asks of mixers. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Sweep, sweep

SMALL: dict[str, Axis] = {"width": 64, "num_heads": 4}


def smoke(device: str) -> list[Sweep]:
    """Show every mixer once, and what one of them learns."""
    return [sweep("Layer", **SMALL, seqlen=256)]


def quick(device: str) -> list[Sweep]:
    return smoke(device)


def standard(device: str) -> list[Sweep]:
    return smoke(device)


def full(device: str) -> list[Sweep]:
    return smoke(device)
