"""What a user writes on the command line, as numbers; refused in one line."""

from __future__ import annotations

import math

from bench.errors import UserError, unknown
from suites.distributed.planning.holding import LARGEST
from suites.distributed.planning.strategies import PLANNED, Planned


def parameters(text: str) -> float:
    """Return a number of parameters, as 7.5e9."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 1 <= found <= LARGEST:
        raise UserError(
            f"--params '{text}': expected a number from 1 to {LARGEST:g}, such as 7.5e9"
        )
    return found


def strategies(text: str) -> list[Planned]:
    """Return the strategies that a list of names asks for; all where it is empty."""
    known = {strategy.name: strategy for strategy in PLANNED}
    names = [name.strip() for name in text.split(",")] if text else list(known)
    for name in names:
        if name not in known:
            raise unknown("strategy", name, known)
    return [known[name] for name in dict.fromkeys(names)]


def gigabytes(count: float) -> str:
    """Write bytes in GB, which are 1e9 of them, to a digit that is worth it."""
    found = count / 1e9
    return "0" if found == 0 else f"{found:.0f}" if found >= 99.5 else f"{found:.3g}"
