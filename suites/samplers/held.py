"""What a sampler is held to: its textbook formula, its budget, and the network it drives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from bench import Incorrect, Measurement, Verdict
from bench.workload import Budget, Error, synchronize
from suites.samplers.noise import Noise
from suites.samplers.sampler import Sampler

FACTOR = 2.0
HALFWAY = 0.5  # the level at which digits can be seen and are not yet decided
NUM_PATHS = 2  # to the image, and halfway
NUM_REALISATIONS = 8  # of the formula's rounding error
AT_ONCE = 256  # images a call of theirs
PAIRS, PAIRS_S = 5, 0.2  # of a run and its bare calls a round: so many, or so long


def network_calls(sampler: Sampler, noise: Noise) -> int:
    """Count the calls of the network in one run."""
    before = sampler.network.num_calls
    sampler(noise)
    return sampler.network.num_calls - before


def to_formula(sampler: Sampler, noise: Noise) -> Verdict:
    """Compare images with the formula in float64, on the same grid and the same noise.

    On an exact ground images alone would not show every fault: the ideal denoiser pulls a wrong
    path to a right image. There the same number of steps is also taken to `HALFWAY`, where the
    path still shows.
    """
    found = [_beside(sampler, noise, "out", sampler.sigmas)]
    if sampler.problem.loaded.exact:
        halfway = sampler.grid.between(sampler.num_steps, sampler.sigmas[0], HALFWAY)
        found.append(_beside(sampler, noise, "halfway", halfway))
    measurements = [m for error in found for m in error.measurements()]
    if bad := [error.describe() for error in found if not error.within]:
        raise Incorrect("; ".join(bad), measurements)
    return Verdict(measurements, [found[0].budget.of_a_repeat()])


def _beside(sampler: Sampler, noise: Noise, name: str, sigmas: list[float]) -> Error:
    """Put the error of one run beside its budget (see `bench.checking.error_budget`).

    Where the ODE is sensitive a few images dominate, and the error of a single run is one draw of
    its rounding: the formula has `NUM_REALISATIONS` in the case's dtype, first as it is,
    then from a start rounded otherwise, each held to the formula in float64 from the true start.
    """
    dtype = sampler.setting.dtype
    exact = sampler.by_formula(noise, sigmas, torch.float64)
    got = sampler.run(noise, sigmas)
    if got.shape != exact.shape or got.dtype != dtype:
        raise Incorrect(f"expected {exact.shape}, {dtype}; got {got.shape}, {got.dtype}")
    plain = [
        found.double() - exact
        for several in _realisations(noise)
        for found in sampler.by_formula(several, sigmas, dtype).chunk(several.times)
    ]
    return Budget.of(exact, plain, dtype, FACTOR, NUM_PATHS).judge(name, got)


def _realisations(noise: Noise) -> Iterator[Noise]:
    """Yield the start as it is and rounded otherwise, as many of them at once as are cheap."""
    at_once = max(AT_ONCE // len(noise.start), 1)
    for first in range(0, NUM_REALISATIONS, at_once):
        numbers = range(first, min(first + at_once, NUM_REALISATIONS))
        starts = torch.cat([_rounded(noise.start, number) for number in numbers])
        yield Noise(starts, noise.seed, noise.first, len(numbers))


def _rounded(start: Tensor, number: int) -> Tensor:
    """Move every element by half a rounding, up or down; realisation 0 is unmoved."""
    if number == 0:
        return start
    generator = torch.Generator().manual_seed(number)
    signs = torch.randint(2, start.shape, generator=generator) * 2 - 1
    half = torch.finfo(start.dtype).eps / 2
    return (start * (1 + half * signs.to(start.device, torch.float64))).to(start.dtype)


def overhead(sampler: Sampler, noise: Noise) -> list[Measurement]:
    """Time runs beside bare calls of the network at the same shapes and noise levels, in turn.

    `overhead_share` is the rest of a run over its bare calls; noise that a stochastic sampler
    draws image by image is part of it.
    """
    calls = network_calls(sampler, noise)
    levels = _levels(sampler.sigmas, calls)
    runs: list[float] = []
    bare: list[float] = []
    begun = perf_counter()
    while not runs or (len(runs) < PAIRS and perf_counter() - begun < PAIRS_S):
        runs.append(_seconds(sampler, lambda: sampler(noise)))
        bare.append(_seconds(sampler, lambda: _bare(sampler, noise.start, levels)))
    share = median(run / own - 1 for run, own in zip(runs, bare, strict=True))
    return [Measurement("overhead_share", "1", [share])]


def _levels(sigmas: list[float], calls: int) -> list[float]:
    """Return as many noise levels as there are calls, the grid's own in turn."""
    own = sigmas[:-1]
    return [own[i * len(own) // calls] for i in range(calls)]


def _bare(sampler: Sampler, x: Tensor, levels: list[float]) -> None:
    for sigma in levels:
        sampler.network.denoise(x, sigma)


def _seconds(sampler: Sampler, call: Callable[[], object]) -> float:
    synchronize(sampler.setting)
    started = perf_counter()
    call()
    synchronize(sampler.setting)
    return perf_counter() - started
