"""The slowdown that a comparison must exclude: as a user writes it, and as noise here allows it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from bench.errors import UserError
from bench.judging.bounds import ERROR, looks_for
from bench.judging.statistics import t_quantile
from bench.store.known_noise import Noise

Limit = float | Literal["auto", "off"]

LEAST, MOST = 0.001, 1.0
MISSED = 0.1  # how often noise alone may keep unchanged cases from being excluded


def parse_limit(text: str) -> Limit | None:
    """Read `5%` or `0.05` as a share, `auto` and `off` as they are, and nothing as None."""
    words = text.strip().lower()
    if words in ("auto", "off"):
        return "auto" if words == "auto" else "off"
    if not words:
        return None
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(%?)", words)
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not LEAST <= share <= MOST or (match and not match[2] and share == 1):
        raise UserError(
            f"--at-most '{text}': expected a slowdown from 0.1% to 100%, such as 5% or 0.05; "
            "auto, which is what this machine's noise allows; or off"
        )
    return share


def reachable(noise: Noise | None, kinds: Iterable[str], first_rounds: int) -> dict[str, float]:
    """Return the slowdown that unchanged cases can exclude at the second look, as a whole percent.

    By kind, of those that selftests here know; `kinds` has an entry a case. All cases together fail
    to exclude it in `MISSED` of comparisons.
    """
    own = list(kinds)
    spreads = {kind: noise.pair_spread(kind) for kind in sorted({*own})} if noise else {}
    return {
        kind: _limit(spread.sd, len(own), first_rounds)
        for kind, spread in spreads.items()
        if spread
    }


def _limit(sd: float, num_cases: int, first_rounds: int) -> float:
    looks = looks_for(first_rounds)
    error, freedom = sd * math.sqrt(2 / looks[1]), looks[1] - 1
    quantiles = t_quantile(1 - ERROR / len(looks) / num_cases, freedom)
    quantiles += t_quantile(1 - MISSED / num_cases, freedom)
    return min(MOST, math.ceil(100 * math.expm1(quantiles * error)) / 100)


def in_words(at_most: float, limits: Mapping[str, float]) -> str:
    """Write the limit, or what noise allows by kind where that differs."""
    if len({*limits.values()}) < 2:
        return f"{100 * at_most:g} %"
    told = sorted(limits.items(), key=lambda one: one[1])
    return (
        "what noise here allows, " + ", ".join(f"{100 * s:g} % ({kind})" for kind, s in told) + ","
    )
