"""`structures.jsonl`: what calls did, a line for each that differs, found by its own digest.

Attempts refer to a line by that digest, and are chained; so a line can be lost, and never mistaken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bench.checking.structure.structure import Structure
from bench.errors import UserError
from bench.store.strict import convert, decode

STRUCTURES = "structures.jsonl"


@dataclass(frozen=True)
class Kept:
    """A line of the table."""

    digest: str
    structure: Structure


def structure_of(plain: dict[str, Any]) -> Structure:
    """Return a worker's plain data as a structure; UserError where it could not be read again."""
    return convert(plain, Structure, "what a call did")


def lined(structure: Structure) -> bytes:
    """Return a structure as a line of the table."""
    return b'{"digest":"%s","structure":%s}\n' % (structure.digest.encode(), structure.encoded())


def unlined(data: bytes) -> tuple[dict[str, Structure], int]:
    """Read a table: structures by digest, and how many lines are not what was written.

    A last line without its end is one that a kill tore: its attempt was never written.
    """
    *lines, _ = data.split(b"\n")
    found: dict[str, Structure] = {}
    damaged = 0
    for line in lines:
        try:
            kept = decode(line, Kept, STRUCTURES)
        except (UserError, msgspec.MsgspecError):
            damaged += 1
            continue
        if kept.structure.digest == kept.digest:
            found[kept.digest] = kept.structure
        else:
            damaged += 1
    return found, damaged
