"""Libraries of kernels as they are called, computed by plain torch: no GPU has them here.

Signatures, layouts and alignments are those of these commits, read on 2026-11-26:
flash-attn Dao-AILab/flash-attention 0251105 (flash_attn/flash_attn_interface.py, and hopper/),
xformers facebookresearch/xformers ca6d2aa, which takes them from meta-pytorch/MSLK 2a3c897,
natten SHI-Labs/NATTEN 8c8729f (src/natten/functional.py), sageattention thu-ml/SageAttention
d1a57a5 (sageattention/core.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor


def attend(
    q_BHSD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, sees: Callable[[int, int], bool]
) -> Tensor:
    """Compute in float32, query by key; `sees` takes the positions from the first of each."""
    rows, columns = q_BHSD.shape[-2], k_BHSD.shape[-2]
    seen = torch.tensor([[sees(i, j) for j in range(columns)] for i in range(rows)])
    q, k, v = (x.float() for x in (q_BHSD, k_BHSD, v_BHSD))
    logits = torch.einsum("bhid,bhjd->bhij", q, k) / q.shape[-1] ** 0.5
    weights = torch.softmax(logits.masked_fill(~seen, float("-inf")), -1)
    return torch.einsum("bhij,bhjd->bhid", weights, v).to(q_BHSD.dtype)


def in_flash_layout(q: Tensor, k: Tensor, v: Tensor, sees: Callable[[int, int], bool]) -> Tensor:
    """Attend (batch, seqlen, heads, head_dim), heads of keys repeated in a row."""
    group = q.shape[2] // k.shape[2]
    q, k, v = (x.permute(0, 2, 1, 3) for x in (q, k, v))
    k, v = (x.repeat_interleave(group, 1) for x in (k, v))
    return attend(q, k, v, sees).permute(0, 2, 1, 3).contiguous()


def flash(q: Tensor, k: Tensor, v: Tensor, causal: bool, window_size: tuple[int, int]) -> Tensor:
    """Align at the bottom right; both ends of a window are within it."""
    shift = k.shape[1] - q.shape[1]
    left, right = window_size

    def sees(i: int, j: int) -> bool:
        at = i + shift
        if causal and j > at:
            return False
        return (left < 0 or j >= at - left) and (right < 0 or j <= at + right)

    return in_flash_layout(q, k, v, sees)


def flash_attn_func_2(
    q,
    k,
    v,
    dropout_p=0.0,
    softmax_scale=None,
    causal=False,
    window_size=(-1, -1),
    softcap=0.0,
    alibi_slopes=None,
    deterministic=False,
    return_attn_probs=False,
):
    assert (dropout_p, softmax_scale, softcap, alibi_slopes) == (0.0, None, 0.0, None)
    return flash(q, k, v, causal, window_size)


def flash_attn_func_3(
    q,
    k,
    v,
    softmax_scale=None,
    causal=False,
    qv=None,
    q_descale=None,
    k_descale=None,
    v_descale=None,
    window_size=(-1, -1),
    attention_chunk=0,
    softcap=0.0,
    num_splits=1,
    pack_gqa=None,
    deterministic=False,
    sm_margin=0,
    return_attn_probs=False,
):
    assert (softmax_scale, qv, softcap) == (None, None, 0.0)
    return flash(q, k, v, causal, window_size)


def first_flash_attn_func_3(*args, **kwargs):
    """Return the log-sum-exp too, as the beta did."""
    out = flash_attn_func_3(*args, **kwargs)
    return out, torch.zeros(out.shape[:3])


class LowerTriangularFromBottomRightMask:
    def sees(self, at: int, j: int) -> bool:
        return j <= at

    def make_local_attention(self, window_size: int) -> LocalCausal:
        return LocalCausal(window_size)


@dataclass
class LocalCausal(LowerTriangularFromBottomRightMask):
    """Hide what is `_window_size` or more positions before a query."""

    _window_size: int

    def sees(self, at: int, j: int) -> bool:
        return j <= at < j + self._window_size


@dataclass
class LocalAttentionFromBottomRightMask:
    window_left: int
    window_right: int

    def sees(self, at: int, j: int) -> bool:
        return at - self.window_left <= j <= at + self.window_right


def memory_efficient_attention(
    query, key, value, attn_bias=None, p=0.0, scale=None, *, op=None, output_dtype=None
):
    assert (p, scale, op, output_dtype) == (0.0, None, None, None)
    assert query.ndim == key.ndim == value.ndim
    assert query.shape[2:] == key.shape[2:] == value.shape[2:]  # nothing is broadcast
    if key.shape[1] == 128 and query.ndim == 5:
        raise NotImplementedError("No operator found for `memory_efficient_attention_forward`")
    shift = key.shape[1] - query.shape[1]
    q, k, v = (x.flatten(2, 3) if x.ndim == 5 else x for x in (query, key, value))

    def sees(i: int, j: int) -> bool:
        return attn_bias is None or attn_bias.sees(i + shift, j)

    return in_flash_layout(q, k, v, sees).view(query.shape)


def na1d(
    query,
    key,
    value,
    kernel_size,
    stride=1,
    dilation=1,
    is_causal=False,
    scale=None,
    additional_keys=None,
    additional_values=None,
    attention_kwargs=None,
    backend=None,
    q_tile_shape=None,
    kv_tile_shape=None,
    backward_q_tile_shape=None,
    backward_kv_tile_shape=None,
    backward_kv_splits=None,
    backward_use_pt_reduction=False,
    run_persistent_kernel=True,
    kernel_schedule=None,
    torch_compile=False,
    return_lse=False,
):
    length = query.shape[1]
    assert 2 <= kernel_size <= length == key.shape[1]
    left, right = kernel_size // 2, kernel_size // 2 + (kernel_size % 2 - 1)

    def sees(i: int, j: int) -> bool:
        if is_causal:
            return 0 <= i - j < kernel_size
        centre = min(max(i, left), length - 1 - right)  # shifted inwards at the ends
        return centre - left <= j <= centre + right

    return in_flash_layout(query, key, value, sees)


def sageattn(
    q, k, v, tensor_layout="HND", is_causal=False, sm_scale=None, return_lse=False, **kwargs
):
    assert (tensor_layout, sm_scale, return_lse) == ("HND", None, False)
    group = q.shape[1] // k.shape[1]
    k, v = (x.detach().repeat_interleave(group, 1) for x in (k, v))
    return attend(q.detach(), k, v, lambda i, j: j <= i or not is_causal)  # from the top left


def sageattn_in_eight_bits(q, k, v, **keywords):
    """Round queries and keys to eight bits, a scale for every token; the mean key is left out."""
    k = k - k.mean(-2, keepdim=True)  # moves all logits of a query alike
    return sageattn(_rounded(q), _rounded(k), v, **keywords)


def _rounded(x: Tensor) -> Tensor:
    scale = x.float().abs().amax(-1, keepdim=True) / 127
    return (x.float() / scale).round() * scale


def module(name: str, **contents: Any) -> ModuleType:
    made = module_from_spec(ModuleSpec(name, None, is_package=True))
    vars(made).update(contents)
    return made


def install(monkeypatch: pytest.MonkeyPatch, **replaced: Any) -> None:
    """Have all of them found by `import`, some functions replaced."""
    masks = module(
        "xformers.ops.fmha.attn_bias",
        LowerTriangularFromBottomRightMask=LowerTriangularFromBottomRightMask,
        LocalAttentionFromBottomRightMask=LocalAttentionFromBottomRightMask,
    )
    third = replaced.get("flash_attn_func_3", flash_attn_func_3)
    for made in (
        module("flash_attn"),
        module("flash_attn.flash_attn_interface", flash_attn_func=flash_attn_func_2),
        module("flash_attn_interface", flash_attn_func=third),
        module("xformers"),
        module("xformers.ops", memory_efficient_attention=memory_efficient_attention),
        module("xformers.ops.fmha", attn_bias=masks),
        masks,
        module("natten", na1d=na1d),
        module("sageattention", sageattn=replaced.get("sageattn", sageattn)),
    ):
        monkeypatch.setitem(sys.modules, made.__name__, made)
