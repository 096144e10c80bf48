"""Every distance there is between images and the truth, and the floor of each."""

from __future__ import annotations

import sys
from typing import Any

from torch import Tensor

from bench import Measurement
from suites.models.stored import content_key, stored
from suites.samplers import extrapolation, frechet, kernel_distance, precision_recall
from suites.samplers.truth import Space, fingerprint, space, spaces
from suites.samplers.workload import Workload

SOURCES = (sys.modules[__name__], extrapolation, frechet, kernel_distance, precision_recall)


def distances(
    problem: Workload, images: Tensor, halves: tuple[Tensor, Tensor], seed: int
) -> list[Measurement]:
    """Measure images (n, *shape), and one half of true ones for the floors, in every space.

    `fd_floor` is that of the first space, whose distance is also extrapolated to infinitely many
    images; the others are named after their distance. Neighbours are those in the last space.
    """
    real, other = halves
    known = [space(problem.loaded, features, real) for features in spaces(problem)]
    found = figures(known, images, seed)
    floors = _floors(known, real, other, seed)
    first = known[0].features.distance
    named = {"fd_floor" if k == first else f"{k}_floor": v for k, v in floors.items()}
    every = {**found, **named, "fd_n": float(len(images))}
    return [Measurement(name, "1", [value]) for name, value in every.items()]


def figures(known: list[Space], images: Tensor, seed: int) -> dict[str, float]:
    """Return each distance by its name, and the shares; the seed chooses subsets."""
    seen = [own.features.extract(images) for own in known]
    found = {
        own.features.distance: frechet.frechet_distance(features, own.known)
        for own, features in zip(known, seen, strict=True)
    }
    found["fd_infinity"] = extrapolation.at_infinity(seen[0], known[0].known, seed)
    found["kid"] = kernel_distance.kernel_distance(seen[-1], known[-1].real, seed)
    if len(images) > precision_recall.NEIGHBOURS:
        found |= precision_recall.precision_recall(seen[-1], known[-1].real)._asdict()
    return found


def _floors(known: list[Space], real: Tensor, other: Tensor, seed: int) -> dict[str, Any]:
    """Return the figures of true images: the same for every sampler, so made once and kept."""
    if not all(own.features.sources for own in known):
        return figures(known, other, seed)
    sources = {source for own in known for source in own.features.sources}
    ordered = sorted(sources, key=lambda module: module.__name__)
    names = [own.features.distance for own in known]
    key = content_key(*SOURCES, *ordered, names, fingerprint(real), fingerprint(other), seed)
    kept: dict[str, Any] = stored("samplers-floors", key, lambda: figures(known, other, seed))
    return kept
