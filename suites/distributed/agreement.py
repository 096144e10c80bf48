"""Is it the same training? N ranks against one process at the same precision and global batch.

The budget: a plain float32 process strays from float64 by rounding alone, which Adam magnifies
where a gradient is small: such a weight moves by the learning rate, to where the sign says that
rounding left. A strategy may stray three times as far (see `bench.checking.error_budget`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench import Incorrect, Setting, Verdict
from bench.workload import Budget, Realisation, nudge_weights, realise
from suites.distributed.strategy import ADAMW, adamw
from suites.distributed.workload import Batch, Workload, mean_over_ranks
from suites.models.drawn import first_weights
from suites.models.gpt import loss
from suites.models.text import Tokens

NUM_STEPS = 2  # the gradients of the second depend on the update of the first
FACTOR = 3.0
MOST_REALISATIONS = 3  # each trains twice
PIECE_TOKENS = 2048  # of the global batch at once: a reference must fit beside the case
STRIDE = 1000  # between the seeds of one check's batches


def check(problem: Workload, strategy: Any, inputs: Batch, setting: Setting) -> Verdict:
    """Compare losses by step and the parameters after the last; raise Incorrect beyond budget."""
    seeds = [inputs.seed + STRIDE * i for i in range(NUM_STEPS)]
    got = _by_strategy(problem, strategy, seeds, setting)

    def draw(number: int) -> Realisation:
        exact = _by_one_process(problem, seeds, setting, torch.float64, number)
        return Realisation(exact, _by_one_process(problem, seeds, setting, torch.float32, number))

    exact, plain = realise(draw, 0, most=MOST_REALISATIONS)
    any_weight = 2 * NUM_STEPS * ADAMW["lr"]
    found = [
        Budget.of(true, low, torch.float32, FACTOR, len(got), any_element=extra).judge(name, mine)
        for name, mine, true, low, extra in zip(
            ("loss", "parameters"), got, exact, plain, (0.0, any_weight), strict=True
        )
    ]
    measurements = [m for error in found for m in error.measurements()]
    bad = [error.describe() for error in found if not error.within]
    if bad:
        raise Incorrect(f"after {NUM_STEPS} steps, {'; '.join(bad)}", measurements)
    # a rank's loss repeats as far as the mean over ranks may stray
    return Verdict(measurements, [found[0].budget.of_a_repeat()])


def _by_strategy(
    problem: Workload, strategy: Any, seeds: list[int], setting: Setting
) -> tuple[Tensor, Tensor]:
    losses = [mean_over_ranks(strategy.step(problem.make_inputs(s, setting))) for s in seeds]
    return torch.tensor(losses, dtype=torch.float64), _flat(strategy.full_parameters())


def _by_one_process(
    problem: Workload,
    seeds: list[int],
    setting: Setting,
    dtype: torch.dtype,
    realisation: int,
) -> tuple[Tensor, Tensor]:
    """Train plainly on the global batch, all arithmetic in `dtype`; 0 is the case itself."""
    first = first_weights(problem, 0, setting.device)
    network = nudge_weights(first, torch.float32, realisation)
    network = network.to(setting.device, dtype)
    optimizer = adamw(list(network.parameters()))
    losses = []
    for seed in seeds:
        losses.append(_accumulate(network, problem.global_batch(seed, setting.device)))
        optimizer.step()
        optimizer.zero_grad()
    return torch.tensor(losses, dtype=torch.float64), _flat(list(network.parameters()))


def _accumulate(network: nn.Module, tokens: Tokens) -> float:
    """Leave the gradients of the mean loss of a batch, taken in pieces of its rows; return it.

    Rows have equally many characters, so that the mean of all is the mean of the rows' means.
    """
    rows = max(PIECE_TOKENS // tokens.inputs_BS.shape[1], 1)
    total = 0.0
    for inputs_BS, targets_BS in zip(
        tokens.inputs_BS.split(rows), tokens.targets_BS.split(rows), strict=True
    ):
        share = len(inputs_BS) / len(tokens.inputs_BS)
        found = loss(network(inputs_BS), targets_BS) * share
        found.backward()
        total += float(found.detach())
    return total


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().double().reshape(-1) for tensor in tensors])
