"""Attention with one fault each, planted into the equation: what a check has to find.

A fault is a function of the problem that returns a step; None where the shape cannot show it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suites.attention.problem import QKV, SoftmaxAttention

Step = Callable[[QKV], Tensor]
Fault = Callable[[SoftmaxAttention, torch.dtype, bool], Step | None]

FAULTS: dict[str, Fault] = {}
BLOCK = 16


def fault(function: Fault) -> Fault:
    """Take a fault into the list, under its name."""
    FAULTS[function.__name__] = function
    return function


def _heads(problem: SoftmaxAttention, tensor: Tensor) -> Tensor:
    return tensor.repeat_interleave(problem.num_heads // problem.kv_heads, 1)


def _logits(problem: SoftmaxAttention, inputs: QKV, seen: Tensor | None = None) -> Tensor:
    """Return masked logits; `seen` replaces the problem's own mask."""
    q, k, _ = inputs
    logits = (q * problem.head_dim**-0.5) @ _heads(problem, k).transpose(-2, -1)
    mask = problem.mask(q.device) if seen is None else seen
    return logits.masked_fill(~mask, -torch.inf)


def _attend(problem: SoftmaxAttention, logits: Tensor, inputs: QKV) -> Tensor:
    return logits.softmax(-1) @ _heads(problem, inputs.v_BKSD)


def _equation(problem: SoftmaxAttention, inputs: QKV, seen: Tensor | None = None) -> Tensor:
    return _attend(problem, _logits(problem, inputs, seen), inputs)


def _shifted(problem: SoftmaxAttention, shift: int) -> Tensor:
    """Return the problem's mask with every query at another position."""
    query = torch.arange(problem.seqlen_q)[:, None] + shift
    return problem.sees(query, torch.arange(problem.keys))


