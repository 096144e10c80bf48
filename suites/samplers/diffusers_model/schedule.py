"""Make D(x; sigma) of what a network predicts at a time step of the table it was trained with.

States: `x` is data + sigma noise; a table's network sees x / sqrt(1 + sigma^2), flow's x / (1 +
sigma). Karras et al. 2022 (arXiv:2206.00364), table 1 and appendix C.3.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from suites.samplers.families import vp_scale
from suites.samplers.grids import SIGMA_MAX

Predict = Callable[[Tensor, float], Tensor]  # of a state as the network sees it, at a time step


class Schedule(Protocol):
    """Turns predictions into denoised images, up to a noise level `sigma_max`."""

    @property
    def sigma_max(self) -> float: ...

    def denoised(self, predict: Predict, x: Tensor, sigma: float) -> Tensor:
        """Return D(x; sigma)."""
        ...


def _of_noise(found: Tensor, x: Tensor, sigma: float) -> Tensor:
    """Ho et al. 2020 (arXiv:2006.11239), eq. 15."""
    return x - sigma * found


def _of_data(found: Tensor, x: Tensor, sigma: float) -> Tensor:
    return found


def _of_velocity(found: Tensor, x: Tensor, sigma: float) -> Tensor:
    """Salimans and Ho 2022 (arXiv:2202.00512), section 4: x0 = alpha z - sigma_z v, z = alpha x."""
    alpha = vp_scale(sigma)
    return alpha**2 * x - alpha * sigma * found


PREDICTIONS = {"epsilon": _of_noise, "sample": _of_data, "v_prediction": _of_velocity}


@dataclass(frozen=True)
class Table:
    """A variance-preserving process in discrete steps, read between them in log sigma."""

    log_sigmas: np.ndarray
    read: Callable[[Tensor, Tensor, float], Tensor]

    @property
    def sigma_max(self) -> float:
        return min(math.exp(self.log_sigmas[-1]), SIGMA_MAX)

    def time(self, sigma: float) -> float:
        """Return the time step of a noise level; beyond the table its nearest end."""
        steps = np.arange(len(self.log_sigmas))
        return float(np.interp(math.log(sigma), self.log_sigmas, steps))

    def denoised(self, predict: Predict, x: Tensor, sigma: float) -> Tensor:
        return self.read(predict(vp_scale(sigma) * x, self.time(sigma)), x, sigma)


@dataclass(frozen=True)
class Flow:
    """x_t = (1 - t) data + t noise, and a network of noise - data at t num_train_timesteps.

    Lipman et al. 2023 (arXiv:2210.02747); Esser et al. 2024 (arXiv:2403.03206), eq. 13.
    """

    num_train_timesteps: int
    sigma_max: float = SIGMA_MAX

    def denoised(self, predict: Predict, x: Tensor, sigma: float) -> Tensor:
        time = sigma / (1 + sigma)
        state = x / (1 + sigma)
        return state - time * predict(state, time * self.num_train_timesteps)


def schedule_of(config: dict[str, Any], where: str) -> Schedule:
    """Read a scheduler's config; ValueError where it does not say what is predicted, and when."""
    steps = config.get("num_train_timesteps")
    if not isinstance(steps, int) or steps < 2:
        raise ValueError(f"{where}: expected num_train_timesteps of at least 2, got {steps}")
    kind = config.get("prediction_type")
    if kind == "flow_prediction" or str(config.get("_class_name")).startswith("FlowMatch"):
        return Flow(steps)
    if kind not in PREDICTIONS:
        expected = ", ".join((*PREDICTIONS, "flow_prediction"))
        raise ValueError(f"{where}: expected prediction_type to be one of {expected}, got {kind}")
    return Table(_log_sigmas(config, where), PREDICTIONS[kind])


def _log_sigmas(config: dict[str, Any], where: str) -> np.ndarray:
    """Return log sigma of every step, sigma^2 = (1 - a) / a with diffusers' own alphas_cumprod.

    A schedule of zero terminal SNR has no last sigma: its table ends one step before.
    """
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    if "beta_schedule" not in config:
        raise ValueError(f"{where}: expected beta_schedule, which tells the noise levels")
    betas = ("beta_start", "beta_end", "beta_schedule", "trained_betas", "rescale_betas_zero_snr")
    given = {name: config[name] for name in (*betas, "num_train_timesteps") if name in config}
    try:
        kept = DDPMScheduler(**given).alphas_cumprod.double().numpy()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: expected a schedule that diffusers knows, {error}") from error
    kept = kept[kept > np.finfo(np.float32).eps ** 2]
    sigmas = np.sqrt((1 - kept) / kept)
    if not (np.isfinite(sigmas).all() and sigmas[0] > 0 and (np.diff(sigmas) > 0).all()):
        raise ValueError(f"{where}: expected noise levels that rise with the step")
    return np.log(sigmas)
