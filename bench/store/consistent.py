"""Whether the parts of a run belong together: its cases, its sessions, and line by line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bench.cases.case import Attempt, Case
from bench.errors import UserError
from bench.store.known_noise import Noise
from bench.store.manifest import SCHEMA, Manifest, Sampler, Session
from bench.store.problems import misfit
from bench.store.strict import convert, insane

SIDES = ("A", "B")
FIRST_YEAR, LAST_YEAR = 2020, 2200  # in which runs were recorded; any clock can tell them apart


def of_manifest(manifest: Manifest) -> Iterator[str]:
    """Yield what cannot be in `run.json`."""
    if manifest.schema != SCHEMA:
        yield f"expected schema {SCHEMA}, got {manifest.schema}"
    if not manifest.checkpoints or not manifest.cases:
        yield "expected at least one checkpoint and one case, got none"
    if manifest.checkpoints != sorted(set(manifest.checkpoints)):
        yield f"expected checkpoints that increase, got {manifest.checkpoints[:9]}"
    if not (manifest.share_s > 0 and manifest.timeout_s > 0):
        yield "expected share_s and timeout_s above 0"
    if wrong := insane(manifest.git):
        yield f"git: {wrong}"
    yield from _of_cases(manifest.cases)
    for number, session in enumerate(manifest.sessions, 1):
        for wrong in _of_session(session):
            yield f"session {number}: {wrong}"


def _of_cases(cases: list[Case]) -> Iterator[str]:
    for name, count in Counter(case.id for case in cases).items():
        if count > 1:
            yield f"expected every case once, got '{name[:80]}' {count} times"
    for case in cases:
        if not (case.suite and case.variant):
            yield "expected a suite and a variant of every case, got an empty name"
        if wrong := misfit(case):
            yield f"case '{case.id[:80]}': {wrong}"


def _of_session(session: Session) -> Iterator[str]:
    for moment in filter(None, (session.started, session.ended)):
        yield from _of_moment(moment)
    if wrong := insane([session.environment, session.sampler, session.noise]):
        yield f"environment: {wrong}"
    machine = session.environment.get("machine_id", "")
    if not (isinstance(machine, str) and re.fullmatch(r"[\w-]{0,64}", machine, re.ASCII)):
        yield "environment: expected a machine_id of letters and digits"
    for plain, kind in ((session.sampler, Sampler), (session.noise, Noise)):
        yield from _unlike(plain, kind)
    counts = Counter((c.device, c.threads) for c in session.ceilings)
    if any(count > 1 for count in counts.values()):
        yield "expected the ceilings of a device and number of threads once"


def _unlike(plain: dict[str, Any], kind: type) -> Iterator[str]:
    """Yield why plain data is not of a kind; nothing, or a reason for it, is always fine."""
    if plain and "off" not in plain:
        try:
            convert(plain, kind, "")
        except UserError as error:
            yield str(error).removeprefix(": ")


def _of_moment(moment: str) -> Iterator[str]:
    try:
        year = datetime.fromisoformat(moment).year
    except ValueError:
        year = 0
    if not FIRST_YEAR <= year <= LAST_YEAR:
        yield f"expected a date and time as in 2026-01-31T12:00:00+00:00, got '{moment}'"


Key = tuple[object, ...]


@dataclass
class Lines:
    """What the lines read so far have said: none may contradict or repeat an earlier one."""

    manifest: Manifest
    folder: str
    _cases: dict[str, Case] = field(init=False)
    _seen: dict[Key, int] = field(default_factory=dict)
    _units: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cases = {case.id: case for case in self.manifest.cases}

    def complaints(self, attempt: Attempt, number: int) -> Iterator[str]:
        """Yield what is wrong with the next attempt."""
        case = self._cases.get(attempt.case)
        if case is None:
            yield f"expected a case of run.json, got '{attempt.case[:80]}'"
            return
        first = self._seen.setdefault(_key(attempt), number)
        if first != number:
            yield f"the same case, {attempt.role} and round as line {first}; expected one of them"
        if attempt.session >= max(len(self.manifest.sessions), 1):
            sessions = len(self.manifest.sessions)
            yield f"expected one of {sessions} sessions of run.json, got {attempt.session}"
        if attempt.started:
            yield from _of_moment(attempt.started)
        yield from self._of_side(attempt)
        yield from self._of_measurements(attempt, case)

    def _of_side(self, attempt: Attempt) -> Iterator[str]:
        """Refuse the other side's attempts in a folder of `bench ab`."""
        told = self.manifest.pairing and self.folder in SIDES and attempt.side in SIDES
        if told and attempt.side != self.folder:
            yield f"expected attempts of side {self.folder}, got one of {attempt.side}"

    def _of_measurements(self, attempt: Attempt, case: Case) -> Iterator[str]:
        for measurement in attempt.measurements:
            key = (attempt.case, measurement.quantity)
            unit = self._units.setdefault(key, measurement.unit)
            if unit != measurement.unit:
                yield f"{key[1]}: expected the unit of before, '{unit}', got '{measurement.unit}'"
            if measurement.rank is not None and measurement.rank >= case.ranks:
                yield f"{key[1]}: expected one of {case.ranks} ranks, got {measurement.rank}"


def _key(attempt: Attempt) -> Key:
    """Return what only one attempt of a run can be; only rounds are timed anew in each session."""
    timed = (attempt.session, attempt.side, attempt.process) if attempt.role == "time" else ()
    return (attempt.case, attempt.role, attempt.round, *timed)


def of_counts(manifest: Manifest, attempts: list[Attempt]) -> Iterator[str]:
    """Yield where a session that ended has other lines than it had then."""
    for number, session in enumerate(manifest.sessions):
        own = sum(attempt.session <= number for attempt in attempts)
        if session.lines is not None and session.lines != own:
            yield (
                f"expected {session.lines} lines up to the end of session {number + 1}, as "
                f"run.json says, got {own}; restore the file"
            )
