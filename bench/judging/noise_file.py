"""The rounds of every selftest, kept: one file a machine and device under `$TOUCHSTONE_CACHE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from bench.cases.bounds import Name, Text
from bench.errors import UserError
from bench.store import cannot_write, decode, read_regular, write_whole
from bench.store.consistent import FIRST_YEAR, LAST_YEAR
from bench.store.sound import LEAST_S, MOST_S
from bench.store.spread import Nested, Round
from bench.system.cache import cache_folder

SCHEMA = 1
_AWAY = "move it away to start anew"


@dataclass(frozen=True)
class CaseRounds:
    """One case in one session: what both sides came to in each round, in s, by what is judged.

    That is a clock, or a clock with a reducer; so is `nested`, what is known within its rounds.
    """

    case: Text
    kind: Name
    source_hash: Name
    rounds: dict[Name, list[Round]]
    nested: dict[Name, Nested] = field(default_factory=dict)


@dataclass(frozen=True)
class NoiseSession:
    """One block of a selftest; `run` is the selftest, `torch` what it ran on."""

    started: datetime
    run: Name
    torch: Name
    cases: list[CaseRounds]


@dataclass(frozen=True)
class NoiseFile:
    """What is on the disk."""

    schema: int
    sessions: list[NoiseSession]


def noise_path(machine_id: str, device: str) -> Path:
    """Return the file that a machine's selftests on a device are kept in."""
    return cache_folder() / "noise" / f"{machine_id}-{device.replace(':', '-')}.json"


def kept(path: Path) -> list[NoiseSession]:
    """Read the sessions of all selftests; UserError with file and expectation if damaged."""
    try:
        data = read_regular(path)
        found = decode(data, NoiseFile, str(path)) if data is not None else NoiseFile(SCHEMA, [])
    except UserError as error:
        raise UserError(f"{error}; expected what `bench selftest` keeps; {_AWAY}") from error
    if found.schema != SCHEMA:
        raise _damaged(path, f"schema {SCHEMA}, got {found.schema}")
    for session in found.sessions:
        if not FIRST_YEAR <= session.started.year <= LAST_YEAR:
            raise _damaged(path, f"dates of this century, got {session.started}")
        for case in session.cases:
            _expect_times(case, path)
    return found.sessions


def remember(path: Path, sessions: Sequence[NoiseSession]) -> list[NoiseSession]:
    """Append sessions to the file; return all that are in it now."""
    together = [*kept(path), *sessions]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    write_whole(path, msgspec.json.encode(NoiseFile(SCHEMA, together)) + b"\n")
    return together


def _expect_times(case: CaseRounds, path: Path) -> None:
    """Refuse numbers that no clock can have left."""
    for rounds in case.rounds.values():
        for time_s in (t for both in rounds for t in both):
            if not LEAST_S <= time_s <= MOST_S:
                raise _damaged(path, f"times above 0 s, got {time_s:g} for {case.case}")


def _damaged(path: Path, expected: str) -> UserError:
    return UserError(f"{path}: expected {expected}; {_AWAY}")
