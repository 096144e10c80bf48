"""How far sessions differ, for two runs that were recorded apart."""

from __future__ import annotations

from bench.apart import Spread
from bench.store import Run


def session_spread_of(base: Run, new: Run, kind: str) -> Spread | None:
    """Return the spread between sessions of a kind of case; None where it was never learned."""
    # SEAM: to be answered by what `bench selftest` stored with both runs, and on this machine.
    return None
