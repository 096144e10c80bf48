"""The loss over a fixed budget of steps, beside float32's on the same weights and batches."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from torch import Tensor

from bench import Measurement, Setting
from bench.workload import once_a_session
from suites.precision.octaves import Octaves, of_activations, of_weights
from suites.precision.policy import Policy, finish
from suites.precision.updates import unchanged
from suites.precision.workload import Workload

BATCHES_APART = 1_000_000  # batches of one seed never meet those of another
LAST = 10  # steps whose mean is called the final loss: single batches scatter


@dataclass
class Trajectory:
    """Losses up to the first that is not finite, and what else was seen on the way.

    `zeros` is the share of gradient elements at 0, `scales` the scale of every step, `still` the
    share of weights that each of the last updates left unchanged.
    """

    losses: list[float] = field(default_factory=list)
    zeros: float = 0.0
    scales: list[float] = field(default_factory=list)
    still: list[float] = field(default_factory=list)


def learn(problem: Workload, policy: Policy, seed: int, setting: Setting) -> list[Measurement]:
    """Train under the policy and in float32; a loss that is not finite ends a trajectory.

    Where it does, `diverged_at_step` says when, and there is no final loss to compare.
    `grad_lost_fraction` is the share of gradient elements at 0 beyond float32's own.
    """
    octaves = Octaves()
    found = _train(problem, policy, seed, setting, octaves if seed == 0 else None)
    name = f"float32 trajectory of {problem}, seed {seed}, {setting}"
    exact = Trajectory(**once_a_session(name, lambda: _in_float32(problem, seed, setting)))
    measured = {"grad_lost_fraction": found.zeros - exact.zeros}
    if policy.scaled:
        measured |= {"loss_scale": policy.scale(), "skipped_steps": float(policy.skipped)}
    if found.still:
        measured["weights_unchanged"] = fmean(found.still)
    if len(found.losses) < problem.num_steps:
        measured["diverged_at_step"] = float(len(found.losses))
    else:
        final, other = fmean(found.losses[-LAST:]), fmean(exact.losses[-LAST:])
        measured |= {"final_loss": final, "loss_gap": final - other}
    kept = {"loss": found.losses, "loss_scale_by_step": found.scales if policy.scaled else []}
    trajectories = [Measurement(name, "1", values) for name, values in kept.items() if values]
    single = [Measurement(name, "1", [value]) for name, value in measured.items()]
    return [*trajectories, *single, *octaves.measurements()]


def _in_float32(problem: Workload, seed: int, setting: Setting) -> dict[str, Any]:
    return asdict(_train(problem, Policy(problem, setting), seed, setting))


def _train(
    problem: Workload, policy: Policy, seed: int, setting: Setting, octaves: Octaves | None = None
) -> Trajectory:
    """Train; the gradients of the last step are counted by octaves."""
    policy.reset(seed)
    found = Trajectory()
    zeros = elements = 0
    for step in range(problem.num_steps):
        batch = problem.make_inputs(BATCHES_APART * (seed + 1) + step, setting)
        found.scales.append(policy.scale())
        left = problem.num_steps - step
        running = _to_backward(policy, batch, octaves if left == 1 else None)
        zeros += sum(int((gradient == 0).sum()) for gradient in policy.gradients())
        elements += sum(gradient.numel() for gradient in policy.gradients())
        with unchanged(policy, found.still if left <= LAST else None):
            loss = finish(running)
        if not math.isfinite(loss):
            break
        found.losses.append(loss)
    found.zeros = zeros / elements
    return found


def _to_backward(
    policy: Policy, batch: Any, octaves: Octaves | None
) -> Generator[str, None, Tensor]:
    """Run a step up to its gradients; count them where that is asked."""
    running = policy.phases(batch)
    with ExitStack() as counting:
        if octaves is not None:
            counting.enter_context(of_activations(policy, octaves))
        while "backward" not in next(running):
            pass
    if octaves is not None:
        of_weights(policy, octaves)
    return running
