"""Bytes as a user writes them."""

from __future__ import annotations

import math
import re

from bench.errors import UserError

UNITS = {f"{p}B": 1000**n for n, p in enumerate("KMGT", 1)}
UNITS |= {f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)}
MOST = 1e18


def size_of(text: str, option: str) -> float:
    """Return bytes; a unit must be there, for GB and GiB are not the same."""
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([KMGT]i?B)\s*", text)
    try:
        found = float(match[1]) * UNITS[match[2]] if match else math.nan
    except ValueError:
        found = math.nan
    if not 1 <= found <= MOST:
        raise UserError(f"{option} '{text}': expected a size with its unit, as 80GB or 80GiB")
    return found
