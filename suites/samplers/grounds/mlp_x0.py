"""A small network that predicts the image."""

from __future__ import annotations

from suites.models.forms import IMAGE
from suites.samplers.grounds import digits_mixture
from suites.samplers.trained_on_mixture import TrainedOnMixture, of_form


def ground(data: str | None = None) -> TrainedOnMixture:
    """Return the ground, trained on first use."""
    return of_form(IMAGE, digits_mixture.ground(), data)
