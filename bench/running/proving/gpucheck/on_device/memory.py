"""What the caching allocator says of a product by itself."""

from __future__ import annotations

import torch


def peak_of_a_product(device: str, size: int) -> float:
    """Return the allocator's peak of a second product, cuBLAS's workspace within it."""
    torch.cuda.set_device(device)
    x = torch.randn(size, size, device=device)
    x @ x
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    x @ x
    torch.cuda.synchronize()
    return float(torch.cuda.max_memory_allocated())
