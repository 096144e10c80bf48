"""Which device a selection runs on, and which cases of several ranks its GPUs can take."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator

import torch

from bench.cases.costs import class_of
from bench.cases.sweep import Sweep, Values
from bench.errors import UserError

Asked = tuple[Sweep, Values]
Placed = tuple[str, Sweep, Values]  # on which device


def num_gpus() -> int:
    """Return how many GPUs torch may use; 0 of a build for CPUs."""
    return torch.cuda.device_count() if torch.version.cuda else 0


def choose_device(asked: str, absent: bool = False) -> str:
    """Resolve `auto`; refuse a device that is not there, unless it may be `absent`."""
    gpus = num_gpus()
    if asked == "auto":
        return "cuda:0" if gpus else "cpu"
    device = "cuda:0" if asked == "cuda" else asked
    if not is_absent(device) or (absent and re.fullmatch(r"cuda:[0-9]{1,3}", device)):
        return device
    valid = ", ".join(["cpu", *(f"cuda:{i}" for i in range(gpus))])
    raise UserError(f"--device {asked}: expected one of {valid} on this machine")


def is_absent(device: str) -> bool:
    """Say whether a device is not of this machine."""
    return device not in ("cpu", *(f"cuda:{i}" for i in range(num_gpus())))


def placed(
    device: str, asked: Callable[[str], list[Asked]], ranks_given: bool, nodes: int = 1
) -> Iterator[Placed]:
    """Yield what is asked, and where; `asked` tells what a preset asks of a class of devices.

    Ranks need a GPU each, and every node has as many as this one: what needs more is left out, and
    of a problem of which nothing on ranks is left, the preset's cases for CPUs are asked beside it.
    Ranks that the user has given stay.
    """
    kind = class_of(device)
    points = asked(kind)
    if kind == "cpu" or ranks_given:
        yield from ((device, *point) for point in points)
        return
    most = max(num_gpus(), 1) * nodes
    yield from ((device, *point) for point in points if _ranks(point) <= most)
    if beside := _without_ranks(points, most):
        told = ", ".join(sorted(beside))
        print(f"{told}: a rank needs a GPU, here {most}; asked of CPU ranks", file=sys.stderr)
        yield from (("cpu", *point) for point in asked("cpu") if point[0].problem in beside)


def _without_ranks(points: list[Asked], most: int) -> set[str]:
    """Return the problems of several ranks none of which the GPUs can take."""
    several = {point[0].problem for point in points if _ranks(point) > 1}
    return several - {point[0].problem for point in points if 1 < _ranks(point) <= most}


def _ranks(point: Asked) -> int:
    ranks = point[1].get("ranks", 1)
    return ranks if isinstance(ranks, int) else 1
