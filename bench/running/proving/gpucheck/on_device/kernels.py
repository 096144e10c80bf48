"""What the profiler sees of calls whose kernels are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bench.checking.computing import computing
from bench.workers.roles.kernels import kernels_of


def seen(device: str) -> dict[str, list[str] | None]:
    """Name the kernels that compute, by call; None where not even the canary is seen."""
    torch.cuda.set_device(device)
    x = torch.randn(512, 512, device=device)
    calls: dict[str, Callable[[], Any]] = {
        "a product": lambda: x @ x,
        "a copy": lambda: x.clone(),
        "nothing": lambda: None,
    }
    for call in calls.values():
        call()  # what libraries load once is no kernel of a call
    found = {what: kernels_of(call, torch.device(device)) for what, call in calls.items()}
    return {what: names if names is None else computing(names) for what, names in found.items()}
