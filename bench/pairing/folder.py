"""The folder of a comparison: `ab.json` beside two ordinary run folders, `A` and `B`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import UserError
from bench.store import Run, write_whole

SCHEMA = 1
LETTERS = ("A", "B")


@dataclass(frozen=True)
class Contestant:
    """One side in words: what the user called it, and the commit or interpreter behind it."""

    words: str
    git: dict[str, Any] = field(default_factory=dict)
    interpreter: str = ""


@dataclass(frozen=True)
class Pairing:
    """`ab.json`: what was compared, how, and what came of it.

    Rounds below `first_rounds` are the first stage, later ones confirm `suspects` (ids of A's and
    B's case). `matched_by` says what makes two cases a pair: their `id` or their `question`.
    `judged` names, by kind of case, the quantity that verdicts on time are about.
    """

    command: list[str]
    sort: str
    a: Contestant
    b: Contestant
    seed: int
    preset: str
    device: str
    first_rounds: int
    confirm_pairs: int
    margin: float
    matched_by: str = "id"
    judged: dict[str, str] = field(default_factory=dict)
    suspects: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    stage: str = "preparation"
    ended_by: str = ""
    schema: int = SCHEMA


@dataclass
class Comparison:
    """The folder, its `ab.json` and the runs of both sides."""

    folder: Path
    pairing: Pairing
    runs: tuple[Run, Run]

    def update(self, **changes: Any) -> None:
        """Change facts of `ab.json`, and write it anew."""
        self.pairing = replace(self.pairing, **changes)
        text = json.dumps(asdict(self.pairing), indent=1) + "\n"
        write_whole(self.folder / "ab.json", text.encode())


def read_pairing(folder: Path) -> Pairing:
    """Read `ab.json`; UserError where it is none."""
    path = folder / "ab.json"
    try:
        pairing = msgspec.json.decode(path.read_bytes(), type=Pairing)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UserError(f"{path}: not a valid pairing: {error}") from error
    if pairing.schema != SCHEMA:
        raise UserError(f"{path}: expected schema {SCHEMA}, got {pairing.schema}")
    return pairing
