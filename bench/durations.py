"""How long attempts took on this machine, kept from run to run: estimates are learned from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated

import msgspec

from bench.bounds import Seconds, Text, Within
from bench.cache import cache_folder
from bench.case import Attempt, Case, Role
from bench.costs import class_of, declared_s
from bench.errors import UserError
from bench.store import decode, read_regular, write_whole

MOST_CASES = 20_000  # the latest; a preset has hundreds
LEAST, MOST = 1e-3, 1e3  # of a factor that says how machines differ


@dataclass(frozen=True)
class Durations:
    """Seconds of attempts beside their samples, by role and case; and how many times the declared
    constants that is, by role and kind of case.
    """

    cases: dict[Text, Seconds] = field(default_factory=dict)
    kinds: dict[Text, Annotated[float, Within(LEAST, MOST)]] = field(default_factory=dict)

    def known_s(self, case: Case, role: Role) -> float | None:
        """Return what this very case took; None where it never ran here."""
        return self.cases.get(f"{role} {case.id}")

    def factor(self, case: Case, role: Role) -> float | None:
        """Return the factor of the same kind of case, else of the device; None where none ran."""
        device = class_of(case.device)
        if own := self.kinds.get(kind_of_attempt(case, role)):
            return own
        of_device = [f for kind, f in self.kinds.items() if kind.startswith(f"{device} ")]
        return median(of_device) if of_device else None

    def updated(
        self, cases: Iterable[Case], attempts: Iterable[Attempt], share_s: float
    ) -> Durations:
        """Return these with what more attempts took; the latest of a case counts."""
        by_id = {case.id: case for case in cases}
        seen: dict[tuple[str, Role], list[float]] = {}
        for attempt in attempts:
            if attempt.outcome == "ok" and attempt.case in by_id:
                beside_s = attempt.elapsed_s - (share_s if attempt.role == "time" else 0.0)
                seen.setdefault((attempt.case, attempt.role), []).append(max(beside_s, LEAST))
        took = {key: median(times) for key, times in seen.items()}
        factors: dict[str, list[float]] = {}
        for (name, role), seconds in took.items():
            kind = kind_of_attempt(by_id[name], role)
            factors.setdefault(kind, []).append(seconds / declared_s(by_id[name], role))
        known = self.cases | {f"{role} {name}": seconds for (name, role), seconds in took.items()}
        return Durations(
            dict(list(known.items())[-MOST_CASES:]),
            self.kinds
            | {kind: min(max(median(own), LEAST), MOST) for kind, own in factors.items()},
        )


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
