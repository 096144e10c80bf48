"""Linear attention with phi = elu + 1: as a product of n x n, parallel, and chunked causal."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Unsupported, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.problem import QKV, LinearAttention, phi


@variant
def quadratic(problem: LinearAttention) -> Callable[[QKV], Tensor]:
    """Form the S x S matrix first, as softmax attention would; the baseline of the claim."""

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        weights_BHSS = phi(q) @ phi(k).transpose(-2, -1)
        if problem.causal:
            weights_BHSS = weights_BHSS.tril()
        normaliser = weights_BHSS.sum(-1, keepdim=True, dtype=torch.float32)
        return (weights_BHSS / normaliser).to(v.dtype) @ v

    return step


@variant(marks=["whole"])
def linear(
    problem: LinearAttention, *, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """phi(Q) (phi(K)^T V): keys and values first. Non-causal; state and normaliser in float32."""
    if problem.causal:
        raise Unsupported("needs non-causal attention; linear_chunked is the causal form")

    def step(inputs: QKV) -> Tensor:
        q, k, v = (x.float() for x in inputs)
        state_BHDD = phi(k).transpose(-2, -1) @ v
        total_BHD1 = phi(k).sum(-2).unsqueeze(-1)
        features = phi(q)
        return (features @ state_BHDD / (features @ total_BHD1)).to(inputs.q_BHSD.dtype)

    return compiled_if(compiled, step)


@variant(marks=["causal"])
def linear_chunked(
    problem: LinearAttention, *, chunk: int = 64, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """Quadratic inside chunks, a prefix sum of D x D states across them; float32 throughout.

    Hua et al. 2022 (arXiv:2202.10447), section 3.2; equals the recurrence of eq. 8-9.
    """
    if not problem.causal:
        raise Unsupported("needs causal attention; linear is the non-causal form")
    if problem.seqlen % chunk:
        raise Unsupported(f"needs seqlen divisible by chunk, got {problem.seqlen} and {chunk}")

    def step(inputs: QKV) -> Tensor:
        q, k, v = (x.float().unflatten(2, (-1, chunk)) for x in inputs)
        q, k = phi(q), phi(k)
        within = (q @ k.transpose(-2, -1)).tril()
        states = _exclusive_cumsum(k.transpose(-2, -1) @ v)
        totals = _exclusive_cumsum(k.sum(-2).unsqueeze(-1))
        numerator = within @ v + q @ states
        normaliser = within.sum(-1, keepdim=True) + q @ totals
        return (numerator / normaliser).flatten(2, 3).to(inputs.q_BHSD.dtype)

    return compiled_if(compiled, step)


def _exclusive_cumsum(x_BHN: Tensor) -> Tensor:
    """Sum over the chunks before each chunk (dim 2)."""
    return x_BHN.cumsum(2) - x_BHN
