"""The work itself: noise, a ground to draw from, and a budget of network evaluations."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bench import Plain, Problem, Setting
from suites.samplers.features import Features, features_for
from suites.samplers.given_reference import expect_reference
from suites.samplers.ground import Ground, ground_names, load_ground
from suites.samplers.noise import Noise, draw_noise
from suites.samplers.preprocessing import load_preprocessing

GROUND_OF_A_MODEL = "model"
MODULES_OF_A_MODEL = (
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.models.transformers.dit_transformer_2d",
    "diffusers.models.autoencoders.autoencoder_kl",
)
TIMED = 1 << 16  # the seeds of images that are timed and checked, apart from those of quality


@dataclass(frozen=True)
class Workload(Problem):
    """Drawing `batch` images a call from `ground` within `nfe` network evaluations.

    `nfe` is the budget: the sampler takes the largest grid within it, and `measured_nfe` is what
    it used. Quality is measured on `num_images` images, or half of what real images there are.
    `data` is the path of a user's images (see `suites.models.digits`), `inception` that of
    Inception-v3 weights (see `suites.samplers.inception`), without which nothing is called FID;
    `preprocessing` says which FID (by default the papers', see `suites.samplers.preprocessing`).
    `reference` is the path of what images are compared with in place of the ground's own (see
    `suites.samplers.given_reference`), `model` that of the ground `model`'s network.
    """

    ground: str = "digits_mixture"
    nfe: int = 20
    batch: int = 32
    num_images: int = 1000
    data: str | None = None
    inception: str | None = None
    preprocessing: str | None = None
    reference: str | None = None
    model: str | None = None

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
        {"ground": "digits_mixture", "nfe": 12, "batch": 4},
    )

    def __post_init__(self) -> None:
        if self.ground not in ground_names():
            expected = ", ".join(ground_names())
            raise ValueError(f"expected ground to be one of {expected}, got {self.ground!r}")
        for name, least in (("nfe", 1), ("batch", 2), ("num_images", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} of at least {least}, got {getattr(self, name)}")
        for name in ("data", "inception", "reference", "model"):
            path = getattr(self, name)
            if path is not None and not os.path.exists(os.path.expanduser(path)):
                raise ValueError(f"{name}: expected the path of a file or folder, got {path!r}")
        self._expect_together()

    def _expect_together(self) -> None:
        """Refuse what would have no effect, and a ground without what it needs."""
        if self.preprocessing is not None:
            load_preprocessing(self.preprocessing)
            if self.inception is None:
                raise ValueError(
                    f"preprocessing={self.preprocessing}: expected Inception-v3 weights beside it, "
                    "as --inception PATH"
                )
        if (self.model is None) == (self.ground == GROUND_OF_A_MODEL):
            given = "no model" if self.model is None else f"model {self.model!r}"
            raise ValueError(
                f"expected --model PATH and --set ground={GROUND_OF_A_MODEL} together, got {given} "
                f"and ground={self.ground}"
            )

    @cached_property
    def loaded(self) -> Ground:
        """Return the ground itself, built on first use."""
        return load_ground(self.ground, self.data, self.model)

    def features(self) -> Features:
        """Return what the distance is taken of."""
        digits = self.data is None and self.model is None
        shape = self.loaded.image_shape
        return features_for(shape, digits, self.inception, self.preprocessing)

    def make_inputs(self, seed: int, setting: Setting) -> Noise:
        """Draw the noise that a batch starts from, one seed an image."""
        return draw_noise(
            self.loaded.shape, self.batch, TIMED + seed, setting.dtype, setting.device
        )

    def imports(self) -> tuple[str, ...]:
        return MODULES_OF_A_MODEL if self.model is not None else ()

    def work(self, setting: Setting) -> dict[str, float]:
        return {"images": float(self.batch)}

    def expect_files(self) -> None:
        """Load what the user gave: a model, images, and weights and a reference that take them."""
        shape = self.loaded.image_shape
        if self.inception is not None:
            self._expect_inception(self.inception, shape)
        if self.reference is not None:
            expect_reference(self.reference, shape, self.inception)
        elif self.model is not None and self.data is None:
            raise ValueError(
                f"{self.model}: expected real images beside it, as --reference or --data PATH"
            )

    def _expect_inception(self, path: str, shape: tuple[int, ...]) -> None:
        from suites.samplers.inception import load_network

        load_network(path)
        if len(shape) == 3 and shape[0] not in (1, 3):
            raise ValueError(f"{self.data}: Inception takes 1 or 3 channels, got {shape[0]}")
