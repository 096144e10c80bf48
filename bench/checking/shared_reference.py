"""References that cases of a session share: the same question, asked of other variants or ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from bench.system.session_cache import made_once


def tensors_once_a_session(name: str, make: Callable[[], Sequence[Tensor]]) -> list[Tensor]:
    """Return tensors of the first attempt of a session that asked, on the CPU, not to be changed.

    `name` must tell everything they depend on besides the sources. They are mapped from a file, so
    that ranks share one copy in memory.
    """

    def write(path: Path) -> None:
        torch.save([tensor.detach().cpu().contiguous() for tensor in make()], path)

    path = made_once(name, ".pt", write)
    if path is None:
        return [tensor.detach() for tensor in make()]
    found: list[Tensor] = torch.load(path, weights_only=True, mmap=True)
    return found
