"""A small network trained on samples of `digits_mixture` with their classes, for guidance.

It errs, as networks do: on the exact denoiser guidance only trades, here it can also repair. What
it learned from is known exactly. About a minute on one core, once, and half of one for a classifier
of noisy images, which classifier guidance needs.
"""

from __future__ import annotations

import copy
from functools import cached_property

import torch
from torch import Tensor

from suites.models import classes, edm, mlp, noisy_classifier, stored, training, unet
from suites.models.training import Recipe
from suites.samplers.full_mixture import FullMixture
from suites.samplers.ground import Denoise, DenoiseClass, Ground, Progress
from suites.samplers.grounds import digits_mixture
from suites.samplers.moments import Moments

WIDTH = 128
RECIPE = Recipe(num_steps=3000)
CLASSIFIER, ITS_RECIPE = (128, 2), Recipe(num_steps=2000)  # width and blocks
NUM_TRAINED_ON = 20_000
SEED = 1 << 19  # of what is trained on, apart from those of what is compared with


class Classed(Ground):
    """The network, and the mixture that it was trained on."""

    def __init__(self, mixture: FullMixture):
        assert mixture.num_classes is not None
        self.mixture, self.shape, self.num_classes = mixture, mixture.shape, mixture.num_classes
        self.none = mixture.num_classes  # the label of none, and so many classes are before it

    def provision(self, progress: Progress) -> None:
        self.mixture.provision(progress)
        self.weights(lambda _, share: progress("training mlp_classes", share))
        self.classifier_weights(
            lambda _, share: progress("training the classifier of mlp_classes", share)
        )

    def weights(self, progress: Progress = lambda *_: None) -> dict[str, Tensor]:
        """Return the trained weights, from the cache or trained now."""
        sources = (classes, edm, mlp, training, unet)
        key = stored.content_key(*sources, *self.mixture.gaussians, WIDTH, RECIPE, NUM_TRAINED_ON)
        kept: dict[str, Tensor] = stored.stored(
            "samplers-mlp_classes", key, lambda: self._train(progress)
        )
        return kept

    def _train(self, progress: Progress) -> dict[str, Tensor]:
        images, labels = self.mixture.draw(NUM_TRAINED_ON, SEED)
        return classes.train_with_classes(
            images.float(), labels, self.none, WIDTH, RECIPE, progress
        )

    def classifier_weights(self, progress: Progress = lambda *_: None) -> dict[str, Tensor]:
        """Return the weights of the classifier of noisy images, from the cache or trained now."""
        sources = (mlp, noisy_classifier, training, unet)
        sizes = (CLASSIFIER, ITS_RECIPE, NUM_TRAINED_ON)
        key = stored.content_key(*sources, *self.mixture.gaussians, *sizes)
        kept: dict[str, Tensor] = stored.stored(
            "samplers-mlp_classes-classifier", key, lambda: self._train_classifier(progress)
        )
        return kept

    def _train_classifier(self, progress: Progress) -> dict[str, Tensor]:
        images, labels = self.mixture.draw(NUM_TRAINED_ON, SEED)
        return noisy_classifier.train_classifier(
            images.float(), labels, self.none, CLASSIFIER, ITS_RECIPE, progress
        )

    @cached_property
    def network(self) -> edm.Preconditioned:
        """Return the trained network, float32, on the CPU."""
        built = edm.Preconditioned(classes.ClassMlp(self.shape, self.none, WIDTH), 1.0)
        built.load_state_dict(self.weights())
        return built.eval().requires_grad_(False)

    def conditional(self, dtype: torch.dtype, device: torch.device) -> DenoiseClass:
        """Return the network with labels; all of its arithmetic is in `dtype`."""
        network = copy.deepcopy(self.network).to(device, dtype)

        def denoise(x: Tensor, sigma: float, labels_B: Tensor) -> Tensor:
            return network(x, x.new_full((len(x),), sigma), labels_B)

        return denoise

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return the network with the label of none."""
        classed = self.conditional(dtype, device)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            return classed(x, sigma, torch.full((len(x),), self.none, device=x.device))

        return denoise

    def class_log_probabilities(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return the classifier; all of its arithmetic is in `dtype`."""
        built = noisy_classifier.NoisyClassifier(self.shape, self.none, *CLASSIFIER, 1.0)
        built.load_state_dict(self.classifier_weights())
        network = built.to(device, dtype).eval().requires_grad_(False)

        def log_probabilities(x: Tensor, sigma: float) -> Tensor:
            return network(x, x.new_full((len(x),), sigma))

        return log_probabilities

    def moments(self, label: int | None = None) -> Moments:
        return self.mixture.moments(label)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        return self.mixture.halves(num_images, seed)


def ground(data: str | None = None) -> Classed:
    """Return the ground, trained on first use."""
    if data is not None:
        raise ValueError("mlp_classes takes no data: it is trained on samples of digits_mixture")
    return Classed(digits_mixture.ground())
