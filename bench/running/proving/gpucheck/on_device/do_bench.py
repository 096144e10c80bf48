"""The same calls by the CUDA clock and by triton's `do_bench`."""

from __future__ import annotations

import torch

from bench.cases.variant import Unsupported
from bench.running.proving.gpucheck.on_device.clock import by_clock

SIZE = 4096
COPIED_BYTES = 256 << 20


def compared(device: str) -> dict[str, tuple[float, float]]:
    """Return the seconds of calls, ours and triton's; `Unsupported` without triton."""
    try:
        from triton.testing import do_bench
    except ImportError as error:
        raise Unsupported(f"triton cannot be imported: {error}") from error
    torch.cuda.set_device(device)
    left = torch.randn(SIZE, SIZE, device=device)
    product = torch.empty_like(left)
    source = torch.ones(COPIED_BYTES, dtype=torch.uint8, device=device)
    copy = torch.empty_like(source)
    calls = {
        "a product": lambda: torch.mm(left, left, out=product),
        "a copy": lambda: copy.copy_(source),
    }
    return {
        what: (by_clock(device, call, "cold"), do_bench(call, return_mode="median") * 1e-3)
        for what, call in calls.items()
    }
