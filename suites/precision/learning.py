"""The loss over a fixed budget of steps, beside float32's on the same weights and batches."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from bench import Measurement, Setting
from bench.workload import float32_products, once_a_session
from suites.precision.policy import Policy, finish
from suites.precision.workload import Workload

BATCHES_APART = 1_000_000  # batches of one seed never meet those of another
LAST = 10  # steps whose mean is called the final loss: single batches scatter


@dataclass(frozen=True)
class Trajectory:
    """Losses up to the first that is not finite, and the share of gradient elements at 0."""

    losses: list[float]
    zeros: float


def learn(problem: Workload, policy: Policy, seed: int, setting: Setting) -> list[Measurement]:
    """Train under the policy and in float32; a loss that is not finite ends a trajectory.

    Where it does, `diverged_at_step` says when, and there is no final loss to compare.
    `grad_lost_fraction` is the share of gradient elements at 0 beyond float32's own.
    """
    found = _train(problem, policy, seed, setting)
    name = f"float32 trajectory of {problem}, seed {seed}, {setting}"
    exact = Trajectory(**once_a_session(name, lambda: _in_float32(problem, seed, setting)))
    measured = {"grad_lost_fraction": found.zeros - exact.zeros}
    if policy.scaled:
        measured |= {"loss_scale": policy.scale(), "skipped_steps": float(policy.skipped)}
    if len(found.losses) < problem.num_steps:
        measured["diverged_at_step"] = float(len(found.losses))
    else:
        final, other = fmean(found.losses[-LAST:]), fmean(exact.losses[-LAST:])
        measured |= {"final_loss": final, "loss_gap": final - other}
    losses = [Measurement("loss", "1", found.losses)] if found.losses else []
    return [*losses, *(Measurement(name, "1", [value]) for name, value in measured.items())]


def _in_float32(problem: Workload, seed: int, setting: Setting) -> dict[str, Any]:
    with float32_products("ieee"):
        return asdict(_train(problem, Policy(problem, setting), seed, setting))


def _train(problem: Workload, policy: Policy, seed: int, setting: Setting) -> Trajectory:
    policy.reset(seed)
    losses: list[float] = []
    zeros = elements = 0
    while len(losses) < problem.num_steps:
        batch_seed = BATCHES_APART * (seed + 1) + len(losses)
        running = policy.phases(problem.make_inputs(batch_seed, setting))
        while next(running) != "backward":
            pass
        zeros += sum(int((gradient == 0).sum()) for gradient in policy.gradients())
        elements += sum(gradient.numel() for gradient in policy.gradients())
        loss = finish(running)
        if not math.isfinite(loss):
            break
        losses.append(loss)
    return Trajectory(losses, zeros / elements)
