"""The work itself: two towers, a global batch of pairs, and the rows that are one rank's.

B is the global batch, b = B / N a rank's own, D the embedding. Every loss compares every image with
every text: B^2 logits. What differs is where they are computed, and how many live at a time.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Measurement, Plain, Problem, Setting, Unsupported
from suites.distributed.workload import rank_of, trajectory
from suites.models.two_towers import Embedded, Pairs, TwoTowers, pairs, two_towers


@dataclass(frozen=True)
class ContrastiveWorkload(Problem):
    """A step of two towers on a global batch of pairs, whatever the number of ranks.

    `features` is the width of an input, `embedding` that of what is compared. `loss_steps` is the
    length of the loss trajectory.
    """

    batch: int = 1024
    features: int = 64
    embedding: int = 32
    loss_steps: int = 20

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    ranks: ClassVar[tuple[int, ...]] = (1, 2)
    preload: ClassVar[tuple[str, ...]] = ("torch._dynamo", "torch.distributed.device_mesh")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 16, "features": 12, "embedding": 4, "loss_steps": 2},
    )
    with_bias: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("batch", "features", "embedding", "loss_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")

    def network(self, seed: int) -> TwoTowers:
        return two_towers(self.features, self.embedding, self.with_bias, seed)

    def global_batch(self, seed: int, device: torch.device) -> Pairs:
        """Draw the whole batch; every rank draws the same."""
        drawn = pairs(seed, self.batch, self.features)
        return Pairs(drawn.images_BF.to(device), drawn.texts_BF.to(device), seed)

    def make_inputs(self, seed: int, setting: Setting) -> Pairs:
        """Draw the global batch and keep this rank's rows."""
        own, rest = divmod(self.batch, setting.ranks)
        if rest:
            raise Unsupported(
                f"needs a batch divisible by ranks, got {self.batch} and {setting.ranks}"
            )
        whole = self.global_batch(seed, setting.device)
        rows = slice(rank_of(setting) * own, (rank_of(setting) + 1) * own)
        return Pairs(whole.images_BF[rows].clone(), whole.texts_BF[rows].clone(), seed)

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Return the loss of the global batch, step by step."""
        return trajectory(self, built, seed, setting)

    def quality_calls(self, setting: Setting) -> int:
        return self.loss_steps

    def work(self, setting: Setting) -> dict[str, float]:
        return {"pairs": float(self.batch)}

    @staticmethod
    @abstractmethod
    def loss(given: Embedded) -> Tensor:
        """Compute the loss of a whole batch in one process, all logits at once."""
