"""What an encoding tells attention: does it see where all tokens stand, and how near they are?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from bench import Measurement, Setting
from suites.positions.encoding import Encoding
from suites.positions.workload import QKV, Workload

SEEDS_APART = 1 << 16  # from the inputs that are timed
ROWS = 64  # of queries, of which logits are compared in float64


def measured(
    problem: Workload, encoding: Encoding, seed: int, setting: Setting
) -> list[Measurement]:
    """Measure two properties for one draw of tokens, and what is the encoding's own to tell."""
    forward = replace(setting, pass_="fwd")
    qkv: QKV = problem.make_inputs(SEEDS_APART + seed, forward).tensors
    with torch.no_grad():
        found = {
            "out_shift_change": out_shift_change(encoding, qkv),
            "logit_shift_change": logit_shift_change(encoding, qkv),
            "attended_distance": attended_distance(encoding, qkv),
        }
    return [*(Measurement(k, "1", [v]) for k, v in found.items()), *encoding.findings(seed)]


def out_shift_change(encoding: Encoding, qkv: QKV) -> float:
    """Return how far outputs change, relative to them, when all tokens stand further on."""
    return relative(encoding.moved_by(encoding.shift)(qkv), encoding(qkv))


def logit_shift_change(encoding: Encoding, qkv: QKV) -> float:
    """Return the same of logits by the definition in float64, among the first tokens."""
    wide = encoding.copied().double()
    q, k = (x[..., :ROWS, :].double() for x in (qkv.q_BHSD, qkv.k_BHSD))
    here = torch.arange(q.shape[-2], device=q.device)
    there = here + encoding.shift
    return relative(wide.logits(q, k, there, there), wide.logits(q, k, here, here))


def attended_distance(encoding: Encoding, qkv: QKV) -> float:
    """Return how far attention looks among tokens that are alike, over what an even one would.

    Values say where they stand, and what an encoding adds to values is taken off again.
    """
    q, _, v = qkv
    alike = q[..., :1, :].expand_as(q).contiguous()
    position_S = torch.arange(q.shape[-2], device=q.device, dtype=torch.float64)
    apart_SS = (position_S[:, None] - position_S).abs()
    seen_SS = torch.ones_like(apart_SS)
    seen_SS = seen_SS.tril() if encoding.problem.causal else seen_SS
    even_S = (apart_SS * seen_SS).sum(-1) / seen_SS.sum(-1)
    weights = attention_of(encoding, alike, v)
    return float((weights * apart_SS).sum(-1).mean() / even_S.mean())


def attention_of(encoding: Encoding, alike_BHSD: Tensor, v_BHSD: Tensor) -> Tensor:
    """Return the weights (B, H, S, S) of an encoding by D keys at a time, each told by a value."""
    none = encoding(QKV(alike_BHSD, alike_BHSD, torch.zeros_like(v_BHSD))).double()
    seqlen, head_dim = v_BHSD.shape[-2:]
    columns = []
    for first in range(0, seqlen, head_dim):
        ones_SD = torch.eye(seqlen, device=v_BHSD.device, dtype=v_BHSD.dtype)
        told = ones_SD[:, first : first + head_dim].expand(*v_BHSD.shape[:2], -1, -1)
        padded = torch.nn.functional.pad(told, (0, head_dim - told.shape[-1]))
        out = encoding(QKV(alike_BHSD, alike_BHSD, padded.contiguous())).double() - none
        columns.append(out[..., : told.shape[-1]])
    return torch.cat(columns, -1)


def relative(changed: Tensor, same: Tensor) -> float:
    """Return the L2 norm of a change over that of what it changes."""
    return float((changed.double() - same.double()).norm() / same.double().norm())
