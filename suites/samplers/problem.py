"""The question: images from noise within a budget of network evaluations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench import Call, Incorrect, Measurement, Setting, Verdict
from suites.samplers import held, worth
from suites.samplers.noise import Noise
from suites.samplers.sampler import Sampler
from suites.samplers.workload import Workload


@dataclass(frozen=True)
class Run:
    """The timed call; it keeps the sampler in reach of the check, which needs its formula."""

    sampler: Sampler

    def __call__(self, noise: Noise) -> tuple[Tensor, ...]:
        return (self.sampler(noise),)


@dataclass(frozen=True)
class Sampling(Workload):
    """Draw `batch` images a call from `ground` within `nfe` network evaluations.

    `nfe` is the budget: the sampler takes the largest grid within it, and `measured_nfe` is what
    it used. Quality is measured on `num_images` images, or half of what real images there are.
    `data` is the path of a user's images (see `suites.models.digits`), `inception` that of
    Inception-v3 weights (see `suites.samplers.inception`), without which nothing is called FID;
    `preprocessing` says which FID (by default the papers', see `suites.samplers.preprocessing`).
    `reference` is the path of what images are compared with in place of the ground's own (see
    `suites.samplers.given_reference`), `model` that of the ground `model`'s network.
    """

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        """Return the sampler's run from noise to images; ValueError for anything but a Sampler."""
        if not isinstance(step, Sampler):
            raise ValueError(
                f"expected the variant to return a suites.samplers.sampler.Sampler, got {step!r}"
            )
        return Run(step)

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

    def provision(self, progress: Callable[[str, float], None]) -> None:
        """Train the ground's denoiser and the network of the features, unless they are there."""
        self.loaded.provision(progress)
        worth.provision(self, progress)

    def named_calls(self, built: Sampler) -> dict[str, tuple[Any, str]]:
        """Tell the network's time from the solver's in a profile."""
        return {"network": (built.network, "denoise")}

    def overheads(self, built: Sampler, inputs: Noise, setting: Setting) -> list[Measurement]:
        """Time what the sampler adds to the bare network calls of its grid."""
        return held.overhead(built, inputs)

    def quality(self, built: Sampler, seed: int, setting: Setting) -> list[Measurement]:
        """Measure the distance to real samples and, on exact grounds, the error of the solver."""
        return worth.worth(self, built, seed)

    def quality_calls(self, setting: Setting) -> int:
        """Count the images in batches, and the network calls of what they are compared with."""
        images = -(-self.num_images // self.batch)
        return images + -(-worth.NUM_COMPARED // self.nfe)
