"""The run folder: `run.json` written whole, `records.jsonl` one flushed line an attempt."""

from __future__ import annotations

import json
import math
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bench.case import Attempt, Case
from bench.ceilings import Ceilings
from bench.errors import CANNOT_WRITE, UserError

SCHEMA = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """One start of `bench run` on this folder; a resume is another one.

    `sampler` says what the process that watches the GPUs was asked, and what it cost.
    `noise` is what selftests had found of this machine when it began; see `bench.noise.Noise`.
    """

    started: str
    environment: dict[str, Any]
    ended: str = ""
    timing_wall_s: float = 0.0
    provision_s: float = 0.0
    ended_by: str = ""
    noise: dict[str, Any] = field(default_factory=dict)
    ceilings: list[Ceilings] = field(default_factory=list)
    sampler: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """`run.json`: what was asked, where, and by which command.

    `pairing` names the comparison that this run is one side of: rounds of equal numbers are pairs.
    `judged` names the quantity that verdicts on time are about, by kind of case; fixed beforehand.
    """

    command: list[str]
    preset: str
    device: str
    seed: int
    share_s: float
    checkpoints: list[int]
    cases: list[Case]
    git: dict[str, Any] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    timeout_s: float = 120.0
    budget_s: float | None = None
    pairing: str = ""
    judged: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA


@dataclass
class Run:
    """A run folder, its manifest and the attempts read from it."""

    folder: Path
    manifest: Manifest
    attempts: list[Attempt] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def records_path(self) -> Path:
        return self.folder / "records.jsonl"

    def append(self, attempt: Attempt) -> None:
        """Write one line and have it on the disk before anything else happens."""
        attempt = _sound(attempt)
        line = msgspec.json.encode(attempt) + b"\n"
        descriptor = os.open(self.records_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            _write_all(descriptor, line)
            os.fsync(descriptor)
        except OSError as error:
            raise cannot_write(self.records_path, error) from error
        finally:
            os.close(descriptor)
        self.attempts.append(attempt)

    @property
    def last_session(self) -> Session:
        """Return the present session, or an empty one where a run was killed before its first."""
        sessions = self.manifest.sessions
        return sessions[-1] if sessions else Session(started="", environment={})

    def save(self) -> None:
        """Write `run.json` anew, whole or not at all."""
        text = json.dumps(asdict(self.manifest), indent=1) + "\n"
        write_whole(self.folder / "run.json", text.encode())

    def update_session(self, **changes: Any) -> None:
        """Change the facts of the present session, and save."""
        *earlier, present = self.manifest.sessions
        self.manifest = replace(self.manifest, sessions=[*earlier, replace(present, **changes)])
        self.save()

    def drop_torn_line(self) -> None:
        """Cut a last line that a kill left unfinished, before appending to the file."""
        if not self.records_path.exists():
            return
        data = self.records_path.read_bytes()
        if data and not data.endswith(b"\n"):
            with self.records_path.open("r+b") as stream:
                stream.truncate(data.rfind(b"\n") + 1)


def create(parent: Path, manifest: Manifest) -> Run:
    """Make a new run folder under `parent`, named by time and preset."""
    return create_at(new_folder(parent, manifest.preset), manifest)


def new_folder(parent: Path, kind: str) -> Path:
    """Return a folder under `parent` that is not there yet, named by time and kind."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return parent / f"{stamp}-{kind}-{secrets.token_hex(2)}"


def create_at(folder: Path, manifest: Manifest) -> Run:
    """Make this run folder."""
    try:
        (folder / "logs").mkdir(parents=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    run = Run(folder, manifest)
    run.save()
    return run


def read(folder: Path) -> Run:
    """Read a run folder; UserError with file, line and expectation where it is not one."""
    path = folder / "run.json"
    if not folder.is_dir():
        raise UserError(f"no run folder at {folder}; expected a folder that `bench run` made")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        sides = sorted(path.parent.name for path in folder.glob("*/run.json"))
        hint = f"; it holds {' and '.join(sides)}" if 0 < len(sides) < 4 else ""
        raise UserError(f"{folder} is no run folder: it has no run.json{hint}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    manifest = _decode(data, Manifest, str(path))
    if manifest.schema != SCHEMA:
        raise UserError(f"{path}: expected schema {SCHEMA}, got {manifest.schema}")
    if not manifest.checkpoints or not manifest.cases:
        raise UserError(f"{path}: expected at least one checkpoint and one case, got none")
    run = Run(folder, manifest)
    _read_attempts(run)
    return run


def _read_attempts(run: Run) -> None:
    if not run.records_path.exists():
        return
    try:
        data = run.records_path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {run.records_path}: {error.strerror}") from error
    *lines, rest = data.split(b"\n")
    known = {case.id for case in run.manifest.cases}
    for number, line in enumerate(lines, 1):
        where = f"{run.records_path}, line {number}"
        attempt = _decode(line, Attempt, where)
        if attempt.case not in known:
            raise UserError(f"{where}: expected a case of run.json, got '{attempt.case[:80]}'")
        _expect_sound(attempt, where)
        run.attempts.append(attempt)
    if rest:
        run.notices.append(
            f"{run.records_path}: the last line was cut off by an interruption and is left out"
        )


def _expect_sound(attempt: Attempt, where: str) -> None:
    """Refuse samples that no measurement can have left."""
    if complaint := _complaint(attempt):
        raise UserError(f"{where}: {complaint}")


def _complaint(attempt: Attempt) -> str:
    """Say what no attempt can have left: no samples, none that are numbers, time that ran back."""
    for measurement in attempt.measurements:
        low, high = min(measurement.samples, default=None), max(measurement.samples, default=None)
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            return f"{measurement.quantity}: expected finite samples, got {low} to {high}"
        if measurement.quantity == "time" and low <= 0:
            return f"{measurement.quantity}: expected samples above 0, got {low}"
    if any(not math.isfinite(bound) for pair in attempt.tolerances for bound in pair):
        return "expected finite tolerances"
    timed = any(measurement.quantity == "time" for measurement in attempt.measurements)
    if attempt.role == "time" and attempt.outcome == "ok" and not timed:
        return "expected samples of time in an ok attempt, got none"
    return ""


def _sound(attempt: Attempt) -> Attempt:
    """Return the attempt, or an `error` in its place: what is written can always be read."""
    complaint = _complaint(attempt)
    if not complaint:
        return attempt
    return replace(
        attempt, outcome="error", detail=complaint, measurements=[], tolerances=[], fingerprints=[]
    )


def _decode(data: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: not a valid {kind.__name__.lower()}: {error}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UserError:
    """Say in one line what could not be written, and why."""
    return UserError(f"cannot write {path}: {error.strerror or error}", CANNOT_WRITE)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
