"""Every distance to a reference that the user gave, in place of the ground's own images."""

from __future__ import annotations

from torch import Tensor

from bench import Measurement
from suites.samplers.distances import figures
from suites.samplers.extrapolation import at_infinity
from suites.samplers.features import Features
from suites.samplers.frechet import frechet_distance
from suites.samplers.given_reference import Progress, reference_side
from suites.samplers.moments import Moments, of_samples
from suites.samplers.real import disjoint_halves
from suites.samplers.truth import Space
from suites.samplers.workload import Workload


def provision(problem: Workload, progress: Progress) -> None:
    """Make the features of the reference, unless they are there."""
    _known(problem, problem.features(), progress)


def distances(problem: Workload, images: Tensor, seed: int) -> list[Measurement]:
    """Measure images (n, *shape) against the whole reference."""
    features = problem.features()
    known = _known(problem, features)
    found = (
        _to_statistics(features, known, images, seed)
        if isinstance(known, Moments)
        else _to_images(features, known, images, seed)
    )
    found["fd_n"] = float(len(images))
    return [Measurement(name, "1", [value]) for name, value in found.items()]


def _to_statistics(
    features: Features, known: Moments, images: Tensor, seed: int
) -> dict[str, float]:
    """Return what moments tell: statistics have no images to make a floor of, nor neighbours."""
    seen = features.extract(images)
    distance = frechet_distance(seen, known)
    return {features.distance: distance, "fd_infinity": at_infinity(seen, known, seed)}


def _to_images(features: Features, known: Tensor, images: Tensor, seed: int) -> dict[str, float]:
    """Return each figure, and its floor: of two disjoint parts of the reference."""
    one, other = disjoint_halves(known, len(images), seed)
    whole = of_samples(known) if len(known) > known.shape[1] else known  # summed up once
    exact = features._replace(extract=lambda those: features.extract(those).double())
    found = figures([Space(exact, whole, one)], images, seed)
    seen = features._replace(extract=lambda those: those)
    floors = figures([Space(seen, one, one)], other, seed)
    floors["fd"] = floors.pop(features.distance)
    return found | {f"{name}_floor": value for name, value in floors.items()}


def _known(
    problem: Workload, features: Features, progress: Progress = lambda *_: None
) -> Tensor | Moments:
    assert problem.reference is not None
    return reference_side(problem.reference, features, problem.inception, progress)
