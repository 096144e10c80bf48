"""Hooks that DDP's gradients go through: rounded on their way, or of low rank."""

from __future__ import annotations

from typing import Any

import torch

from bench import Unsupported

ROUNDED = {"fp16": torch.float16, "bf16": torch.bfloat16}


def register(network: Any, hook: str) -> torch.dtype:
    """Have a DDP module's gradients rounded on their way; return to what.

    Unsupported for PowerSGD (Vogels et al. 2019, arXiv:1905.13727): gradients of low rank are
    another training, which no rounding of one process allows for.
    """
    if hook == "powersgd":
        raise Unsupported(
            "trains on gradients of low rank: there is no one process to hold it to; torch's hook "
            "besides crashes or hangs with several buckets, and its batched form always asserts"
        )
    if hook not in ROUNDED:
        raise ValueError(f"expected hook {', '.join(ROUNDED)} or powersgd, got {hook!r}")
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

    compress = getattr(default_hooks, f"{hook}_compress_hook")
    try:
        network.register_comm_hook(None, compress)
    except TypeError as error:  # torch knows which backends it takes bfloat16 to
        raise Unsupported(f"is refused by torch over this backend: {error}") from error
    return ROUNDED[hook]
