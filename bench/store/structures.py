"""`structures.jsonl`: what calls did, a line for each that differs, found by its own digest.

Attempts refer to a line by that digest, and are chained; so a line can be lost, and never mistaken.
A long structure is packed (base64 of zlib), so that no case of ours takes more than 2 kB.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from bench.cases.bounds import Written
from bench.checking.structure.structure import Structure
from bench.errors import UserError
from bench.store.strict import convert, decode

STRUCTURES = "structures.jsonl"
LONGEST_PLAIN = 1000  # bytes of a structure that can be read as it lies there
_LARGEST = 1 << 24  # bytes of a packed one, wherever it comes from


@dataclass(frozen=True)
class Kept:
    """A line of the table, which has a structure in one form or the other."""

    digest: str
    structure: Structure | None = None
    packed: Annotated[str, Written(_LARGEST)] = ""


def structure_of(plain: dict[str, Any]) -> Structure:
    """Return a worker's plain data as a structure; UserError where it could not be read again."""
    return convert(plain, Structure, "what a call did")


def lined(structure: Structure) -> bytes:
    """Return a structure as a line of the table."""
    name, value = b"structure", structure.encoded()
    if len(value) > LONGEST_PLAIN:
        name, value = b"packed", b'"%s"' % b64encode(zlib.compress(value, 9))
    return b'{"digest":"%s","%s":%s}\n' % (structure.digest.encode(), name, value)


def unlined(data: bytes) -> tuple[dict[str, Structure], int]:
    """Read a table: structures by digest, and how many lines are not what was written.

    A last line without its end is one that a kill tore: its attempt was never written.
    """
    *lines, _ = data.split(b"\n")
    found: dict[str, Structure] = {}
    damaged = 0
    for line in lines:
        try:
            digest, structure = _opened(line)
        except (UserError, msgspec.MsgspecError, ValueError, zlib.error):
            damaged += 1
            continue
        if structure.digest == digest:
            found[digest] = structure
        else:
            damaged += 1
    return found, damaged


def _opened(line: bytes) -> tuple[str, Structure]:
    kept = decode(line, Kept, STRUCTURES)
    if kept.structure is not None:
        return kept.digest, kept.structure
    plain = zlib.decompressobj().decompress(b64decode(kept.packed, validate=True), _LARGEST)
    return kept.digest, decode(plain, Structure, STRUCTURES)
