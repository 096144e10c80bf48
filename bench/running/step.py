"""One attempt that is still to be made: of which case, in which role, round and process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bench.cases.case import Case, Role


class Step(NamedTuple):
    """An attempt by its round (of a quality: its seed), and by its process within that round."""

    case: Case
    role: Role
    number: int
    process: int = 0


def whole(steps: Iterable[Step]) -> list[tuple[Case, Role]]:
    """Return what these steps come to in rounds: all processes of a case in a round are one."""
    return list({(s.case.id, s.role, s.number): (s.case, s.role) for s in steps}.values())
