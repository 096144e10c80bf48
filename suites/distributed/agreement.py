"""Is it the same training? N ranks against one process at the same precision and global batch.

The budget: a plain process at the same precision strays from float64 by rounding alone, which Adam
magnifies where a gradient is small: such a weight moves by the learning rate, to where the sign
says that rounding left. A strategy may stray three times as far (`bench.checking.error_budget`).
What AdamW hides, gradients that are wrong by a factor, is seen in the norm of its first moments.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from bench import Incorrect, Setting, Verdict
from bench.workload import (
    Budget,
    Realisation,
    nudge_weights,
    realise,
    tensors_in,
    tensors_once_a_session,
)
from suites.distributed.adam import ADAMW, adamw, momenta
from suites.distributed.workload import (
    Batch,
    Workload,
    mean_over_ranks,
    rounded,
    select,
    stored_in,
)
from suites.models.drawn import first_weights
from suites.models.own_training import for_tensors

NUM_STEPS = 2  # the gradients of the second depend on the update of the first
FACTOR = 3.0
MOST_REALISATIONS = 3  # each trains twice
PIECE_TOKENS = 2048  # numbers a tensor of the global batch: a reference must fit beside the case
STRIDE = 1000  # between the seeds of one check's batches

Trained = tuple[Tensor, Tensor, Tensor]  # losses by step, parameters, norm of the first moments


def check(problem: Workload, strategy: Any, inputs: Batch, setting: Setting) -> Verdict:
    """Compare losses by step, then parameters and first moments; raise Incorrect beyond budget."""
    seeds = [inputs.seed + STRIDE * i for i in range(NUM_STEPS)]
    got = _by_strategy(problem, strategy, seeds, setting)
    unit = torch.bfloat16 if problem.mixed else torch.float32
    rounds_to = strategy.sends or unit

    def draw(number: int) -> Realisation:
        exact = _once(problem, seeds, setting, torch.float64, number)
        plain = _once(problem, seeds, setting, unit, number, strategy.sends)
        return Realisation(exact, plain)

    exact, plain = realise(draw, 0, most=MOST_REALISATIONS)
    any_weight = 2 * NUM_STEPS * ADAMW["lr"]
    found = [
        Budget.of(true, low, rounds_to, FACTOR, len(got), any_element=extra).judge(name, mine)
        for name, mine, true, low, extra in zip(
            ("loss", "parameters", "momentum"),
            got,
            exact,
            plain,
            (0.0, any_weight, 0.0),
            strict=True,
        )
    ]
    measurements = [m for error in found for m in error.measurements()]
    bad = [error.describe() for error in found if not error.within]
    if bad:
        raise Incorrect(f"after {NUM_STEPS} steps, {'; '.join(bad)}", measurements)
    # a rank's loss repeats as far as the mean over ranks may stray
    return Verdict(measurements, [found[0].budget.of_a_repeat()])


def _by_strategy(problem: Workload, strategy: Any, seeds: list[int], setting: Setting) -> Trained:
    losses = [mean_over_ranks(strategy.step(problem.make_inputs(s, setting))) for s in seeds]
    momentum = strategy.momentum()
    return torch.tensor(losses, dtype=torch.float64), _flat(strategy.full_parameters()), momentum


def _once(
    problem: Workload,
    seeds: list[int],
    setting: Setting,
    dtype: torch.dtype,
    realisation: int,
    sends: torch.dtype | None = None,
) -> Trained:
    """Train as `_by_one_process` does, once for all strategies, ranks and numbers of them."""
    kind, where = type(problem), (setting.device.type, setting.threads)
    name = f"{kind.__module__}.{kind.__qualname__} {problem} {seeds} {where} {dtype} {sends}"
    losses, parameters, momentum = tensors_once_a_session(
        f"one process: {name} {realisation}",
        lambda: _by_one_process(problem, seeds, setting, dtype, realisation, sends),
    )
    return losses, parameters.to(setting.device), momentum.to(setting.device)


def _by_one_process(
    problem: Workload,
    seeds: list[int],
    setting: Setting,
    dtype: torch.dtype,
    realisation: int,
    sends: torch.dtype | None = None,
) -> Trained:
    """Train plainly on the global batch, weights and arithmetic in `dtype`; 0 is the case itself.

    In bfloat16 the optimizer keeps its float32 weights, as every strategy's does. Gradients are
    rounded to what a strategy `sends`.
    """
    network = stored_in(dtype, _first(problem, setting, realisation))
    optimizer = adamw(list(network.parameters()))
    losses = []
    for seed in seeds:
        rows = problem.global_batch(seed, setting.device)
        with problem.exactly() if dtype == torch.float64 else nullcontext():
            losses.append(_accumulate(problem, network, rows, dtype))
        _round_gradients(network, sends)
        optimizer.step()
        optimizer.zero_grad()
    momentum = _flat(momenta(optimizer)).norm().reshape(1)
    return torch.tensor(losses, dtype=torch.float64), _flat(list(network.parameters())), momentum


def _first(problem: Workload, setting: Setting, realisation: int) -> nn.Module:
    """Return first weights, moved by last places of the precision; which has them still."""
    unit = torch.bfloat16 if problem.mixed else torch.float32
    first = nudge_weights(first_weights(problem, 0, setting.device), unit, realisation)
    return (rounded(first) if problem.mixed else first).to(setting.device)


def _round_gradients(network: nn.Module, sends: torch.dtype | None) -> None:
    for weight in network.parameters():
        if sends is not None and weight.grad is not None:
            weight.grad = weight.grad.to(sends).to(weight.dtype)


def _accumulate(problem: Workload, network: nn.Module, batch: Any, dtype: torch.dtype) -> float:
    """Leave the gradients of the mean loss of a batch, taken in pieces of its rows; return it."""
    batch = for_tensors(lambda t: t.to(dtype) if t.is_floating_point() else t, batch)
    largest = max(tensor.numel() for tensor in tensors_in(batch))
    rows = max(PIECE_TOKENS * problem.batch // largest, 1)
    total = 0.0
    for start in range(0, problem.batch, rows):
        piece = select(batch, slice(start, start + rows), problem.batch)
        share = min(rows, problem.batch - start) / problem.batch
        found = problem.loss(network, piece) * share
        found.backward()
        total += float(found.detach())
    return total


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().double().reshape(-1) for tensor in tensors])
