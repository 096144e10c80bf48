"""An explanation as people read it: a share and a cause a line, and what is left."""

from __future__ import annotations

from dataclasses import dataclass

from reports.explanation.cause import Cause
from reports.explanation.explain import Explanation

UNKNOWN = "no share"
MOST_TOLD = 4  # differences of one structure

CALLED = {
    "structure": "what a call does",
    "operator": "operator",
    "bound": "what holds it up",
    "surroundings": "surroundings",
    "memory": "memory",
    "source": "source",
}


@dataclass(frozen=True)
class Line:
    """One cause, all words."""

    share: str
    sort: str
    cause: str


def lines(found: Explanation) -> list[Line]:
    """Put the causes in words, and what remains of a change of time."""
    told = [Line(_share(cause), CALLED[cause.sort], _words(cause)) for cause in found.causes]
    if found.unexplained is not None:
        told.append(Line(f"{found.unexplained:.0%}", "unexplained", _left(found)))
    return told


def _share(cause: Cause) -> str:
    if cause.share is None:
        return UNKNOWN
    return f"{round(cause.share, 2) + 0.0:.0%}".replace("-", "−")  # nothing has no sign


def _words(cause: Cause) -> str:
    """Say what differs; of many differences those that tell most, which come first."""
    told = cause.words.split("; ")
    more = len(told) - MOST_TOLD
    told = [*told[:MOST_TOLD], *([f"{more} more"] if more > 0 else [])]
    return "; ".join(told) + (f" ({'; '.join(cause.details)})" if cause.details else "")


def _left(found: Explanation) -> str:
    """Say what the shares are from; without any, that nothing weighs what differs."""
    if all(cause.share is None for cause in found.causes):
        weighs = "no cause has a share" if found.causes else "no cause was seen"
        return f"{found.told}: {weighs}"
    return found.told
