"""Inception-v3 with weights drawn from a seed: features of every size, and no file to fetch."""

from __future__ import annotations

from pathlib import Path

import torch

from suites.samplers.inception import Inception


def write_inception(path: Path, seed: int = 0) -> Path:
    """Keep a state dict whose activations neither fade nor grow with depth (He et al. 2015)."""
    generator = torch.Generator().manual_seed(seed)

    def normal(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=generator)

    with torch.device("meta"):
        weights = Inception().state_dict()
    for name, tensor in weights.items():
        if tensor.ndim > 1:
            weights[name] = normal(tensor) * (2 / tensor[0].numel()) ** 0.5
        elif name.endswith(("bn.weight", "running_var")):
            weights[name] = 0.5 + torch.rand(tensor.shape, generator=generator)
        elif not name.endswith("num_batches_tracked"):
            weights[name] = 0.1 * normal(tensor)
        else:
            weights[name] = torch.tensor(0)
    torch.save(weights, path)
    return path
