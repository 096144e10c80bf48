"""Is it the same training? N ranks against one process at the same precision and global batch.

The budget: a plain float32 process strays from float64 by rounding alone, which Adam magnifies
where a gradient is small. A strategy may stray three times as far, plus one rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.error_budget import Error, budget, errors
from bench.problem import Incorrect, Verdict
from bench.setting import Setting
from suites.distributed.strategy import adamw
from suites.models.gpt import loss

if TYPE_CHECKING:
    from suites.distributed.problems import Batch, DataParallelTraining

NUM_STEPS = 2  # the gradients of the second depend on the update of the first
FACTOR = 3.0
STRIDE = 1000  # between the seeds of one check's batches


def check(problem: DataParallelTraining, strategy: Any, inputs: Batch, setting: Setting) -> Verdict:
    """Compare losses by step and the parameters after the last; raise Incorrect beyond budget."""
    seeds = [inputs.seed + STRIDE * i for i in range(NUM_STEPS)]
    got = _by_strategy(problem, strategy, seeds, setting)
    exact = _by_one_process(problem, seeds, setting, torch.float64)
    plain = _by_one_process(problem, seeds, setting, torch.float32)
    found = [
        errors(name, mine, true, budget(low, true, FACTOR, torch.float32))
        for name, mine, true, low in zip(("loss", "parameters"), got, exact, plain, strict=True)
    ]
    measurements = [m for error in found for m in error.measurements()]
    bad = [error.describe() for error in found if not error.within]
    if bad:
        raise Incorrect(f"after {NUM_STEPS} steps, {'; '.join(bad)}", measurements)
    return Verdict(measurements, [_tolerance(found[0])])


def _tolerance(error: Error) -> tuple[float, float]:
    """Allow a repeated rank loss what the mean over ranks may stray, and their rounding."""
    maximum, relative = error.budget.of_a_repeat()
    return (maximum, relative)


def _by_strategy(
    problem: DataParallelTraining, strategy: Any, seeds: list[int], setting: Setting
) -> tuple[Tensor, Tensor]:
    from suites.distributed.problems import mean_over_ranks

    losses = [mean_over_ranks(strategy.step(problem.make_inputs(s, setting))) for s in seeds]
    return torch.tensor(losses, dtype=torch.float64), _flat(strategy.full_parameters())


def _by_one_process(
    problem: DataParallelTraining, seeds: list[int], setting: Setting, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Train plainly on the global batch, all arithmetic in `dtype`."""
    network = problem.network(0).to(setting.device, dtype)
    optimizer = adamw(list(network.parameters()))
    losses = []
    for seed in seeds:
        tokens = problem.global_batch(seed, setting.device)
        found = loss(network(tokens.inputs_BS), tokens.targets_BS)
        found.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(found.detach()))
    return torch.tensor(losses, dtype=torch.float64), _flat(list(network.parameters()))


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().double().reshape(-1) for tensor in tensors])
