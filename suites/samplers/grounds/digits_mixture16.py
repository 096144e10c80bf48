"""`digits_mixture` at 16 x 16: exact still, and what a model of 8 x 8 ought to draw there."""

from __future__ import annotations

from suites.samplers.grounds import digits_mixture
from suites.samplers.upsampled import Upsampled

SPREAD = 0.05  # of noise within a block: as white as paper is


def ground(data: str | None = None) -> Upsampled:
    """Return the mixture, the same every time."""
    if data is not None:
        raise ValueError("digits_mixture16 takes no data: it is digits_mixture at twice its sides")
    return Upsampled(digits_mixture.ground(), SPREAD)
