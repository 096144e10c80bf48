"""A small network in EDM's own form, Karras et al. 2022: what the other forms stand beside."""

from __future__ import annotations

from suites.models.edm import EDM
from suites.samplers.grounds import digits_mixture
from suites.samplers.trained_on_mixture import TrainedOnMixture, of_form


def ground(data: str | None = None) -> TrainedOnMixture:
    """Return the ground, trained on first use."""
    return of_form(EDM, digits_mixture.ground(), data)
