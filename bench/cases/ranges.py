"""In which range a quality can lie at all, by its name: a share, a distance, a count."""

from __future__ import annotations

from fnmatch import fnmatchcase
from math import inf

Range = tuple[float, float]

EVERYWHERE: Range = (-inf, inf)
AT_LEAST_0: Range = (0.0, inf)

# The first pattern that fits counts; of what no line knows, nothing is known.
_RANGES: tuple[tuple[str, Range], ...] = (
    ("*_share", (0.0, 1.0)),
    ("grad_lost_fraction", (-1.0, 1.0)),  # a share less another
    ("fid*", AT_LEAST_0),  # as the preprocessing was
    ("fd_*", AT_LEAST_0),
    ("error", AT_LEAST_0),
    ("loss_scale", AT_LEAST_0),
    ("skipped_steps", AT_LEAST_0),
    ("diverged_at_step", AT_LEAST_0),
)


def range_of(quantity: str) -> Range:
    """Return the least and the most that a quantity of this name can be."""
    return next((found for name, found in _RANGES if fnmatchcase(quantity, name)), EVERYWHERE)


def of_differences(quantity: Range) -> Range:
    """Return the range of the difference between two values of a quantity."""
    least, most = quantity
    return least - most, most - least
