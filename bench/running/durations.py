"""How long attempts took on this machine, kept from run to run: estimates are learned from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Self

import msgspec

from bench.cases.bounds import Seconds, Text, Within
from bench.cases.case import Attempt, Case, Role
from bench.cases.costs import class_of, declared_s
from bench.errors import UserError
from bench.store import decode, read_regular, write_whole
from bench.store.allocated import Allocation
from bench.system.cache import cache_folder
from bench.timing.sampling import WARM_UP_SHARE

MOST_CASES = 20_000  # the latest; a preset has hundreds
LEAST, MOST = 1e-3, 1e3  # of a factor that says how machines differ
_KEPT = 0.5  # of the weight of what earlier runs showed of a kind

Factor = Annotated[float, Within(LEAST, MOST)]


Key = tuple[str, Role]


@dataclass(frozen=True)
class Durations:
    """Seconds of processes beside their shares by role and case, and how well constants do.

    `kinds` says how many times the declared seconds the attempts of a kind took, `weights` of how
    many declared seconds that was learned. Of the cases that `ended` at their check, which are
    unsupported for most of it, nothing more is expected.
    """

    cases: dict[Text, Seconds] = field(default_factory=dict)
    kinds: dict[Text, Factor] = field(default_factory=dict)
    weights: dict[Text, Seconds] = field(default_factory=dict)
    ended: list[Text] = field(default_factory=list)

    def known_s(self, case: Case, role: Role) -> float | None:
        """Return what this very case took; None where it never ran here."""
        return self.cases.get(_name(case.id, role))

    def factor(self, case: Case, role: Role) -> float | None:
        """Return the factor of the same kind of case; else of the nearest; None where none ran.

        Nearest is the same role of other suites, then everything on that class of device.
        """
        if own := self.kinds.get(kind_of_attempt(case, role)):
            return own
        device, likewise = f"{class_of(case.device)} ", _likewise(case, role)
        of_device = [kind for kind in self.kinds if kind.startswith(device)]
        nearest = [kind for kind in of_device if kind.split(" ", 2)[2] == likewise] or of_device
        weights = [max(self.weights.get(kind, 0.0), LEAST) for kind in nearest]
        return fmean((self.kinds[kind] for kind in nearest), weights) if nearest else None

    def updated(
        self,
        cases: Iterable[Case],
        attempts: Iterable[Attempt],
        share_s: float,
        allocated: Mapping[str, Allocation] | None = None,
    ) -> Self:
        """Return these with what more attempts took; the latest of a case counts."""
        by_id, made = {case.id: case for case in cases}, list(attempts)
        sound = [attempt for attempt in made if attempt.outcome == "ok"]
        took = _medians(
            sound, {name: one.shares * share_s for name, one in by_id.items()}, allocated or {}
        )
        latest = {_name(*key): seconds for key, seconds in took.items()}
        earlier = {name: seconds for name, seconds in self.cases.items() if name not in latest}
        together = [*earlier.items(), *latest.items()][-MOST_CASES:]
        kinds, weights = self._weighed(_declared(by_id, took))
        return type(self)(dict(together), kinds, weights, _ended(self.ended, made))

    def _weighed(
        self, seen: Mapping[str, tuple[float, float]]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return factors and weights with what was `seen` of kinds: taken, and declared of it.

        What was known counts half: machines change, and a run of one case says little of many.
        Means, not medians: a run takes the sum of its attempts.
        """
        kinds, weights = dict(self.kinds), dict(self.weights)
        for kind, (taken_s, declared) in seen.items():
            known = _KEPT * weights.get(kind, 0.0)
            weights[kind] = known + declared
            factor = (known * kinds.get(kind, 0.0) + taken_s) / weights[kind]
            kinds[kind] = min(max(factor, LEAST), MOST)
        return kinds, weights


def _medians(
    attempts: Iterable[Attempt], shares_s: Mapping[str, float], allocated: Mapping[str, Allocation]
) -> dict[Key, float]:
    """Return the seconds of a process beside its share, by case and role."""
    seen: dict[Key, list[float]] = {}
    for attempt in attempts:
        beside_s = attempt.elapsed_s - _share_s(attempt, shares_s[attempt.case], allocated)
        seen.setdefault((attempt.case, attempt.role), []).append(max(beside_s, LEAST))
    return {key: median(times) for key, times in seen.items()}


def _share_s(attempt: Attempt, share_s: float, allocated: Mapping[str, Allocation]) -> float:
    """Return the share that a process had: of warming up, and of the samples in its window."""
    if attempt.window is None:
        return 0.0
    if own := allocated.get(attempt.case):
        return own.share_s
    return min(share_s, attempt.window.seconds / (1 - WARM_UP_SHARE))  # a budget may have cut it


def _ended(before: Iterable[str], attempts: Iterable[Attempt]) -> list[str]:
    """Return the cases whose last check failed."""
    outcomes = dict.fromkeys(before, "failed")
    outcomes |= {a.case: a.outcome for a in attempts if a.role == "check"}
    return [case for case, outcome in outcomes.items() if outcome != "ok"][-MOST_CASES:]


def _declared(
    by_id: Mapping[str, Case], took: Mapping[Key, float]
) -> dict[str, tuple[float, float]]:
    """Return by kind the seconds that its cases took, and what constants say of them."""
    found: dict[str, tuple[float, float]] = {}
    for (name, role), seconds in took.items():
        kind = kind_of_attempt(by_id[name], role)
        taken_s, expected_s = found.get(kind, (0.0, 0.0))
        found[kind] = taken_s + seconds, expected_s + declared_s(by_id[name], role)
    return found


def _name(case: str, role: Role) -> str:
    return f"{role} {case}"


def kind_of_attempt(case: Case, role: Role) -> str:
    """Name what attempts that cost alike share: device, suite, role, ranks, nodes, a compiler."""
    return f"{class_of(case.device)} {case.suite} {_likewise(case, role)}"


def _likewise(case: Case, role: Role) -> str:
    ranks = " of nodes" if case.nodes > 1 else " of ranks" if case.ranks > 1 else ""
    return f"{role}{ranks}{' compiled' if case.compiles else ''}"


def durations_path(machine_id: str) -> Path:
    """Return the file of a kind of machine, its GPUs included."""
    return cache_folder() / "durations" / f"{machine_id}.json"


def learned(machine_id: str) -> Durations:
    """Return what is known of a machine; nothing where the file is damaged: it only estimates."""
    path = durations_path(machine_id)
    try:
        data = read_regular(path)
        return decode(data, Durations, str(path)) if data is not None else Durations()
    except UserError:
        return Durations()


def learn(
    machine_id: str,
    cases: Iterable[Case],
    attempts: Iterable[Attempt],
    share_s: float,
    allocated: Mapping[str, Allocation] | None = None,
) -> None:
    """Keep what attempts took; a cache that cannot be written costs the estimate alone."""
    path = durations_path(machine_id)
    found = learned(machine_id).updated(cases, attempts, share_s, allocated)
    with contextlib.suppress(OSError, UserError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(found) + b"\n")
