"""The two parts of an ancestral step in x = data + sigma noise."""

from __future__ import annotations

import math


def down_and_up(sigma: float, following: float) -> tuple[float, float]:
    """Return the level that the slope leads to, and the noise that leads back to `following`.

    The noise has the variance of q(x_next | x, x_0), so that down^2 + up^2 = following^2.
    """
    up = following * math.sqrt(1 - (following / sigma) ** 2)
    return following**2 / sigma, up
