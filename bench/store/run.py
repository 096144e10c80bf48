"""A run: its folder, its manifest, the attempts in it; and how it is written."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.cases.case import Attempt
from bench.checking.structure.structure import Structure
from bench.errors import UserError
from bench.store.consistent import of_manifest
from bench.store.journal import sealed
from bench.store.manifest import Manifest, Session
from bench.store.sound import sound
from bench.store.strict import decode
from bench.store.structures import STRUCTURES, lined
from bench.store.trust import seal
from bench.system.files import append_line, cannot_write, read_regular, write_whole


@dataclass
class Run:
    """A run folder, its manifest and the attempts read from it.

    `head` is the digest of the last line, which the next one is chained to. `structures` are what
    calls did, by the digest that attempts have of them.
    """

    folder: Path
    manifest: Manifest
    attempts: list[Attempt] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    head: str = ""
    structures: dict[str, Structure] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def records_path(self) -> Path:
        return self.folder / "records.jsonl"

    @property
    def structures_path(self) -> Path:
        return self.folder / STRUCTURES

    def keep(self, structure: Structure) -> str:
        """Have what a call did on the disk, once, before an attempt refers to it by its digest."""
        digest = structure.digest
        if digest not in self.structures:
            append_line(self.structures_path, lined(structure))
            self.structures[digest] = structure
        return digest

    def append(self, attempt: Attempt) -> None:
        """Write one line and have it on the disk before anything else happens."""
        attempt = sound(attempt)
        line, head = msgspec.json.encode(attempt) + b"\n", self.head
        if self.manifest.journal:
            line, head = sealed(line[:-1], len(self.attempts) + 1, self.head)
        append_line(self.records_path, line)
        self.attempts.append(attempt)
        self.head = head

    @property
    def last_session(self) -> Session:
        """Return the present session, or an empty one where a run was killed before its first."""
        sessions = self.manifest.sessions
        return sessions[-1] if sessions else Session(started="", environment={})

    def save(self) -> None:
        """Write `run.json` anew, whole or not at all."""
        write_whole(self.folder / "run.json", _text(self.manifest))

    def update_session(self, **changes: Any) -> None:
        """Change the facts of the present session, and save."""
        *earlier, present = self.manifest.sessions
        self.manifest = replace(self.manifest, sessions=[*earlier, replace(present, **changes)])
        self.save()

    def end_session(self, ended: str, ended_by: str) -> None:
        """Close the present session: what it wrote is counted, so that a lost line is seen.

        On the disk, where an interruption may have left a line that was never heard of here.
        """
        lines = (read_regular(self.records_path) or b"").count(b"\n")
        self.update_session(ended=ended, ended_by=ended_by, lines=lines)

    def expect_own_files(self) -> None:
        """Refuse to go on where what is written would go elsewhere; make the folder of logs."""
        logs = self.folder / "logs"
        for path in (self.folder / "run.json", self.records_path, self.structures_path, logs):
            if path.is_symlink():
                raise UserError(f"{path}: expected the run's own to write to, got a link")
        try:
            logs.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(logs, error) from error

    def drop_torn_line(self) -> None:
        """Cut last lines that a kill left unfinished, before appending to the files."""
        for path in (self.records_path, self.structures_path):
            data = path.read_bytes() if path.exists() else b""
            if data and not data.endswith(b"\n"):
                with path.open("r+b") as stream:
                    stream.truncate(data.rfind(b"\n") + 1)


def _text(manifest: Manifest) -> bytes:
    return json.dumps(asdict(manifest), indent=1).encode() + b"\n"


def create(parent: Path, manifest: Manifest) -> Run:
    """Make a new run folder under `parent`, named by time and preset."""
    return create_at(new_folder(parent, manifest.preset), manifest)


def new_folder(parent: Path, kind: str) -> Path:
    """Return a folder under `parent` that is not there yet, named by time and kind."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return parent / f"{stamp}-{kind}-{secrets.token_hex(2)}"


def create_at(folder: Path, manifest: Manifest) -> Run:
    """Make this run folder; its journal begins with a word that no other has.

    UserError where it could not be read again, before anything is measured.
    """
    decode(_text(manifest), Manifest, "this run")
    for wrong in of_manifest(manifest):
        raise UserError(f"this run: {wrong}")
    try:
        (folder / "logs").mkdir(parents=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    manifest = replace(manifest, journal=secrets.token_hex(8))
    run = Run(folder, replace(manifest, seal=seal(manifest)), head=manifest.journal)
    run.save()
    return run
