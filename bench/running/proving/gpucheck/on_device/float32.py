"""Errors of float32 kernels against float64, as a worker is set, and with TF32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.state.float32 import float32_products

Calls = dict[str, Callable[[torch.dtype], Tensor]]


def errors(device: str) -> dict[str, Any]:
    """Return relative L2 errors by kernel, under `ieee` and `tf32`, and the card's capability."""
    there = torch.device(device)
    calls = _calls(there)
    ieee = _errors(calls)
    with float32_products("tf32"):
        tf32 = _errors(calls)
    capability = torch.cuda.get_device_capability(there) if there.type == "cuda" else (0, 0)
    return {"ieee": ieee, "tf32": tf32, "capability": list(capability)}


def _errors(calls: Calls) -> dict[str, float]:
    return {what: _error(call(torch.float32), call(torch.float64)) for what, call in calls.items()}


def _error(got: Tensor, exact: Tensor) -> float:
    return float((got.double() - exact).norm() / exact.norm())


@torch.no_grad()
def _calls(device: torch.device) -> Calls:
    """Return kernels by name, on inputs that are the same in every dtype."""
    generator = torch.Generator(device).manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    images, filters = drawn(8, 64, 32, 32), drawn(64, 64, 3, 3)
    left, right = drawn(1024, 1024), drawn(1024, 1024)
    torch.manual_seed(0)
    recurrent = torch.nn.GRU(256, 256).to(device).requires_grad_(False)
    words = drawn(16, 32, 256)
    return {
        "convolution": lambda dtype: torch.nn.functional.conv2d(
            images.to(dtype), filters.to(dtype)
        ),
        "product": lambda dtype: left.to(dtype) @ right.to(dtype),
        "recurrence": lambda dtype: recurrent.to(dtype)(words.to(dtype))[0],
    }
