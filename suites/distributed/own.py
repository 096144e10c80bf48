"""A module and a loss of the user's own, trained by every strategy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from bench import Setting, Unsupported
from bench.workload import lifted
from suites.distributed.problem import Training
from suites.distributed.workload import Batch, select
from suites.models.own_training import OwnParts, for_tensors
from suites.models.seeded import seeded

APART = 1e-9  # relative: what float64 leaves between a mean over rows and the mean of two halves


@dataclass(frozen=True)
class OwnTraining(OwnParts, Training):
    """Subclass as a frozen dataclass with `build`, `make_batch` and `loss`; see docs/adding.md.

    `make_batch` draws the `batch` rows of all ranks. `layers` are classes, or their names, of the
    layers that are sharded one by one; where there are none, those of the first list of modules.
    """

    layers: ClassVar[tuple[type[nn.Module] | str, ...]] = ()

    batch: int = 8
    loss_steps: int = 20
    precision: str = "float32"

    def __post_init__(self) -> None:
        self.expect_sizes()

    def network(self, seed: int) -> nn.Module:
        return seeded(seed, self.build).train()

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        with torch.device("meta"):
            return tuple(tuple(p.shape) for p in self.build().parameters())

    def layers_of(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the layers by class, or those of the first list that has several of a class."""
        if self.layers:
            return self._named(network)
        for module in network.modules():
            children = list(module.children())
            listed = isinstance(module, nn.ModuleList | nn.Sequential)
            if listed and len(children) > 1 and len({type(child) for child in children}) == 1:
                return children
        return []

    def _named(self, network: nn.Module) -> list[nn.Module]:
        known = {kind if isinstance(kind, str) else kind.__name__ for kind in self.layers}
        found = [module for module in network.modules() if type(module).__name__ in known]
        if not found:
            raise Unsupported(f"has no layers of class {' or '.join(sorted(known))} to shard")
        return found

    def exactly(self) -> AbstractContextManager[object]:
        return lifted()

    def work(self, setting: Setting) -> dict[str, float]:
        """Count the rows of all ranks; a subclass may count what they are made of."""
        return {"rows": float(self.batch)}

    def vet(self, inputs: Batch, setting: Setting) -> dict[str, str]:
        """Refuse what ranks cannot share out: each has the mean loss over its own rows."""
        network = self.network(0)
        frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
        if frozen:
            raise Unsupported(f"needs parameters that are all trained, got {frozen[0]} frozen")
        batch = for_tensors(
            lambda t: t.double() if t.is_floating_point() else t, self.make_batch(inputs.seed)
        )
        with lifted(), torch.no_grad():
            network = network.double()
            whole, again = (float(self.loss(network, batch)) for _ in range(2))
            parts = [
                float(self.loss(network, select(batch, slice(i, None, 2), self.batch)))
                for i in range(min(self.batch, 2))
            ]
        if whole != again:
            raise Unsupported(
                "needs a loss of weights and batch alone; it differs from call to call"
            )
        self._expect_mean(whole, parts)
        return {}

    def _expect_mean(self, whole: float, parts: list[float]) -> None:
        counts = [len(range(i, self.batch, 2)) for i in range(len(parts))]
        mean = sum(n * part for n, part in zip(counts, parts, strict=True)) / self.batch
        if abs(mean - whole) > APART * max(abs(whole), abs(mean)):
            raise Unsupported(
                f"needs a loss that is the mean over rows; of all rows it is {whole:.6g}, the mean "
                f"over two halves is {mean:.6g}"
            )
