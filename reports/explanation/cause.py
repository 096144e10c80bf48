"""Causes, and their order: what was measured to weigh most comes first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Sort = Literal["structure", "operator", "bound", "surroundings", "memory", "source"]
SORTS: tuple[Sort, ...] = get_args(Sort)  # what says most first, where no share is known


@dataclass(frozen=True)
class Cause:
    """Something that differs between both sides, in words.

    `share` is its part of the change of time: negative where it worked against that, None where
    nothing measured it. `details` say more of the same, and have no share of their own.
    """

    sort: Sort
    words: str
    share: float | None = None
    details: tuple[str, ...] = ()


def ranked(causes: Iterable[Cause]) -> list[Cause]:
    """Put causes in order: by measured share, then those without one, by their sort."""
    return sorted(
        causes,
        key=lambda c: (c.share is None, -abs(c.share or 0.0), SORTS.index(c.sort)),
    )
