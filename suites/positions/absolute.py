"""What sinusoidal and learned positions share: a table that is added before attention."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from suites.positions.encoding import Encoding
from suites.positions.workload import QKV


class Absolute(Encoding):
    """Add p_i (M,) to what is projected, so that (x + p) W = x W + p W; W of p is taken as 1.

    The heads share the width M out. A network pays for it once, before its first layer.
    """

    @abstractmethod
    def table(self, position_S: Tensor) -> Tensor:
        """Return p (S, M) of the definition; float64, or a parameter's dtype."""

    def by_head(self, table_SM: Tensor) -> Tensor:
        """Share the width out among the heads, (H, S, D)."""
        return table_SM.unflatten(-1, (self.problem.num_heads, -1)).transpose(0, 1)

    def forward(self, inputs: QKV) -> Tensor:
        return self.attend(*(x + self.told() for x in inputs))

    @abstractmethod
    def told(self) -> Tensor:
        """Return what is added (H, S, D), in the inputs' dtype."""

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        q = q_BHRD + self.by_head(self.table(query_R)).to(q_BHRD.dtype)
        k = k_BHSD + self.by_head(self.table(key_S)).to(k_BHSD.dtype)
        return torch.einsum("bhid,bhjd->bhij", q, k) * self.scale

    def values(
        self, weights_BHRS: Tensor, v_BHSD: Tensor, query_R: Tensor, key_S: Tensor
    ) -> Tensor:
        return weights_BHRS @ (v_BHSD + self.by_head(self.table(key_S)).to(v_BHSD.dtype))
