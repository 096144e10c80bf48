"""How long attempts took on this machine, kept from run to run: estimates are learned from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Self

import msgspec

from bench.cases.bounds import Seconds, Text, Within
from bench.cases.case import Attempt, Case, Role
from bench.cases.costs import class_of, declared_s
from bench.errors import UserError
from bench.store import decode, read_regular, write_whole
from bench.system.cache import cache_folder

MOST_CASES = 20_000  # the latest; a preset has hundreds
LEAST, MOST = 1e-3, 1e3  # of a factor that says how machines differ

Factor = Annotated[float, Within(LEAST, MOST)]


Key = tuple[str, Role]


@dataclass(frozen=True)
class Durations:
    """Seconds of attempts beside their samples by role and case, and how well constants do.

    `kinds` says how many times the declared seconds the attempts of a kind took. Of the cases that
    `ended` at their check, which are unsupported for most of it, nothing more is expected.
    """

    cases: dict[Text, Seconds] = field(default_factory=dict)
    kinds: dict[Text, Factor] = field(default_factory=dict)
    ended: list[Text] = field(default_factory=list)

    def known_s(self, case: Case, role: Role) -> float | None:
        """Return what this very case took; None where it never ran here."""
        return self.cases.get(_name(case.id, role))

    def factor(self, case: Case, role: Role) -> float | None:
        """Return the factor of the same kind of case, else of the device; None where none ran."""
        if own := self.kinds.get(kind_of_attempt(case, role)):
            return own
        device = f"{class_of(case.device)} "
        of_device = [factor for kind, factor in self.kinds.items() if kind.startswith(device)]
        return median(of_device) if of_device else None

    def updated(self, cases: Iterable[Case], attempts: Iterable[Attempt], share_s: float) -> Self:
        """Return these with what more attempts took; the latest of a case counts."""
        by_id, made = {case.id: case for case in cases}, list(attempts)
        took = _medians([attempt for attempt in made if attempt.outcome == "ok"], share_s)
        latest = {_name(*key): seconds for key, seconds in took.items()}
        earlier = {name: seconds for name, seconds in self.cases.items() if name not in latest}
        together = [*earlier.items(), *latest.items()][-MOST_CASES:]
        return type(self)(
            dict(together), self.kinds | _factors(by_id, took), _ended(self.ended, made)
        )


def _medians(attempts: Iterable[Attempt], share_s: float) -> dict[Key, float]:
    """Return the seconds beside samples by case and role; a budget may have shortened samples."""
    seen: dict[Key, list[float]] = {}
    for attempt in attempts:
        sampled_s = min(share_s, attempt.window.seconds) if attempt.window else 0.0
        beside_s = max(attempt.elapsed_s - sampled_s, LEAST)
        seen.setdefault((attempt.case, attempt.role), []).append(beside_s)
    return {key: median(times) for key, times in seen.items()}


def _ended(before: Iterable[str], attempts: Iterable[Attempt]) -> list[str]:
    """Return the cases whose last check failed."""
    outcomes = dict.fromkeys(before, "failed")
    outcomes |= {a.case: a.outcome for a in attempts if a.role == "check"}
    return [case for case, outcome in outcomes.items() if outcome != "ok"][-MOST_CASES:]


def _factors(by_id: Mapping[str, Case], took: Mapping[Key, float]) -> dict[str, float]:
    """Return by kind how many times its constants the cases took."""
    found: dict[str, list[float]] = {}
    for (name, role), seconds in took.items():
        factor = seconds / declared_s(by_id[name], role)
        found.setdefault(kind_of_attempt(by_id[name], role), []).append(factor)
    return {kind: min(max(median(own), LEAST), MOST) for kind, own in found.items()}


def _name(case: str, role: Role) -> str:
    return f"{role} {case}"


def kind_of_attempt(case: Case, role: Role) -> str:
    """Name what attempts that cost alike share: device, suite, role, and whether ranks start."""
    ranks = " of ranks" if case.ranks > 1 else ""
    return f"{class_of(case.device)} {case.suite} {role}{ranks}"


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
    machine_id: str, cases: Iterable[Case], attempts: Iterable[Attempt], share_s: float
) -> None:
    """Keep what attempts took; a cache that cannot be written costs the estimate alone."""
    path = durations_path(machine_id)
    found = learned(machine_id).updated(cases, attempts, share_s)
    with contextlib.suppress(OSError, UserError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(found) + b"\n")
