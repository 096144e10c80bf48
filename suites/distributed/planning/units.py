"""What a user writes on the command line, as numbers; refused in one line."""

from __future__ import annotations

import math
import re

from bench.errors import UserError, unknown
from suites.distributed.planning.holding import LARGEST
from suites.distributed.planning.strategies import PLANNED, Planned

UNITS = {f"{p}B": 1000**n for n, p in enumerate("KMGT", 1)}
UNITS |= {f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)}


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


def memory(text: str) -> float:
    """Return bytes; a unit must be there, for GB and GiB are not the same."""
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([KMGT]i?B)\s*", text)
    try:
        found = float(match[1]) * UNITS[match[2]] if match else math.nan
    except ValueError:
        found = math.nan
    if not 1 <= found <= 1e18:
        raise UserError(f"--gpu-memory '{text}': expected a size with its unit, as 80GB or 80GiB")
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
