"""One update of the weights against float64's: where 16 bits lose what the gradient still had."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench import Measurement, Setting
from suites.models.drawn import first_weights
from suites.precision.pieces import forward_backward
from suites.precision.policy import Policy, adamw
from suites.precision.workload import Batch, Workload, cast


def exact_update(problem: Workload, batch: Batch, setting: Setting) -> Tensor:
    """Return what AdamW's first step adds to all trained weights in float64, flat."""
    network = first_weights(problem, 0, setting.device).to(setting.device, torch.float64)
    trained = [p for p in network.parameters() if p.requires_grad]
    with problem.exactly():
        _, gradients = forward_backward(problem, network, cast(batch, torch.float64), trained)
    return torch.cat(
        [_moved(p, g, problem).reshape(-1) for p, g in zip(trained, gradients, strict=True)]
    )


def _moved(weight: nn.Parameter, gradient: Tensor | None, problem: Workload) -> Tensor:
    """Return what AdamW adds to one weight: all at once, its states would be twice the network."""
    before = weight.detach().clone()
    weight.grad = gradient
    adamw([weight], problem.learning_rate).step()
    weight.grad = None
    return weight.detach() - before


def held_to(exact: Tensor, update: Tensor) -> list[Measurement]:
    """Measure an update's error, relative to float64's, and the share of weights it left alone.

    Of those that float64 moves; an update that is not finite has no error, nor has one of other
    weights: that they are others, their gradients tell.
    """
    if update.shape != exact.shape:
        return []
    moved = exact != 0
    if not bool(moved.any()):
        return []
    error = float((update - exact).norm() / exact.norm())
    still = float((update[moved] == 0).double().mean())
    found = {"update_error_l2": error, "update_unchanged": still}
    return [Measurement(name, "1", [v]) for name, v in found.items() if math.isfinite(v)]


@contextmanager
def unchanged(policy: Policy, shares: list[float] | None) -> Iterator[None]:
    """Append the share of weights that what happens here left unchanged; where it is asked."""
    before = [] if shares is None else policy.weights()
    yield
    if shares is not None:
        pairs = zip(policy.weights(), before, strict=True)
        still = sum(int((after == own).sum()) for after, own in pairs)
        shares.append(still / sum(weight.numel() for weight in before))
