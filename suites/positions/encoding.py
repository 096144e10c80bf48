"""Encoding: attention with one way to tell positions, in a fast form and by its paper's formula."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.profiler import profile

from bench import Setting
from bench.operator import Operands
from suites.positions.workload import QKV, Workload


class Encoding(nn.Module):
    """Subclass with `make`, `place` and `forward`, and with `logits` beside them, the definition.

    `forward` is timed, and stands on parameters and on constants that `place` made. `logits` and
    `values` say plainly, by positions, what the paper says; they may use the parameters alone.
    Parameters are drawn, as large as trained ones are.
    """

    def __init__(self, problem: Workload, setting: Setting, **options: Any):
        super().__init__()
        self.problem, self.setting = problem, setting
        for name, value in options.items():
            setattr(self, name, value)
        self.make()
        self.place(0)

    def make(self) -> None:
        """Draw the parameters, where there are any."""
        return None

    def place(self, first: int) -> None:
        """Make the constants of tokens that stand one after another from position `first` on."""
        return None

    def standing(self, first: int) -> Tensor:
        """Return the positions (S,) of such tokens."""
        return torch.arange(first, first + self.problem.seqlen, device=self.setting.device)

    @abstractmethod
    def forward(self, inputs: QKV) -> Tensor:
        """Return the output (B, H, S, D)."""

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        """Return the logits (B, H, R, S) by the definition, in the dtype of q."""
        return q_BHRD @ k_BHSD.transpose(-2, -1) * self.scale

    def values(
        self, weights_BHRS: Tensor, v_BHSD: Tensor, query_R: Tensor, key_S: Tensor
    ) -> Tensor:
        """Return the weighted values (B, H, R, D) by the definition."""
        return weights_BHRS @ v_BHSD

    def findings(self, seed: int) -> Sequence[Any]:
        """Return measurements of what is this encoding's own to tell."""
        return ()

    @property
    def scale(self) -> float:
        return self.problem.head_dim**-0.5

    @property
    def shift(self) -> int:
        """Return how far all tokens can be moved on within the context."""
        return self.problem.positions - self.problem.seqlen

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def constant_bytes(self) -> int:
        kept = [value for value in vars(self).values() if isinstance(value, Tensor)]
        return sum(tensor.numel() * tensor.element_size() for tensor in kept)

    def drawn(self, *shape: int, std: float = 1.0) -> nn.Parameter:
        """Draw one more parameter; the same for every dtype and device, but for rounding."""
        generator = torch.Generator().manual_seed(len(list(self.parameters())))
        numbers = torch.randn(shape, generator=generator, dtype=torch.float64) * std
        weight = numbers.to(self.setting.device, self.setting.dtype)
        return nn.Parameter(weight, requires_grad=self.setting.backward)

    def copied(self) -> Self:
        """Return a copy with parameters of its own."""
        return copy.deepcopy(self)

    def moved_by(self, shift: int) -> Self:
        """Return the same encoding where every token stands `shift` positions further on."""
        moved = self.copied()
        moved.place(shift)
        return moved

    def attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        """Attend by torch's own operator; a bias (B or 1, H, S, S) hides later keys itself."""
        causal = self.problem.causal and bias is None
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, is_causal=causal, scale=self.scale
        )

    def verify(self, operands: Operands) -> dict[str, str]:
        """Say which of torch's kernels attended: it chooses by what it is given."""
        with torch.set_grad_enabled(self.setting.backward), profile() as log:
            self(operands.tensors)
        names = {event.name.partition("::")[2] for event in log.function_events or ()}
        fused = sorted(name for name in names if name.startswith("_scaled_dot_product_"))
        return {"attended_by": ", ".join(fused) or "matmul and softmax"}


def distances(position_S: Tensor, causal: bool) -> Tensor:
    """Return how far keys lie back (N,), from the farthest on to 0, or on to the farthest ahead.

    Queries and keys stand one after another, so that N = S, or 2 S - 1, tell of all pairs.
    """
    back_S = (position_S[-1] - position_S).abs()
    return back_S if causal else torch.cat([back_S, -back_S[:-1].flip(0)])


def toeplitz(by_distance_HN: Tensor, seqlen: int) -> Tensor:
    """Lay values by distance out as (H, S, S), row i and column j holding that of i - j."""
    missing = 2 * seqlen - 1 - by_distance_HN.shape[-1]
    padded = F.pad(by_distance_HN, (0, missing), value=-torch.inf)  # of keys that lie ahead
    return padded.unfold(-1, seqlen, 1).flip(-2)


def rel_shift(by_distance_BHSN: Tensor) -> Tensor:
    """Turn columns by distance into columns by key, (B, H, S, S): Dai et al. 2019, appendix B.

    Row i of (S, N) begins at the farthest distance S - 1; a row longer by one makes each row of
    the same numbers begin one later.
    """
    *_, seqlen, num_distances = by_distance_BHSN.shape
    longer = F.pad(by_distance_BHSN, (1, 0)).flatten(-2)[..., seqlen:]
    return longer.unflatten(-1, (seqlen, num_distances))[..., :seqlen]
