"""Later FlashAttentions that torch runs as its own operator, once their packages are registered."""

from __future__ import annotations

from dataclasses import dataclass

from torch.nn.attention import (
    SDPBackend,
    activate_flash_attention_impl,
    current_flash_attention_impl,
)

from bench import Setting, Unsupported, variant
from bench.operator import Operands
from suites.attention.problem import SoftmaxAttention
from suites.attention.sdpa import ForcedSdpa, force, operators_of
from suites.models.on_gpu import expect_gpu


@variant(sets=["attention"], marks=["sdpa", "gpu"], needs=["flash_attn_interface"])
def sdpa_flash_3(problem: SoftmaxAttention, *, setting: Setting) -> Registered:
    """FlashAttention-3 for Hopper, Shah et al. 2024 (arXiv:2407.08608), as torch's operator."""
    expect_gpu(setting, 9)
    return register("FA3", "flash_attn_3::", problem, setting)


@variant(sets=["attention"], marks=["sdpa", "gpu"], needs=["flash_attn"])
def sdpa_flash_4(problem: SoftmaxAttention, *, setting: Setting) -> Registered:
    """FlashAttention-4 of the package flash-attn-4, for Hopper and Blackwell, as torch's operator.

    Its kernels are compiled when they are first called.
    """
    expect_gpu(setting, 9, 10)
    return register("FA4", "", problem, setting)


def register(name: str, operators: str, problem: SoftmaxAttention, setting: Setting) -> Registered:
    """Let torch's flash backend be this one for the rest of this process, and force it."""
    try:
        activate_flash_attention_impl(name)
    except RuntimeError as error:  # the package is there, and has not what torch wants of it
        raise Unsupported(f"torch cannot register it: {error}") from error
    forced = force(SDPBackend.FLASH_ATTENTION, "flash_attention", problem, setting)
    return Registered(**vars(forced), name=name, operators=operators)


@dataclass(frozen=True)
class Registered(ForcedSdpa):
    """SDPA whose flash backend is another; `operators` begins the names of those it must run."""

    name: str
    operators: str

    def verify(self, operands: Operands) -> None:
        """Prove that the flash backend ran, and that it is the one that was registered."""
        super().verify(operands)
        active = current_flash_attention_impl()
        if active != self.name:
            raise Unsupported(f"asked for {self.name}, but torch has {active or 'its own'} active")
        names = operators_of(self.step, operands.tensors)
        if not any(name.startswith(self.operators) for name in names):
            raise Unsupported(f"asked for {self.name}, but torch ran {', '.join(sorted(names))}")
