"""mamba-ssm and causal-conv1d as they are called, computed token by token in float32.

Signatures, layouts, dtypes and strides that are refused are those of these commits, read on
2026-11-27: state-spaces/mamba e9594ce (mamba_ssm/ops/selective_scan_interface.py, its
csrc/selective_scan, and ops/triton/ssd_combined.py) and Dao-AILab/causal-conv1d 0d2252d
(causal_conv1d_interface.py and csrc).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def causal_conv1d_fn(
    x,
    weight,
    bias=None,
    seq_idx=None,
    initial_states=None,
    return_final_states=False,
    final_states_out=None,
    activation=None,
):
    """Convolve (batch, dim, seqlen) with (dim, width)."""
    assert (seq_idx, initial_states, return_final_states, final_states_out) == (None,) * 2 + (
        False,
        None,
    )
    batch, dim, seqlen = x.shape
    width = weight.shape[-1]
    assert weight.shape == (dim, width)
    assert 2 <= width <= 4
    assert bias.shape == (dim,)
    assert bias.dtype == weight.dtype
    if x.stride(2) != 1 and x.stride(1) != 1:
        x = x.contiguous()
    if x.stride(1) == 1 and x.stride(2) > 1:  # channels come last
        assert (dim % 8, x.stride(2) % 8, x.stride(0) % 8) == (0, 0, 0)
    seen = torch.cat([x.new_zeros(batch, dim, width - 1), x], 2).float()
    total = bias.float()[:, None]
    for tap in range(width):
        total = total + weight.float()[:, tap, None] * seen[:, :, tap : tap + seqlen]
    assert activation in (None, "silu", "swish")
    return (total if activation is None else total * torch.sigmoid(total)).to(x.dtype)


def softplus(x: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(x))


def selective_scan_fn(
    u,
    delta,
    A,
    B,
    C,
    D=None,
    z=None,
    delta_bias=None,
    delta_softplus=False,
    return_last_state=False,
):
    """Scan (batch, dim, seqlen) with a state of its own for every channel."""
    batch, dim, seqlen = u.shape
    states = A.shape[1]
    assert delta.shape == z.shape == u.shape
    assert A.shape == (dim, states)
    assert B.shape == C.shape == (batch, states, seqlen)
    assert delta.dtype == B.dtype == C.dtype == z.dtype == u.dtype
    assert A.dtype == D.dtype == delta_bias.dtype == torch.float32
    assert D.shape == delta_bias.shape == (dim,)
    assert not return_last_state
    step = delta.float() + delta_bias[:, None]
    step = softplus(step) if delta_softplus else step
    state, out = u.new_zeros(batch, dim, states, dtype=torch.float32), []
    for t in range(seqlen):
        drive = (step * u.float())[:, :, t, None] * B.float()[:, None, :, t]
        state = torch.exp(step[:, :, t, None] * A) * state + drive
        out.append((state * C.float()[:, None, :, t]).sum(-1) + D * u.float()[:, :, t])
    y = torch.stack(out, 2) * z.float() * torch.sigmoid(z.float())
    return y.to(u.dtype)


def mamba_inner_fn(
    xz,
    conv1d_weight,
    conv1d_bias,
    x_proj_weight,
    delta_proj_weight,
    out_proj_weight,
    out_proj_bias,
    A,
    B=None,
    C=None,
    D=None,
    delta_bias=None,
    B_proj_bias=None,
    C_proj_bias=None,
    delta_softplus=True,
    checkpoint_lvl=1,
    b_rms_weight=None,
    c_rms_weight=None,
    dt_rms_weight=None,
    b_c_dt_rms_eps=1e-6,
):
    """Do all of a layer but its first map; xz (batch, 2 dim, seqlen), convolved by (dim, 1, width).

    What is selected is (steps' rank, B, C), in that order.
    """
    assert conv1d_weight.ndim == 3
    assert (out_proj_bias, B, C, B_proj_bias, C_proj_bias) == (None,) * 5
    x, z = xz.chunk(2, 1)
    x = causal_conv1d_fn(x.contiguous(), conv1d_weight[:, 0], conv1d_bias, activation="silu")
    rank, states = delta_proj_weight.shape[1], A.shape[-1]
    selected = torch.einsum("bdl,nd->bnl", x, x_proj_weight)
    delta = torch.einsum("brl,dr->bdl", selected[:, :rank], delta_proj_weight)
    b, c = selected[:, rank : rank + states], selected[:, -states:]
    y = selective_scan_fn(x, delta, A, b, c, D, z, delta_bias, delta_softplus)
    return torch.einsum("bdl,od->blo", y, out_proj_weight)


def mamba_chunk_scan_combined(
    x,
    dt,
    A,
    B,
    C,
    chunk_size,
    D=None,
    z=None,
    dt_bias=None,
    initial_states=None,
    seq_idx=None,
    cu_seqlens=None,
    dt_softplus=False,
    dt_limit=(0.0, math.inf),
    return_final_states=False,
    return_varlen_states=False,
    state_dtype=None,
):
    """Scan (batch, seqlen, heads, head_dim); B and C (batch, seqlen, groups, state)."""
    batch, seqlen, heads, head_dim = x.shape
    assert dt.shape == (batch, seqlen, heads)
    assert A.shape == D.shape == dt_bias.shape == (heads,)
    assert B.shape == C.shape
    assert B.shape[:3] == (batch, seqlen, 1)
    assert chunk_size > 0
    assert chunk_size & (chunk_size - 1) == 0
    assert (z, initial_states, seq_idx, cu_seqlens) == (None,) * 4
    step = dt.float() + dt_bias.float()
    step = softplus(step) if dt_softplus else step
    state, out = x.new_zeros(batch, heads, head_dim, B.shape[-1], dtype=torch.float32), []
    for t in range(seqlen):
        drive = torch.einsum("bh,bhp,bn->bhpn", step[:, t], x[:, t].float(), B[:, t, 0].float())
        state = torch.exp(step[:, t] * A)[..., None, None] * state + drive
        out.append(torch.einsum("bhpn,bn->bhp", state, C[:, t, 0].float()))
    return (torch.stack(out, 1) + D.float()[:, None] * x.float()).to(x.dtype)


def mamba_split_conv1d_scan_combined(
    zxbcdt,
    conv1d_weight,
    conv1d_bias,
    dt_bias,
    A,
    D,
    chunk_size,
    initial_states=None,
    seq_idx=None,
    dt_limit=(0.0, math.inf),
    return_final_states=False,
    activation="silu",
    rmsnorm_weight=None,
    rmsnorm_eps=1e-6,
    outproj_weight=None,
    outproj_bias=None,
    headdim=None,
    ngroups=1,
    norm_before_gate=True,
    state_dtype=None,
):
    """Do all of a layer but its first map, whose parts are z, x, B, C and dt, in that order."""
    heads = D.shape[0]
    dim = heads * headdim
    states = (conv1d_weight.shape[0] - dim) // 2
    assert ngroups == 1
    assert zxbcdt.shape[-1] == 2 * dim + 2 * states + heads
    z, xbc, dt = torch.split(zxbcdt, [dim, dim + 2 * states, heads], -1)
    xbc = causal_conv1d_fn(
        xbc.contiguous().mT, conv1d_weight, conv1d_bias, activation=activation
    ).mT
    x, b, c = torch.split(xbc, [dim, states, states], -1)
    x = x.unflatten(-1, (heads, headdim))
    b, c = b[:, :, None], c[:, :, None]
    y = mamba_chunk_scan_combined(
        x, dt, A, b, c, chunk_size, D=D, dt_bias=dt_bias, dt_softplus=True
    )
    y, gate = y.flatten(2).float(), z.float() * torch.sigmoid(z.float())
    y = y if norm_before_gate else y * gate
    y = y / torch.sqrt((y * y).mean(-1, keepdim=True) + rmsnorm_eps) * rmsnorm_weight.float()
    y = y * gate if norm_before_gate else y
    return torch.einsum("bsd,od->bso", y.to(zxbcdt.dtype), outproj_weight)
