"""fla and Liger as they are called, computed token by token in float32; all of them installed.

Signatures and layouts are those of these commits, read on 2026-11-27: fla
fla-org/flash-linear-attention bc3b101 (fla/ops/retention, linear_attn and rwkv4), liger_kernel
linkedin/Liger-Kernel ead96b6 (src/liger_kernel/transformers/functional.py and ops).
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.suites import fake_mamba_kernels as mamba
from tests.suites.fake_kernels import module


def chunk_retention(
    q, k, v, scale=None, initial_state=None, output_final_state=False, cu_seqlens=None, **kwargs
):
    """Retain (batch, seqlen, heads, head_dim); head h fades by 1 - 2^(-5 - h)."""
    assert (initial_state, output_final_state, cu_seqlens, kwargs) == (None, False, None, {})
    heads = q.shape[2]
    scale = k.shape[-1] ** -0.5 if scale is None else scale
    fade = torch.tensor([1 - 2.0 ** (-5 - h) for h in range(heads)])[:, None, None]
    return _fading(q, k, v, fade, scale), None


def chunk_linear_attn(
    q,
    k,
    v,
    scale=None,
    initial_state=None,
    output_final_state=False,
    normalize=True,
    cu_seqlens=None,
):
    """Sum (batch, seqlen, heads, head_dim) of features that are made already."""
    assert (initial_state, output_final_state, cu_seqlens) == (None, False, None)
    scale = k.shape[-1] ** -0.5 if scale is None else scale
    out = _fading(q, k, v, torch.ones(()), scale)
    if normalize:
        totals = k.float().cumsum(1)
        below = (q.float() * scale * totals).sum(-1, keepdim=True) + 1e-10
        out = (out.float() / below).to(out.dtype)
    return out, (None, None)


def _fading(q: Tensor, k: Tensor, v: Tensor, fade: Tensor, scale: float) -> Tensor:
    state, out = torch.zeros(()), []
    for t in range(q.shape[1]):
        added = torch.einsum("bhk,bhv->bhkv", k[:, t].float(), v[:, t].float())
        state = fade * state + added
        out.append(torch.einsum("bhk,bhkv->bhv", q[:, t].float() * scale, state))
    return torch.stack(out, 1).to(v.dtype)


def fused_recurrent_rwkv4(w, u, k, v, state):
    """Sum (batch, seqlen, channels) from a state (batch, 3, 1, channels); w is log(-log decay)."""
    batch, seqlen, channels = k.shape
    assert w.shape == u.shape == (channels,)
    assert state.shape == (batch, 3, 1, channels)
    log_decay, out = -torch.exp(w.float()), []
    above, below, exponent = state[:, :, 0].unbind(1)
    for t in range(seqlen):
        top = torch.maximum(u + k[:, t], exponent)
        old, new = torch.exp(exponent - top), torch.exp(u + k[:, t] - top)
        out.append((old * above + new * v[:, t]) / (old * below + new))
        top = torch.maximum(log_decay + exponent, k[:, t])
        old, new = torch.exp(log_decay + exponent - top), torch.exp(k[:, t] - top)
        above, below, exponent = old * above + new * v[:, t], old * below + new, top
    return torch.stack(out, 1).to(k.dtype), torch.stack([above, below, exponent], 1)[:, :, None]


def liger_rms_norm(X, W, eps, offset=0.0, casting_mode="llama", in_place=True):
    assert (offset, casting_mode) == (0.0, "gemma")
    x = X.float()
    y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps)
    return (y if W is None else y * W.float()).to(X.dtype)


def liger_rope(q, k, cos, sin, position_ids=None, unsqueeze_dim=1):
    """Turn halves of (batch, heads, seqlen, head_dim); cos and sin (1, seqlen, head_dim)."""
    assert cos.shape == sin.shape == (1, *q.shape[2:])
    half = q.shape[-1] // 2
    c, s = cos[..., :half], sin[..., :half]  # the other half is not read

    def turn(x: Tensor) -> Tensor:
        first, second = x[..., :half].to(s.dtype), x[..., half:].to(s.dtype)
        turned = torch.cat([first * c - second * s, second * c + first * s], -1)
        return turned.to(x.dtype)

    return turn(q), turn(k)


def install(monkeypatch: pytest.MonkeyPatch, **replaced: Any) -> None:
    """Have all of them found by `import`, some functions replaced."""
    contents: dict[str, dict[str, Any]] = {
        "causal_conv1d": {"causal_conv1d_fn": mamba.causal_conv1d_fn},
        "selective_scan_cuda": {},
        "mamba_ssm": {},
        "mamba_ssm.ops": {},
        "mamba_ssm.ops.selective_scan_interface": {
            "selective_scan_fn": mamba.selective_scan_fn,
            "mamba_inner_fn": mamba.mamba_inner_fn,
        },
        "mamba_ssm.ops.triton": {},
        "mamba_ssm.ops.triton.ssd_combined": {
            "mamba_chunk_scan_combined": mamba.mamba_chunk_scan_combined,
            "mamba_split_conv1d_scan_combined": mamba.mamba_split_conv1d_scan_combined,
        },
        "fla": {},
        "fla.ops": {},
        "fla.ops.retention": {"chunk_retention": chunk_retention},
        "fla.ops.linear_attn": {"chunk_linear_attn": chunk_linear_attn},
        "fla.ops.rwkv4": {"fused_recurrent_rwkv4": fused_recurrent_rwkv4},
        "liger_kernel": {},
        "liger_kernel.transformers": {},
        "liger_kernel.transformers.functional": {
            "liger_rms_norm": liger_rms_norm,
            "liger_rope": liger_rope,
        },
    }
    for name, functions in contents.items():
        given = {function: replaced.get(function, own) for function, own in functions.items()}
        monkeypatch.setitem(sys.modules, name, module(name, **given))
