"""Two runs set against each other: what they are called, and whether their rounds are pairs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.judging.comparing import sessions
from bench.judging.comparing.surroundings import Difference, differences
from bench.store import Run
from bench.store.paired import Contestant, Pairing, read_pairing
from bench.store.spread import Spread

PAIRED_FOLDER = "ab.json"  # lies beside the two runs of a paired comparison
SIDES = ("A", "B")  # which are called so


@dataclass(frozen=True)
class Versus:
    """BASE and NEW, by name. `judged` is the quantity that is judged as time, by kind of case.

    `margin`, `confirm_pairs`, `at_most` and `looks` are those that a paired comparison was made
    with.
    """

    base: Run
    new: Run
    names: tuple[str, str]
    judged: dict[str, str] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    margin: float | None = None
    confirm_pairs: int | None = None
    at_most: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    looks: tuple[int, ...] = ()
    look_pairs: int = 0
    _spreads: dict[str, Spread | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def paired(self) -> bool:
        """Say whether rounds of equal numbers were taken next to each other."""
        pairing = self.base.manifest.pairing
        return bool(pairing) and pairing == self.new.manifest.pairing

    def session_spread(self, kind: str) -> Spread | None:
        """Return the spread between sessions of a kind of case; asked for once, it reads a file."""
        if kind not in self._spreads:
            self._spreads[kind] = sessions.session_spread_of(self.base, self.new, kind)
        return self._spreads[kind]

    @property
    def void(self) -> tuple[Difference, ...]:
        """Return the differences for which times of the two mean nothing together."""
        return tuple(difference for difference in self.differences if difference.void)


def versus(base: Run, new: Run) -> Versus:
    """Set two runs against each other."""
    told = _pairing(base, new)
    return Versus(
        base,
        new,
        (_called(told.a) or name_of(base), _called(told.b) or name_of(new))
        if told
        else (name_of(base), name_of(new)),
        (told.judged if told else {}) or _fixed_in_both(base, new),
        tuple(differences(base, new)),
        told.margin if told else None,
        told.confirm_pairs if told else None,
        told.at_most if told else None,
        told.limits if told else {},
        tuple(told.looks) if told else (),
        told.look_pairs if told else 0,
    )


def _called(side: Contestant) -> str:
    """Return what a side is called; a whole commit says no more than its beginning."""
    if re.fullmatch(r"[0-9a-f]{40}", side.words):
        return side.words[:12]
    return "working tree" if side.words == "." else side.words


def name_of(run: Run) -> str:
    """Name a run by its folder; one side of a paired comparison with that folder's too."""
    folder = run.folder.resolve()
    return f"{folder.parent.name}/{folder.name}" if folder.name in SIDES else folder.name


def pair_folder(base: Run, new: Run) -> Path | None:
    """Return the folder that two paired runs share, None where there is none."""
    parent = base.folder.resolve().parent
    together = parent == new.folder.resolve().parent
    return parent if together and os.path.lexists(parent / PAIRED_FOLDER) else None


def _pairing(base: Run, new: Run) -> Pairing | None:
    """Read what a paired comparison says of itself; UserError where that is damaged.

    It holds the margin that verdicts are made with.
    """
    folder = pair_folder(base, new)
    names = (base.folder.resolve().name, new.folder.resolve().name)
    return read_pairing(folder) if folder and names == SIDES else None


def _fixed_in_both(base: Run, new: Run) -> dict[str, str]:
    """Return the quantities that both runs fixed for a kind of case before they began."""
    ours, theirs = base.manifest.judged, new.manifest.judged
    return {kind: name for kind, name in ours.items() if theirs.get(kind) == name}
