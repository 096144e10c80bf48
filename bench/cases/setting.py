"""How a problem is to be solved: element type, device, pass, threads, ranks, cache state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from bench.cases.case import Case


@dataclass(frozen=True)
class Setting:
    """The torch view of a case's axes that are not the problem's own; lives in workers only."""

    dtype: torch.dtype
    device: torch.device
    pass_: str = "fwd"
    threads: int = 1
    ranks: int = 1
    cache: str = "warm"

    @classmethod
    def of(cls, case: Case) -> Setting:
        """Turn the plain names of a case into torch objects."""
        import torch

        return cls(
            dtype=getattr(torch, case.dtype),
            device=torch.device(case.device),
            pass_=case.pass_,
            threads=case.threads,
            ranks=case.ranks,
            cache=case.cache,
        )

    @property
    def backward(self) -> bool:
        """Say whether gradients are part of what is asked."""
        return self.pass_ == "fwd_bwd"
