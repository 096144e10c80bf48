"""Bounds of what a run's files may hold: no measurement and no name lies beyond them.

They stand beside the types of the nouns and are checked once, when a file is read. Workers load the
nouns in any interpreter, so that nothing here needs a library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Within:
    """A number from `least` to `most`."""

    least: float
    most: float


@dataclass(frozen=True)
class Written:
    """A text, or a list, of a length up to `most`; a text may have to match a pattern."""

    most: int
    least: int = 0
    pattern: str | None = None


LARGEST, SMALLEST = 1e100, 1e-150  # of samples: their ratios and squares are finite, and not 0
LARGEST_INT = 2**63 - 1

Name = Annotated[str, Written(500)]
Text = Annotated[str, Written(20_000)]
Device = Annotated[str, Written(40, pattern=r"^[a-z]+(:[0-9]{1,4})?$")]
Moment = Annotated[str, Written(40)]  # a date and time, or nothing
Number = Annotated[float, Within(-LARGEST, LARGEST)]
Whole = Annotated[int, Within(-LARGEST_INT - 1, LARGEST_INT)]
Count = Annotated[int, Within(0, LARGEST_INT)]
Few = Annotated[int, Within(0, 1_000_000)]  # sessions, rounds, seeds
Positive = Annotated[int, Within(1, LARGEST_INT)]
Several = Annotated[int, Within(1, 65_536)]  # threads, ranks
Seconds = Annotated[float, Within(0.0, 1e10)]
Rate = Annotated[float, Within(1e-30, 1e30)]  # above 0: what is divided by
Spreading = Annotated[float, Within(0.0, 1e6)]
