"""What the images are worth: distance to real ones, error of the solver, order of convergence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bench import Measurement
from suites.samplers import given_distances
from suites.samplers.convergence import observed_order
from suites.samplers.distances import distances
from suites.samplers.noise import Noise, draw_noise
from suites.samplers.reference import reference
from suites.samplers.sampler import Sampler
from suites.samplers.truth import spaces, statistics
from suites.samplers.workload import Workload

NUM_SOLVED = 32  # images whose ODE is solved finely
NUM_SHOWN = 16  # images in the report's grid
NUM_COMPARED = 4000  # network calls of a fine solution, and of the ladder that tells the order
DIGITS_SHOWN = 3


def provision(problem: Workload, progress: Callable[[str, float], None]) -> None:
    """Make the network of the features and the statistics of true images, unless they are there."""
    progress("features", 0.0)
    if problem.reference is not None:
        given_distances.provision(problem, progress)
    for features in spaces(problem)[1:]:
        if features.sources and problem.reference is None:
            statistics(problem.loaded, features, progress)
    progress("features", 1.0)


def worth(problem: Workload, sampler: Sampler, seed: int) -> list[Measurement]:
    """Measure one seed: other noise, another split of the real images."""
    ground = problem.loaded
    if problem.reference is None:
        halves = ground.halves(problem.num_images, seed)
        images = torch.cat(list(_batches(problem, sampler, seed, len(halves[0]))))
        found = distances(problem, images, halves, seed)
    else:
        images = torch.cat(list(_batches(problem, sampler, seed, problem.num_images)))
        found = given_distances.distances(problem, images, seed)
    if ground.exact and sampler.deterministic:
        found += solver_errors(problem, images, sampler, seed)
    found += sampler.own_worth(seed)
    if seed == 0:  # once: neither depends on the seed but by chance
        found += observed_order(sampler, seed) if ground.smooth and sampler.order else []
        found += [_shown(images)] if len(ground.image_shape) == 3 else []
    return found


def _batches(problem: Workload, sampler: Sampler, seed: int, count: int) -> Iterator[Tensor]:
    """Sample `count` images, at most a batch at a time; which batch an image is in is no matter.

    How many of a user's network fit into memory, the user says.
    """
    batch = BATCH if problem.model is None else problem.batch
    for first in range(0, count, batch):
        noise = noise_of(problem, sampler, seed, min(batch, count - first), first)
        yield problem.loaded.decoded(sampler(noise)).double().cpu()


BATCH = 256  # images a call; quality is not timed


def noise_of(problem: Workload, sampler: Sampler, seed: int, batch: int, first: int = 0) -> Noise:
    """Draw the noise that images `first` ... of a seed start from."""
    setting = sampler.setting
    shape = problem.loaded.shape
    return draw_noise(shape, batch, seed, setting.dtype, setting.device, first)


def solver_errors(
    problem: Workload, images: Tensor, sampler: Sampler, seed: int
) -> list[Measurement]:
    """Compare the first images with the finely solved ODE from the same noise.

    `error` is the root mean square over elements; `other_image_share`, where the data are
    finitely many images, the share that ended at another image than the true solution.
    """
    count = min(NUM_SOLVED, len(images))
    noise = noise_of(problem, sampler, seed, count)
    true = reference(problem.loaded, problem.ground, noise)
    error = float((images[:count] - true).square().mean().sqrt())
    found = [Measurement("error", "1", [error])]
    nearest = getattr(problem.loaded, "nearest", None)
    if nearest is not None:
        other = (nearest(images[:count]) != nearest(true)).double().mean()
        found.append(Measurement("other_image_share", "1", [float(other)]))
    return found


def _shown(images: Tensor) -> Measurement:
    """Keep the first images as one row of pixels each, for the report."""
    pixels = images[:NUM_SHOWN].reshape(-1).tolist()
    return Measurement("sample_pixels", "1", [round(p, DIGITS_SHOWN) for p in pixels])
