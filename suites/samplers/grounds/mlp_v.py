"""A small network that predicts the velocity of the VP process, Salimans and Ho 2022."""

from __future__ import annotations

from suites.models.forms import VELOCITY
from suites.samplers.grounds import digits_mixture
from suites.samplers.trained_on_mixture import TrainedOnMixture, of_form


def ground(data: str | None = None) -> TrainedOnMixture:
    """Return the ground, trained on first use."""
    return of_form(VELOCITY, digits_mixture.ground(), data)