@fault
def scale_off_by_1_percent(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step:
    """Multiply the result by 1.01."""
    return lambda inputs: _equation(problem, inputs) * 1.01


@fault
def temperature_off_by_1_percent(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step:
    """Multiply the logits by 1.01."""
    return lambda inputs: _attend(problem, _logits(problem, inputs) * 1.01, inputs)


@fault
def last_block_dropped(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Leave the last keys out, as a loop bound that is rounded down does."""
    rest = problem.keys % BLOCK or BLOCK
    if rest == problem.keys:
        rest = problem.keys // 4
    seen = problem.mask(torch.device("cpu")).clone()
    seen[:, problem.keys - rest :] = False
    if not bool(seen.any(-1).all()):
        return None  # a query without keys is not finite: too easy
    return lambda inputs: _equation(problem, inputs, seen)


@fault
def causal_off_by_one(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Let every query see the next key too."""
    if not problem.causal:
        return None
    seen = _shifted(problem, problem.keys - problem.seqlen_q + 1)
    return lambda inputs: _equation(problem, inputs, seen)


@fault
def wrong_alignment(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Align the mask to the first key where it belongs to the last."""
    if not problem.causal or problem.seqlen_q == problem.keys:
        return None
    return lambda inputs: _equation(problem, inputs, _shifted(problem, 0))


@fault
def stale_maximum(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Go through blocks of keys and do not rescale sums when the running maximum grows."""
    if problem.keys < 2 * BLOCK or problem.window == 1:
        return None  # hardly a maximum that grows

    def step(inputs: QKV) -> Tensor:
        logits = _logits(problem, inputs).float()
        v = _heads(problem, inputs.v_BKSD).float()
        highest = logits[..., :BLOCK].amax(-1, keepdim=True).clamp_min(-1e4)
        total, weighted = torch.zeros_like(highest), torch.zeros(())
        for start in range(0, problem.keys, BLOCK):
            part = logits[..., start : start + BLOCK]
            highest = torch.maximum(highest, part.amax(-1, keepdim=True))
            weights = (part - highest).exp()
            total = total + weights.sum(-1, keepdim=True)
            weighted = weighted + weights @ v[..., start : start + BLOCK, :]
        return (weighted / total).to(dtype)

    return step


@fault
def sums_in_16_bits(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Add the products up in the inputs' own 16 bits, where 32 are the rule."""
    if dtype == torch.float32:
        return None

    def product(a: Tensor, b: Tensor) -> Tensor:
        total = a[..., :1] * b[..., :1, :]
        for i in range(1, a.shape[-1]):
            total = total + a[..., i : i + 1] * b[..., i : i + 1, :]
        return total

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs.q_BHSD, _heads(problem, inputs.k_BKSD), _heads(problem, inputs.v_BKSD)
        logits = product(q * problem.head_dim**-0.5, k.transpose(-2, -1))
        return product(logits.masked_fill(~problem.mask(q.device), -torch.inf).softmax(-1), v)

    return step


@fault
def one_element_wrong(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step:
    """Move one element by the root mean square of its row."""

    def step(inputs: QKV) -> Tensor:
        output = _equation(problem, inputs)
        wrong = torch.zeros_like(output)
        wrong[-1, -1, -1, -1] = output[-1, -1, -1].detach().double().square().mean().sqrt()
        return output + wrong

    return step


@fault
def random_element(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step:
    """Overwrite an element, another in every call, by one of a neighbouring row, as a race does."""
    generator = torch.Generator().manual_seed(1)

    def step(inputs: QKV) -> Tensor:
        output = _equation(problem, inputs).clone()
        rows = output.view(-1, problem.head_dim)
        row = int(torch.randint(len(rows), (), generator=generator))
        place = int(torch.randint(problem.head_dim, (), generator=generator))
        stranger = rows[row - 1].detach().clone()
        distance = (stranger[place] - rows[row, place]).abs()
        if distance < 0.5 * rows[row].detach().double().square().mean().sqrt():
            stranger = -stranger.sign() * stranger.abs().amax()  # one that could be seen at all
        rows[row, place] = stranger[place]
        return output

    return step


@fault
def swapped_heads(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Write the first head where the second belongs, and the other way round."""
    if problem.num_heads < 2:
        return None
    order = [1, 0, *range(2, problem.num_heads)]
    return lambda inputs: _equation(problem, inputs)[:, order]


@fault
def wrong_group(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Give query heads keys in turn, where neighbours share them."""
    group = problem.num_heads // problem.kv_heads
    if group == 1 or problem.kv_heads == 1:
        return None

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        turned = QKV(q, k.repeat(1, group, 1, 1), v.repeat(1, group, 1, 1))
        whole = SoftmaxAttention(
            problem.batch, problem.num_heads, None, problem.seqlen_q, problem.keys,
            problem.head_dim, problem.causal, problem.window,
        )  # fmt: skip
        return _equation(whole, turned)

    return step


@fault
def missing_normaliser(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Weigh by exp(logit - maximum), and do not divide by the sum."""
    if problem.window == 1:
        return None  # one key: the sum is 1

    def step(inputs: QKV) -> Tensor:
        logits = _logits(problem, inputs)
        weights = (logits - logits.amax(-1, keepdim=True)).exp()
        return weights @ _heads(problem, inputs.v_BKSD)

    return step


@fault
def no_gradient_of_keys(problem: SoftmaxAttention, dtype: torch.dtype, back: bool) -> Step | None:
    """Return zeros as the gradient of the keys."""
    if not back or problem.window == 1:
        return None

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        return _equation(problem, QKV(q, k.detach() + 0 * k, v))

    return step


@fault
def gradient_off_by_2_percent(
    problem: SoftmaxAttention, dtype: torch.dtype, back: bool
) -> Step | None:
    """Scale the gradient of the values, and nothing else."""
    if not back:
        return None

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        scaled = v.clone()
        scaled.register_hook(lambda gradient: gradient * 1.02)
        return _equation(problem, QKV(q, k, scaled))

    return step


@fault
def bfloat16_intermediate(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Round the weights to bfloat16 on the way."""
    if dtype == torch.bfloat16 or problem.window == 1:
        return None

    def step(inputs: QKV) -> Tensor:
        weights = _logits(problem, inputs).softmax(-1).bfloat16().to(dtype)
        return weights @ _heads(problem, inputs.v_BKSD)

    return step


@fault
def tf32_products(problem: SoftmaxAttention, dtype: torch.dtype, _: bool) -> Step | None:
    """Multiply float32 with 10 bits of mantissa, as TF32 does."""
    if dtype != torch.float32:
        return None

    def cut(tensor: Tensor) -> Tensor:
        rounded = (tensor.detach().view(torch.int32) + 0x1000) & ~0x1FFF
        return tensor + (rounded.view(torch.float32) - tensor).detach()

    def step(inputs: QKV) -> Tensor:
        return _equation(problem, QKV(*(cut(t) for t in inputs)))

    return step
