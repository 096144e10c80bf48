"""Sampler: what a file of this suite returns, a library's solver beside its textbook formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from bench import Measurement, Setting
from suites.samplers.grids import Grid, grid_named
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.workload import Workload


class Integrate(Protocol):
    """Carry x = data + sigmas[0] noise, (B, *shape), from sigmas[0] down to sigmas[-1].

    `denoise(x, sigma)` is the network; `noise` is for stochastic samplers. The result is again
    data + sigmas[-1] noise, and so the data itself where the last sigma is 0.
    """

    def __call__(
        self, denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise
    ) -> Tensor: ...


class Counted:
    """A denoiser that counts its calls: the NFE is what the network saw, not what was meant."""

    def __init__(self, denoise: Callable[..., Tensor]):
        self.denoise = denoise
        self.num_calls = 0

    def __call__(self, x: Tensor, sigma: float, *labels: Tensor) -> Tensor:
        self.num_calls += 1
        return self.denoise(x, sigma, *labels)


class Sampler:
    """A solver on a grid, ready to run: noise in, images out.

    `solve` is what is measured, `formula` the same method as its paper writes it, in plain torch,
    against which the check holds it. `num_steps` is the largest that stays within the problem's
    budget of evaluations. `order` is the published order of convergence, fixed beforehand; 0 where
    none is, None for a stochastic sampler, whose result is no solution of an ODE.
    """

    def __init__(
        self,
        problem: Workload,
        setting: Setting,
        *,
        solve: Integrate,
        formula: Integrate,
        grid: str | Grid,
        order: int | None,
        num_steps: int | None = None,
    ):
        self.problem, self.setting = problem, setting
        self.solve, self.formula, self.order = solve, formula, order
        self.grid = grid_named(grid) if isinstance(grid, str) else grid
        self.num_steps = num_steps or problem.nfe
        self.sigmas = self.grid.sampling(self.num_steps, problem.loaded.sigma_max)
        self.network = Counted(self.denoiser(setting.dtype))

    def denoiser(self, dtype: torch.dtype) -> Callable[..., Tensor]:
        """Return the network that is driven, all of its arithmetic in `dtype`."""
        return self.problem.loaded.denoiser(dtype, self.setting.device)

    def __call__(self, noise: Noise) -> Tensor:
        """Return images (B, *shape) in the dtype of the noise."""
        return self.run(noise, self.sigmas)

    def run(self, noise: Noise, sigmas: list[float]) -> Tensor:
        """Carry the noise along any falling levels."""
        return self.solve(self.network, sigmas, sigmas[0] * noise.start, noise)

    def by_formula(self, noise: Noise, sigmas: list[float], dtype: torch.dtype) -> Tensor:
        """Do the same by the textbook formula, all arithmetic in `dtype`."""
        return self.formula(self.denoiser(dtype), sigmas, sigmas[0] * noise.start.to(dtype), noise)

    def own_worth(self, seed: int) -> list[Measurement]:
        """Measure, of one seed, what only a sampler of this kind has; of most that is nothing."""
        return []

    @property
    def deterministic(self) -> bool:
        """Say whether equal starts give equal images: whether it solves an ODE."""
        return self.order is not None
