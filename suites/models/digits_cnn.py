"""A small classifier of the digits; its last hidden layer is the features of FD(digits-cnn)."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suites.models.digits import Images, digits
from suites.models.seeded import seeded
from suites.models.stored import content_key, location, stored
from suites.models.training import one_thread

NUM_FEATURES = 64
NUM_STEPS, BATCH, LEARNING_RATE, SEED = 900, 64, 2e-3, 0
NUM_HELD_OUT = 360  # digits the accuracy is measured on, never trained on


class DigitsCnn(nn.Module):
    """Three convolutions and two layers over 1 x 8 x 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 16, NUM_FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(NUM_FEATURES, 10)

    def features(self, pixels: Tensor) -> Tensor:
        """Return the last hidden layer (n, 64) of pixels (n, 1, 8, 8)."""
        return self.body(pixels)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits (n, 10)."""
        return self.head(self.features(pixels))


def digits_cnn(progress: Callable[[str, float], None] = lambda *_: None) -> DigitsCnn:
    """Return the trained classifier, from the cache or trained now; about 10 s on one core."""
    images = digits()
    kept = stored("digits-cnn", _key(images), lambda: _train(images, progress))
    network = DigitsCnn()
    network.load_state_dict(kept["weights"])
    return network.eval().requires_grad_(False)


def is_trained() -> bool:
    """Say whether the classifier is in the cache."""
    return location("digits-cnn", _key(digits())).exists()


def accuracy() -> float:
    """Return the share of held-out digits the cached classifier names rightly."""
    return float(stored("digits-cnn", _key(digits()), lambda: _train(digits(), _quiet))["accuracy"])


def _quiet(*_: object) -> None:
    return None


def _key(images: Images) -> str:
    return content_key(sys.modules[__name__], *images)


def _train(images: Images, progress: Callable[[str, float], None]) -> dict[str, object]:
    assert images.labels is not None
    generator = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(images.pixels), generator=generator)
    held_out, rest = order[:NUM_HELD_OUT], order[NUM_HELD_OUT:]
    with one_thread(), torch.enable_grad():
        network = seeded(SEED, DigitsCnn)
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, NUM_STEPS)
        for step in range(NUM_STEPS):
            picked = rest[torch.randint(len(rest), (BATCH,), generator=generator)]
            optimizer.zero_grad()
            F.cross_entropy(network(images.pixels[picked]), images.labels[picked]).backward()
            optimizer.step()
            schedule.step()
            if step % 50 == 0:
                progress("training digits-cnn", step / NUM_STEPS)
        with torch.no_grad():
            guesses = network(images.pixels[held_out]).argmax(-1)
    right = float((guesses == images.labels[held_out]).double().mean())
    return {"weights": network.state_dict(), "accuracy": right}
