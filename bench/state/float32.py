"""How float32 products are computed: one place that sets torch's switches, by their newer names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

Products = Literal["ieee", "tf32", "bf16"]


def set_float32_products(precision: Products) -> None:
    """Set matmul, convolution and RNN products of float32, in this process, on every device.

    cuDNN's default is TF32, matmul's is not. CUDA has no `bf16`: there it is `tf32`, as at torch's
    own level `medium`. The older switches (`allow_tf32`) are left alone: torch refuses a mixture.
    """
    for switch, own in zip(_switches(), _values(precision), strict=True):
        switch.fp32_precision = own


@contextmanager
def float32_products(precision: Products) -> Iterator[None]:
    """Compute float32's products in another precision for a while."""
    switches = _switches()
    before = [switch.fp32_precision for switch in switches]
    set_float32_products(precision)
    try:
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.fp32_precision = value


def _switches() -> tuple[Any, ...]:
    cudnn: Any = torch.backends.cudnn
    mkldnn: Any = torch.backends.mkldnn
    cuda = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    return (*cuda, mkldnn.matmul, mkldnn.conv, mkldnn.rnn)


def _values(precision: Products) -> tuple[Products, ...]:
    cuda: Products = "tf32" if precision == "bf16" else precision
    return (cuda,) * 3 + (precision,) * 3
