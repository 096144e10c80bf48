"""How a session deals out the time of a round among processes of a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from bench.cases.bounds import Rate, Within

MOST_FORKS = 8


@dataclass(frozen=True)
class Allocation:
    """The processes that time a case in a round, and the seconds each of them samples."""

    forks: Annotated[int, Within(1, MOST_FORKS)]
    share_s: Rate
