"""How long attempts take: declared, learned from earlier runs here, and corrected as a run goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.cases.case import Case, Role
from bench.cases.costs import SERVER_CPU_S, SERVER_START_S, class_of, declared_s
from bench.running.durations import LEAST, Durations, kind_of_attempt, learned
from bench.running.lanes import beside
from bench.store import Run

SHARE_MIN_S = 0.05  # of an attempt: less samples nothing
MOST_APART = 8.0  # by which a machine may be slower, or faster, than that of the constants
BY_CONSTANTS = "counted from declared constants"
BY_EARLIER = "by what attempts took here before"


def pace_of(run: Run) -> Pace:
    """Return the pace of a run, as it stood when its last session began."""
    environment = run.last_session.environment
    return pace_here(str(environment.get("machine_id", "")), environment, run.manifest.share_s)


def pace_here(machine_id: str, hello: Mapping[str, Any], share_s: float) -> Pace:
    """Return the pace of a machine; `hello` is a server's, which tells what its start took."""
    slower = float(hello.get("start_cpu_s") or SERVER_CPU_S) / SERVER_CPU_S
    speed = min(max(slower, 1 / MOST_APART), MOST_APART)
    return Pace(share_s, learned(machine_id), speed)


class Pace:
    """Expects seconds of attempts: by `known` ones, else by constants.

    `speed` says how many times slower than the constants' own machine this CPU is, where no run has
    shown it. What this run takes corrects all of its kind by one factor.
    """

    def __init__(self, share_s: float, known: Durations | None = None, speed: float = 1.0):
        self.share_s = share_s
        self._known, self._speed = known or Durations(), speed
        self._ended = frozenset(self._known.ended)
        self._seen_s: dict[str, tuple[float, float]] = {}  # by kind: taken, and expected of it

    def took(self, case: Case, role: Role, seconds: float) -> None:
        """Learn from one attempt."""
        kind, beside_s = kind_of_attempt(case, role), seconds - self._sampling_s(case, role)
        taken_s, expected_s = self._seen_s.get(kind, (0.0, 0.0))
        self._seen_s[kind] = taken_s + max(beside_s, 0.0), expected_s + self.before_s(case, role)

    def goes_on(self, case: Case) -> bool:
        """Say whether more of a case is to be expected than its check."""
        return case.id not in self._ended

    def before_s(self, case: Case, role: Role) -> float:
        """Return the seconds of an attempt beside its share, before this run shows."""
        known_s = self._known.known_s(case, role)
        if known_s is not None:
            return known_s
        factor = self._known.factor(case, role)
        if factor is None:
            factor = self._speed if class_of(case.device) == "cpu" else 1.0
        return factor * declared_s(case, role)

    def beside_s(self, case: Case, role: Role) -> float:
        """Return the seconds beside its share that another attempt is likely to add to the run."""
        taken_s, expected_s = self._seen_s.get(kind_of_attempt(case, role), (1.0, 1.0))
        return self.before_s(case, role) * max(taken_s / expected_s, LEAST) / beside(case, role)

    def start_s(self, case: Case) -> float:
        """Return the seconds that one more process of a case is likely to take beside its share."""
        return max(self.beside_s(case, "time"), LEAST)

    def expected_s(self, case: Case, role: Role) -> float:
        """Return the seconds that another attempt is likely to take."""
        return self.beside_s(case, role) + self._sampling_s(case, role)

    def left_s(self, attempts: Sequence[tuple[Case, Role]]) -> float:
        """Return the seconds these attempts are likely to take."""
        return sum(self.expected_s(case, role) for case, role in attempts)

    def fitting_share_s(self, timed: Sequence[tuple[Case, Role]], left_s: float) -> float:
        """Return the share, shortened where these timed attempts would not fit the time left."""
        if not timed or left_s == float("inf"):
            return self.share_s
        beside_s = sum(self.beside_s(case, role) for case, role in timed)
        fitting_s = (0.9 * left_s - beside_s) / sum(case.shares for case, _ in timed)
        return min(self.share_s, max(fitting_s, SHARE_MIN_S))

    @property
    def server_start_s(self) -> float:
        """Return the seconds until a round's servers are up."""
        return SERVER_START_S * self._speed

    def basis(self, cases: Sequence[Case]) -> str:
        """Say what an estimate stands on."""
        known = sum(self._known.factor(case, "check") is not None for case in cases)
        nothing = f"{BY_CONSTANTS}: nothing like it has run here"
        return BY_EARLIER if 2 * known > len(cases) else nothing

    def _sampling_s(self, case: Case, role: Role) -> float:
        return case.shares * self.share_s if role == "time" else 0.0
