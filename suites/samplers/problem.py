"""The question: images from noise within a budget of network evaluations."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from bench.case import Measurement, Plain
from bench.problem import Call, Incorrect, Problem, Verdict
from bench.setting import Setting
from suites.samplers import held, worth
from suites.samplers.ground import Ground, ground_names, load_ground
from suites.samplers.noise import Noise, draw_noise

if TYPE_CHECKING:
    from suites.samplers.sampler import Sampler

TIMED = 1 << 16  # the seeds of images that are timed and checked, apart from those of quality


@dataclass(frozen=True)
class Run:
    """The timed call; it keeps the sampler in reach of the check, which needs its formula."""

    sampler: Sampler

    def __call__(self, noise: Noise) -> tuple[Tensor, ...]:
        return (self.sampler(noise),)


@dataclass(frozen=True)
class Sampling(Problem):
    """Draw `batch` images a call from `ground` within `nfe` network evaluations.

    `nfe` is the budget: the sampler takes the largest grid within it, and `measured_nfe` is what
    it used. Quality is measured on `num_images` images, or half of what real images there are.
    `data` is the path of a user's images (see `suites.models.digits`), `inception` that of
    Inception-v3 weights (see `suites.samplers.inception`), without which nothing is called FID.
    """

    ground: str = "posterior"
    nfe: int = 20
    batch: int = 32
    num_images: int = 898
    data: str | None = None
    inception: str | None = None

    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    # what every attempt would import anew: seconds each, against tenths of a second of work
    preload: ClassVar[tuple[str, ...]] = (
        "diffusers.schedulers.scheduling_ddim",
        "diffusers.schedulers.scheduling_unipc_multistep",
        "scipy.integrate",
    )
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"ground": "mixture2", "nfe": 12, "batch": 4},
        {"ground": "mixture64", "nfe": 9, "batch": 4},
        {"ground": "posterior", "nfe": 12, "batch": 4},
    )

    def __post_init__(self) -> None:
        if self.ground not in ground_names():
            expected = ", ".join(ground_names())
            raise ValueError(f"expected ground to be one of {expected}, got {self.ground!r}")
        for name in ("nfe", "batch", "num_images"):
            if getattr(self, name) < 2:
                raise ValueError(f"expected {name} of at least 2, got {getattr(self, name)}")
        for name in ("data", "inception"):
            path = getattr(self, name)
            if path is not None and not os.path.isfile(os.path.expanduser(path)):
                raise ValueError(f"{name}: expected the path of a file, got {path!r}")

    @cached_property
    def loaded(self) -> Ground:
        """Return the ground itself, built on first use."""
        return load_ground(self.ground, self.data)

    def make_inputs(self, seed: int, setting: Setting) -> Noise:
        """Draw the noise that a batch starts from, one seed an image."""
        return draw_noise(
            self.loaded.shape, self.batch, TIMED + seed, setting.dtype, setting.device
        )

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return the sampler's run from noise to images; ValueError for anything but a Sampler."""
        if not hasattr(step, "by_formula"):
            raise ValueError(
                f"expected the variant to return a suites.samplers.sampler.Sampler, got {step!r}"
            )
        return Run(step)  # type: ignore[arg-type]

    def check(self, call: Call, inputs: Noise, setting: Setting) -> Verdict:
        """Hold the images to the textbook formula in float64: same grid, same noise."""
        assert isinstance(call, Run)
        calls = held.network_calls(call.sampler, inputs)
        if calls > self.nfe:
            raise Incorrect(f"used {calls} network evaluations, expected at most {self.nfe}")
        verdict = held.to_formula(call.sampler, inputs)
        return Verdict(
            [Measurement("nfe", "1", [float(calls)]), *verdict.measurements],
            verdict.tolerances,
        )

    def work(self, setting: Setting) -> dict[str, float]:
        return {"images": float(self.batch)}

    def expect_files(self) -> None:
        """Load what the user gave: images that the ground takes, and weights that take them."""
        shape = self.loaded.shape
        if self.inception is None:
            return
        from suites.samplers.inception import load_inception

        load_inception(self.inception)
        if len(shape) == 3 and shape[0] not in (1, 3):
            raise ValueError(f"{self.data}: Inception takes 1 or 3 channels, got {shape[0]}")

    def provision(self, progress: Callable[[str, float], None]) -> None:
        """Train the ground's denoiser and the network of the features, unless they are there."""
        self.loaded.provision(progress)
        worth.provision(self, progress)

    def account(self, built: Sampler, inputs: Noise, setting: Setting) -> list[Measurement]:
        """Measure what the sampler adds to the bare network calls of its grid."""
        return held.overhead(built, inputs)

    def quality(self, built: Sampler, seed: int, setting: Setting) -> list[Measurement]:
        """Measure the distance to real samples and, on exact grounds, the error of the solver."""
        return worth.worth(self, built, seed)

    def quality_calls(self, setting: Setting) -> int:
        """Count the images in batches, and the network calls of what they are compared with."""
        images = -(-self.num_images // self.batch)
        return images + -(-worth.NUM_COMPARED // self.nfe)
