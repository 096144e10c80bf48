"""Noise is an image's own, whatever images are drawn beside it."""

from __future__ import annotations

import torch

from suites.samplers.guided import labels_of
from suites.samplers.noise import Noise, draw_noise
from tests.suites.on_cpu import MARKS

pytestmark = MARKS

CPU = torch.device("cpu")


def test_noise_is_the_images_own_at_any_batch_size() -> None:
    whole = draw_noise((1, 8, 8), 6, 3, torch.float32, CPU)
    parts = [draw_noise((1, 8, 8), 2, 3, torch.float32, CPU, first) for first in (0, 2, 4)]
    assert torch.equal(whole.start, torch.cat([part.start for part in parts]))
    later = [part.draw(part.generators()) for part in parts]
    assert torch.equal(whole.draw(whole.generators()), torch.cat(later))
    assert not torch.equal(whole.start, draw_noise((1, 8, 8), 6, 4, torch.float32, CPU).start)
    assert abs(float(whole.start.mean())) < 0.2
    assert abs(float(whole.start.std()) - 1) < 0.1


def test_the_same_images_again_get_the_same_noise_again() -> None:
    once = draw_noise((3,), 4, 7, torch.float32, CPU, 5)
    again = Noise(once.start.repeat(3, 1), 7, 5, times=3)
    drawn = once.draw(once.generators())
    assert torch.equal(again.draw(again.generators()), drawn.repeat(3, 1))
    assert torch.equal(labels_of(again, 10), labels_of(once, 10).repeat(3))
