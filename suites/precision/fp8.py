"""FP8 training: Micikevicius et al. 2022 (arXiv:2209.05433), by torchao's float8 linear layers.

Weights, inputs and gradients of linear layers are cast to e4m3 with one scale a tensor, products
are torch's scaled matmul; everything else is BF16 mixed precision.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench import Setting, Unsupported, variant
from suites.precision.policy import Policy
from suites.precision.problem import Training

ALIGNED = 16  # sizes that the scaled product takes are multiples of this
SCALED_SINCE = (8, 9)  # NVIDIA's compute capability


@variant(marks=["beside", "torchao"], computes_in=["float8_e4m3fn"], needs=["torchao"])
def fp8(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Compute linear layers' products in float8 e4m3, scaled by tensor; weights in float32."""
    device = setting.device
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < SCALED_SINCE:
        raise Unsupported("products of float8 need an NVIDIA GPU since Ada or Hopper")
    return _Float8(problem, setting, compute=torch.bfloat16, compiled=compiled)


class _Float8(Policy):
    def converted(self, network: nn.Module) -> nn.Module:
        from torchao.float8 import Float8LinearConfig, convert_to_float8_training

        if not any(_fits(module) for module in network.modules()):
            raise Unsupported(f"needs linear layers of sizes that {ALIGNED} divides, found none")
        return convert_to_float8_training(
            network, module_filter_fn=lambda module, _: _fits(module), config=Float8LinearConfig()
        )

    def coarsened(self, network: nn.Module) -> nn.Module:
        """Round inputs, weights and gradients of the same layers to e4m3, and nothing else."""
        for module in list(network.modules()):
            for name, child in module.named_children():
                if _fits(child):
                    setattr(module, name, _Rounding(child))
        return network


def _fits(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and all(s % ALIGNED == 0 for s in module.weight.shape)


class _Rounding(nn.Module):
    """A linear layer whose factors are rounded to e4m3, forward and backward, by plain casts."""

    def __init__(self, linear: Any):
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _RoundedProduct.apply(x, self.weight)  # type: ignore[no-untyped-call]
        return product if self.bias is None else product + self.bias


class _RoundedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _rounded(x) @ _rounded(weight).T

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        upstream = _rounded(grad)
        rows = upstream.flatten(0, -2)
        return upstream @ _rounded(weight), rows.T @ _rounded(x).flatten(0, -2)


def _rounded(tensor: Tensor) -> Tensor:
    """Round to e4m3 by one scale that brings the largest element to its largest number."""
    most = torch.finfo(torch.float8_e4m3fn).max
    largest = tensor.detach().abs().max().double().clamp(min=1e-12)
    scale = (most / largest).to(torch.float32)
    wide = (tensor.detach().float() * scale).clamp(-most, most)
    return (wide.to(torch.float8_e4m3fn).float() / scale).to(tensor.dtype)
