"""torch's scaled_dot_product_attention by backend: each forced, and proven to be what ran."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor
from torch.autograd.profiler import profile
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench import Setting, Unsupported, variant
from bench.operator import Operands
from suites.attention.problem import QKV, Attention

REFUSALS = ("No viable backend", "No available kernel")  # torch's words where a backend cannot run


@variant(sets=["attention"], marks=["sdpa", "broad"])
def sdpa_math(problem: Attention, *, setting: Setting) -> ForcedSdpa:
    """Composed of matmul and softmax, inside torch."""
    return force(SDPBackend.MATH, "attention_math", problem, setting)


@variant(sets=["attention"], marks=["sdpa"])
def sdpa_flash(problem: Attention, *, setting: Setting) -> ForcedSdpa:
    """FlashAttention-2, Dao 2023 (arXiv:2307.08691), as torch ships it for this device."""
    return force(SDPBackend.FLASH_ATTENTION, "flash_attention", problem, setting)


@variant(sets=["attention"], marks=["sdpa", "gpu"])
def sdpa_efficient(problem: Attention, *, setting: Setting) -> ForcedSdpa:
    """Memory-efficient attention, Rabe and Staats 2021 (arXiv:2112.05682), xformers' kernel."""
    return force(SDPBackend.EFFICIENT_ATTENTION, "efficient_attention", problem, setting)


@variant(sets=["attention"], marks=["sdpa", "gpu"])
def sdpa_cudnn(problem: Attention, *, setting: Setting) -> ForcedSdpa:
    """Fused attention of cuDNN."""
    return force(SDPBackend.CUDNN_ATTENTION, "cudnn_attention", problem, setting)


def force(backend: SDPBackend, expected: str, problem: Attention, setting: Setting) -> ForcedSdpa:
    """Restrict this process to one backend, so that no timed call pays for the switch.

    A process runs one case; the restriction ends with it.
    """
    mask = _mask(problem, setting)
    restriction = sdpa_kernel(backend)
    restriction.__enter__()
    return ForcedSdpa(restriction, expected, problem, mask)


def _mask(problem: Attention, setting: Setting) -> Tensor | None:
    """Return what hides keys, or adds to logits; the operator can change them in no other way."""
    if problem.scored and not problem.additive:
        raise Unsupported("adds to logits, and changes them in no other way")
    if problem.scored:
        return problem.bias(setting)
    return problem.mask(setting.device) if problem.masked and not problem.plain_causal else None


@dataclass(frozen=True)
class ForcedSdpa:
    """SDPA under a restriction; `expected` is part of the name of the operator it must run."""

    restriction: AbstractContextManager[None]
    expected: str
    problem: Attention
    mask: Tensor | None

    def step(self, inputs: QKV) -> Tensor:
        try:
            return F.scaled_dot_product_attention(
                *self.problem.prepared(inputs.q_BHSD, inputs.k_BKSD),
                inputs.v_BKSD,
                attn_mask=self.mask,
                is_causal=self.problem.plain_causal and self.mask is None,
                enable_gqa=self.problem.num_heads != self.problem.kv_heads,
            )
        except RuntimeError as error:
            if any(words in str(error) for words in REFUSALS):
                raise Unsupported(f"torch refuses this backend here: {error}".strip()) from error
            raise

    def verify(self, operands: Operands) -> None:
        """Run once and look at the operators that were dispatched."""
        names = operators_of(self.step, operands.tensors)
        fused = sorted(name for name in names if "::_scaled_dot_product" in name)
        ran = fused or sorted(names)
        if not any(self.expected in name for name in ran):
            raise Unsupported(f"asked for {self.expected}, but torch ran {', '.join(ran)}")


def operators_of(step: Callable[[QKV], Tensor], inputs: QKV) -> set[str]:
    """Run a step once and return the names of the ATen operators it ran."""
    with profile() as log:
        step(inputs)
    return {event.name for event in log.function_events or ()}
