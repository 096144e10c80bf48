"""Is it the same gradient? N ranks against one process in float64 at the global batch.

The budget is three times what a plain float32 process strays (see `bench.checking.error_budget`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench import Incorrect, Setting, Verdict
from bench.workload import Budget, Realisation, nudge_weights, realise
from suites.distributed.contrastive_workload import ContrastiveWorkload
from suites.distributed.workload import mean_over_ranks
from suites.models.drawn import first_weights
from suites.models.two_towers import Embedded, Pairs

FACTOR = 3.0
MOST_REALISATIONS = 8
NAMES = ("loss", "gradients", "gradient_of_scale", "gradient_of_bias")


def check(problem: ContrastiveWorkload, step: Any, inputs: Pairs, setting: Setting) -> Verdict:
    """Compare loss and gradients of the first step; raise Incorrect beyond budget."""
    found, gradients = step.gradients(inputs)
    mean = torch.tensor([mean_over_ranks(found)], dtype=torch.float64, device=setting.device)
    got = [mean, *_by_kind(gradients, problem.with_bias)]

    def draw(number: int) -> Realisation:
        exact = _by_one_process(problem, inputs.seed, setting, torch.float64, number)
        return Realisation(
            exact, _by_one_process(problem, inputs.seed, setting, torch.float32, number)
        )

    exact, plain = realise(draw, 0, most=MOST_REALISATIONS)
    errors = [
        Budget.of(true, low, torch.float32, FACTOR, len(got)).judge(name, mine)
        for name, mine, true, low in zip(NAMES, got, exact, plain, strict=False)
    ]
    measurements = [m for error in errors for m in error.measurements()]
    bad = [error.describe() for error in errors if not error.within]
    if bad:
        raise Incorrect("; ".join(bad), measurements)
    # a rank's own loss repeats as far as the mean over ranks may stray
    return Verdict(measurements, [errors[0].budget.of_a_repeat()])


def _by_one_process(
    problem: ContrastiveWorkload, seed: int, setting: Setting, dtype: torch.dtype, realisation: int
) -> list[Tensor]:
    network = nudge_weights(first_weights(problem, 0, setting.device), torch.float32, realisation)
    network = network.to(setting.device, dtype)
    batch = problem.global_batch(seed, setting.device)
    images, texts, scale, *bias = network(batch.images_BF.to(dtype), batch.texts_BF.to(dtype))
    found = problem.loss(Embedded(images, texts, scale, bias[0] if bias else None))
    found.backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return [found.detach().double().reshape(1), *_by_kind(gradients, problem.with_bias)]


def _by_kind(gradients: list[Tensor], with_bias: bool) -> list[Tensor]:
    """Flatten the towers' gradients; scale and bias, of another size, stand by themselves."""
    single = [g.double().reshape(1) for g in gradients if g.dim() == 0]
    assert len(single) == 1 + with_bias
    towers = [g.double().reshape(-1) for g in gradients if g.dim() > 0]
    return [torch.cat(towers), *single]
