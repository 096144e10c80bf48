"""What `ab.json` says: two sides that took turns, beside their run folders, `A` and `B`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from bench.cases.bounds import Device, Few, Name, Positive, Text, Whole, Within
from bench.errors import UserError
from bench.store.strict import decode
from bench.system.files import read_regular

SCHEMA = 1
Share = Annotated[float, Within(1e-6, 10.0)]
STAGES = ("preparation", "first", "look", "confirm", "exclude")  # in their order


@dataclass(frozen=True)
class Contestant:
    """One side in words: what the user called it, and the commit or interpreter behind it."""

    words: Text
    git: dict[Name, Text | bool | None] = field(default_factory=dict)
    interpreter: Text = ""


@dataclass(frozen=True)
class Pairing:
    """`ab.json`: what was compared, how, and what came of it.

    Rounds below `first_rounds` are the first stage. The next `look_pairs` are of its suspects
    (`looked_at`: ids of A's and B's case), and `confirm_pairs` of those that stayed (`suspects`).
    `matched_by` says what makes two cases a pair: their `id` or their `question`. `judged` names,
    by kind of case, the quantity that verdicts on time are about. With `at_most`, rounds beyond all
    of these exclude slowdowns of more than that share, or than that of a kind in `limits`; `looks`
    are the numbers of pairs after which a case may stop. `repository` is where revisions come from,
    `instrument` a digest of what measured, `seal` that of what it runs: a resume goes by them.
    """

    command: list[Text]
    sort: Name
    a: Contestant
    b: Contestant
    seed: Whole
    preset: Name
    device: Device
    first_rounds: Few
    confirm_pairs: Few
    margin: Annotated[float, Within(1e-6, 1.0)]
    matched_by: Name = "id"
    judged: dict[Name, Name] = field(default_factory=dict)
    at_most: Share | None = None
    limits: dict[Name, Share] = field(default_factory=dict)
    looks: list[Positive] = field(default_factory=list)
    look_pairs: Few = 0
    looked_at: list[tuple[Text, Text]] = field(default_factory=list)
    suspects: list[tuple[Text, Text]] = field(default_factory=list)
    notices: list[Text] = field(default_factory=list)
    stage: Name = "preparation"
    ended_by: Name = ""
    repository: Text = ""
    instrument: Name = ""
    seal: Name = ""
    schema: int = SCHEMA


def read_pairing(folder: Path) -> Pairing:
    """Read `ab.json`; UserError where it is none."""
    path = folder / "ab.json"
    data = read_regular(path)
    if data is None:
        raise UserError(f"cannot read {path}: there is none; expected what `bench ab` wrote")
    pairing = decode(data, Pairing, str(path))
    if pairing.schema != SCHEMA:
        raise UserError(f"{path}: expected schema {SCHEMA}, got {pairing.schema}")
    return pairing
