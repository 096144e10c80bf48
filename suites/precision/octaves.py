"""How large gradients are: the share of their elements in each octave, by type of layer.

Every format's smallest normal and subnormal number is a power of two, and so is a scaler's scale:
from these counts follows what each format would lose, with scaling and without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bench import Measurement
from suites.precision.policy import Policy
from suites.precision.ranges import LOWEST, NUM_OCTAVES


class Octaves:
    """Counts by layer type: zeros first, then octaves from 2**LOWEST on; all beyond in the ends."""

    def __init__(self) -> None:
        self.counts: dict[str, Tensor] = {}

    def add(self, kind: str, gradient: Tensor, scale: float) -> None:
        """Count the elements of a gradient, divided by its scale; those not finite in the last."""
        sizes = gradient.detach().double().abs().div(scale).reshape(-1)
        octave = torch.nan_to_num(sizes.log2().floor() - LOWEST, nan=NUM_OCTAVES)
        place = octave.clamp(0, NUM_OCTAVES - 1).long() + 1
        place[sizes == 0] = 0
        found = torch.bincount(place, minlength=NUM_OCTAVES + 1).cpu()
        self.counts[kind] = self.counts.get(kind, torch.zeros_like(found)) + found

    def measurements(self) -> list[Measurement]:
        """Return shares by octave, one trajectory a kind."""
        shares = {kind: found / found.sum() for kind, found in self.counts.items()}
        return [Measurement(kind, "1", share.tolist()) for kind, share in shares.items()]


@contextmanager
def of_activations(policy: Policy, octaves: Octaves) -> Iterator[None]:
    """Count the gradients that layers get from above, while this lasts."""
    scale = policy.scale()

    def seen(kind: str, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(lambda gradient: octaves.add(kind, gradient, scale))

    leaves = [m for m in policy.network.modules() if not next(m.children(), None)]
    hooks = [
        m.register_forward_hook(partial(seen, f"activation_octaves_{type(m).__name__}"))
        for m in leaves
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def of_weights(policy: Policy, octaves: Octaves) -> None:
    """Count the gradients that a backward pass has left."""
    scale = policy.scale()
    for module in policy.network.modules():
        for weight in module.parameters(recurse=False):
            if weight.grad is not None:
                octaves.add(f"gradient_octaves_{type(module).__name__}", weight.grad, scale)
