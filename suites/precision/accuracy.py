"""Output and gradients of a first step against float64, and what of them was lost to zero."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from bench import Incorrect, Measurement, Setting, Verdict
from bench.workload import Budget, Realisation, nudge_weights, realise
from suites.models.drawn import first_weights
from suites.precision.pieces import forward_backward
from suites.precision.policy import Policy, finish
from suites.precision.updates import exact_update, held_to
from suites.precision.workload import Batch, Workload, cast

OUTPUT_FACTOR = 2.0
GRADIENT_FACTOR = 3.0
MOST_REALISATIONS = 8  # each is a pass through the network, twice
MOST_SKIPPED = 40  # a scale halves at each: 2**16 is gone long before


def check(problem: Workload, policy: Policy, batch: Batch, setting: Setting) -> Verdict:
    """Hold a policy to the error of the whole network cast to the type it computes in.

    That plain computation has no autocast, no scaler and no float32 weights: an honest policy errs
    at most `factor` times as much (2 for the output, 3 for gradients; see docs/checking.md).
    Gradients are one vector of all parameters that are trained and used, unscaled.
    """
    policy.reset()
    got = policy_pass(policy, batch)
    updated = held_to(
        exact_update(problem, batch, setting), got.update
    )  # before references lie about

    def draw(number: int) -> Realisation:
        exact = plain_pass(policy, batch, torch.float64, number)
        with policy.numerics():
            plain = plain_pass(policy, batch, policy.compute, number)
        return Realisation(exact, plain)

    exact, plain = realise(draw, 0, most=MOST_REALISATIONS)
    if got.gradient.shape != exact[1].shape:
        raise Incorrect(
            f"gradients: expected {exact[1].numel()} elements (of parameters that are trained and "
            f"used), got {got.gradient.numel()}"
        )
    found = [
        Budget.of(true, low, policy.compute, factor, 2).judge(name, mine)
        for name, factor, mine, true, low in zip(
            ("out", "grad"), (OUTPUT_FACTOR, GRADIENT_FACTOR), got[:2], exact, plain, strict=True
        )
    ]
    measurements = [m for error in found for m in error.measurements()]
    measurements.append(Measurement("grad_lost_to_zero", "1", [_lost(got.gradient, exact[1])]))
    measurements += updated
    if bad := [error.describe() for error in found if not error.within]:
        raise Incorrect("; ".join(bad), measurements)
    rounding = torch.finfo(policy.compute).eps
    return Verdict(measurements, [(rounding * abs(got.loss), rounding)])


class FirstStep(NamedTuple):
    """Output, unscaled gradient of all parameters, loss, and what it added to all weights."""

    output: Tensor
    gradient: Tensor
    loss: float
    update: Tensor


def policy_pass(policy: Policy, batch: Batch) -> FirstStep:
    """Take the first step that is not skipped.

    A skipped step leaves the weights alone, so the next one is a first step again.
    """
    output, first = policy.output(batch).detach().double(), _flat(policy.weights())
    for _ in range(MOST_SKIPPED):
        gradient, loss = _step(policy, batch)
        if not policy.scaled or bool(torch.isfinite(gradient).all()):
            return FirstStep(output, gradient, loss, _flat(policy.weights()) - first)
    raise Incorrect(f"gradients overflow still after {MOST_SKIPPED} skipped steps")


def _step(policy: Policy, batch: Batch) -> tuple[Tensor, float]:
    """Take one step; return the gradient it had, unscaled, and its loss."""
    running, scale = policy.phases(batch), policy.scale()
    while "backward" not in next(running):
        pass
    return _flat(policy.gradients()) / scale, finish(running)


def plain_pass(
    policy: Policy, batch: Batch, dtype: torch.dtype, realisation: int = 0
) -> tuple[Tensor, Tensor]:
    """Return output and gradient with weights, data and arithmetic in `dtype`, as float64.

    Below float64 layers err as the policy's may. Realisations beside 0 start from weights moved by
    a few last places of the type that the policy computes in.
    """
    problem, device = policy.problem, policy.setting.device
    first = first_weights(problem, 0, device)
    network = nudge_weights(first, policy.compute, realisation).to(device, dtype)
    if dtype != torch.float64:
        network = policy.coarsened(network)
    trained = [p for p in network.parameters() if p.requires_grad]
    with problem.exactly() if dtype == torch.float64 else nullcontext():
        output, gradients = forward_backward(problem, network, cast(batch, dtype), trained)
    return output.detach().double(), _flat([g for g in gradients if g is not None])


def _lost(gradient: Tensor, exact: Tensor) -> float:
    """Return the share of elements that are 0, of those that are not in float64."""
    there = exact != 0
    return float((gradient[there] == 0).double().mean())


def _flat(gradients: list[Tensor]) -> Tensor:
    return torch.cat([gradient.detach().double().reshape(-1) for gradient in gradients])
