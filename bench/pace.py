"""How long attempts take, by kind: learned while a run goes on, to tell how much is left."""

from __future__ import annotations

from collections.abc import Sequence

from bench.case import Case, Role
from bench.stopping import OVERHEAD_S, PREPARATION_S, QUALITY_S, RANKS_START_S, SHARE_MIN_S


class Pace:
    """Seconds of an attempt by suite, role and whether it starts ranks: guessed, then seen."""

    def __init__(self, share_s: float):
        self._share_s = share_s
        self._guess_s = {
            "check": PREPARATION_S / 2,
            "memory": PREPARATION_S / 2,
            "quality": QUALITY_S,
            "time": share_s + OVERHEAD_S,
        }
        self._seen_s: dict[tuple[str, Role, bool], tuple[float, int]] = {}

    def took(self, case: Case, role: Role, seconds: float) -> None:
        """Learn from one attempt."""
        kind = (case.suite, role, case.ranks > 1)
        total_s, count = self._seen_s.get(kind, (0.0, 0))
        self._seen_s[kind] = (total_s + seconds, count + 1)

    def expected_s(self, case: Case, role: Role) -> float:
        """Return the seconds another attempt of this kind is likely to take."""
        total_s, count = self._seen_s.get((case.suite, role, case.ranks > 1), (0.0, 0))
        if count:
            return total_s / count
        return self._guess_s[role] + (RANKS_START_S if case.ranks > 1 else 0.0)

    def left_s(self, attempts: Sequence[tuple[Case, Role]]) -> float:
        """Return the seconds these attempts are likely to take."""
        return sum(self.expected_s(case, role) for case, role in attempts)

    def fitting_share_s(self, timed: Sequence[tuple[Case, Role]], left_s: float) -> float:
        """Return the share, shortened where these timed attempts would not fit the time left."""
        if not timed or left_s == float("inf"):
            return self._share_s
        overhead_s = self.left_s(timed) - len(timed) * self._share_s
        fitting_s = (0.9 * left_s - overhead_s) / len(timed)
        return min(self._share_s, max(fitting_s, SHARE_MIN_S))
