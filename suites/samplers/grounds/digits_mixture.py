"""Gaussians fitted to the digits, three a class: samples look like digits, all laws are known.

Fitted by scikit-learn in some seconds, once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version

import torch

from suites.models.digits import Images, digits
from suites.models.stored import content_key, stored
from suites.samplers.full_mixture import FullMixture, Gaussians
from suites.samplers.ground import Progress

SHAPE, NUM_CLASSES = (1, 8, 8), 10
COMPONENTS = 3  # a class
FLOOR = 5e-3  # added to every variance: pixels of the margin are the same in all digits
SEED = 0


def ground(data: str | None = None) -> FullMixture:
    """Return the mixture, the same every time."""
    if data is not None:
        raise ValueError("digits_mixture takes no data: it is fitted to scikit-learn's digits")
    return FullMixture(SHAPE, NUM_CLASSES, fitted)


def fitted(progress: Progress) -> Gaussians:
    """Return the fitted components, from the cache or fitted now."""
    key = content_key(sys.modules[__name__], version("scikit-learn"))  # which brings the digits
    kept = stored("samplers-digits-mixture", key, lambda: _fit(digits(), progress)._asdict())
    progress("fitting digits_mixture", 1.0)
    return Gaussians(**kept)


def _fit(images: Images, progress: Progress) -> Gaussians:
    """Fit every class by expectation maximisation."""
    progress("fitting digits_mixture", 0.0)
    weights, means, covariances, classes = map(
        torch.cat, zip(*_classes(images, progress), strict=True)
    )
    return Gaussians.of(weights, means, covariances, classes)


def _classes(images: Images, progress: Progress) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield each class's share of the weights, means, covariances, and its number."""
    from sklearn.mixture import GaussianMixture

    assert images.labels is not None
    for label in range(NUM_CLASSES):
        own = images.pixels[images.labels == label].flatten(1).double()
        found = GaussianMixture(COMPONENTS, reg_covar=FLOOR, random_state=SEED).fit(own.numpy())
        learnt = (found.weights_ * len(own), found.means_, found.covariances_)
        yield *map(torch.from_numpy, learnt), torch.full((COMPONENTS,), label)
        progress("fitting digits_mixture", (label + 1) / NUM_CLASSES)
