"""A workload on which precision matters: large weights that are nearly right, and small steps.

Pure 16 bits lose the steps, which are below half a place of the weights; float16 without scaling
the gradients, since targets of a small scale are averaged over many outputs; and each rounding of
products leaves a floor, since what is learned is as small as it. Shapes: B batch, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench import Call, Plain, Setting, Verdict
from suites.precision.training import Training
from suites.precision.workload import Batch

RIGHT = 12345  # the seed of the weights that would be right
AWAY = 0.02  # how far the first ones are from them, relative: some five places of bfloat16
GAIN = 1.4  # times 1 / sqrt(W): tanh neither fades nor saturates
SCALE = 2.0**-5  # of the targets


@dataclass(frozen=True)
class FineTuning(Training):
    """Regression by a network without norms, whose weights begin near those of the teacher."""

    batch: int = 64
    width: int = 128
    num_layers: int = 3
    learning_rate: float = 3e-5
    num_steps: int = 150
    micro_batches: int | None = None
    adamw: str | None = None

    rows_apart: ClassVar[bool] = True
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"batch": 8, "width": 32},)

    def __post_init__(self) -> None:
        self.expect_positive("batch", "width", "num_layers", "num_steps")
        self.expect_way()
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"expected learning_rate between 0 and 1, got {self.learning_rate}")

    def network(self, seed: int) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        network = self._teacher()
        with torch.no_grad():
            for weight in network.parameters():
                noise = torch.randn(weight.shape, generator=generator)
                weight.add_(noise, alpha=AWAY * float(weight.abs().mean()))
        return network

    def _teacher(self) -> nn.Sequential:
        generator = torch.Generator().manual_seed(RIGHT)
        linear = [nn.Linear(self.width, self.width) for _ in range(self.num_layers)]
        for layer in linear:
            nn.init.normal_(layer.weight, std=GAIN / self.width**0.5, generator=generator)
            nn.init.normal_(layer.bias, std=GAIN / self.width**0.5, generator=generator)
        inner: list[nn.Module] = [part for layer in linear for part in (layer, nn.Tanh())]
        return nn.Sequential(*inner[:-1])

    def draw(self, seed: int) -> Batch:
        x_BW = torch.randn(self.batch, self.width, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            return x_BW, SCALE * self._teacher()(x_BW)

    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        y_BW: Tensor = network(batch[0])
        return y_BW

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        wide = torch.promote_types(output.dtype, torch.float32)
        return (SCALE * output.to(wide) - batch[1].to(wide)).square().mean()

    def check(self, call: Call, inputs: Any, setting: Setting) -> Verdict:
        """Ask for targets far off: of those near by, 16 bits leave no gradient to hold to."""
        far = torch.full_like(inputs[1], 1 / SCALE)
        return super().check(call, (inputs[0], far), setting)

    def flops(self, setting: Setting) -> int:
        """Count the products of forward and, twice as many but the first layer's, backward."""
        return 2 * self.batch * self.width**2 * (3 * self.num_layers - 1)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"rows": self.batch}
