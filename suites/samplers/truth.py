"""What images are compared with: exact moments, statistics of many true images, or half of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from suites.models.stored import content_key, stored
from suites.samplers.features import Features, coordinates
from suites.samplers.ground import Ground
from suites.samplers.moments import Gathering, Moments
from suites.samplers.workload import Workload

NUM_TRUE = 50_000  # images that the statistics of features are gathered from
TRUE_SEED = 1 << 19  # of them, apart from those of the images that quality is measured on
AT_ONCE = 1000
FINE = 1e6  # a millionth: of true images, beyond what a sum in another order moves

Progress = Callable[[str, float], None]


class Space(NamedTuple):
    """Features, what a distance in them is taken to, and those of as many true images (n, d)."""

    features: Features
    known: Tensor | Moments
    real: Tensor


def spaces(problem: Workload) -> list[Features]:
    """Name what distances are taken in: where moments are exact the coordinates, then features."""
    ground = problem.loaded
    chosen = problem.features()
    exact = ground.moments() is not None and chosen.distance != coordinates().distance
    return [coordinates(), chosen] if exact else [chosen]


def space(ground: Ground, features: Features, real: Tensor) -> Space:
    """Choose the best of what is known: no sampling error, a little, or that of `real`."""
    exact = ground.moments()
    if features.distance == coordinates().distance:
        seen = features.extract(real)
        return Space(features, exact or seen, seen)
    if not features.sources:
        seen = features.extract(real)
        return Space(features, seen, seen)
    seen = _kept(features, real)
    return Space(features, seen if exact is None else statistics(ground, features), seen)


def _kept(features: Features, real: Tensor) -> Tensor:
    """Return the features of true images, which are the same for every sampler, from disk."""
    key = content_key(*features.sources, features.distance, fingerprint(real))
    name = f"samplers-features-{features.distance}"
    found: Tensor = stored(name, key, lambda: features.extract(real))
    return found


def statistics(ground: Ground, features: Features, progress: Progress = lambda *_: None) -> Moments:
    """Return the moments of the features of `NUM_TRUE` fresh images, kept on disk."""
    probe = fingerprint(ground.halves(AT_ONCE, TRUE_SEED)[0])
    key = content_key(sys.modules[__name__], *features.sources, features.distance, probe)

    def gather() -> dict[str, Tensor]:
        found = _gathered(ground, features, progress)
        return {"mean": found.mean, "covariance": found.covariance}

    return Moments(**stored(f"samplers-true-{features.distance}", key, gather))


def fingerprint(images: Tensor) -> Tensor:
    """Return what stands for true images in a key, whatever the number of threads."""
    return (images * FINE).round().long()


def _gathered(ground: Ground, features: Features, progress: Progress) -> Moments:
    one, other = ground.halves(NUM_TRUE // 2, TRUE_SEED)
    parts = [*one.split(AT_ONCE), *other.split(AT_ONCE)]
    seen = features.extract(parts[0])
    gathering = Gathering(seen.shape[1])
    for done, part in enumerate(parts):
        gathering.add(features.extract(part))
        progress(f"statistics of {features.distance}", (done + 1) / len(parts))
    return gathering.moments()
